#include "sim/auth.h"

#include "base/clock.h"
#include "crypto/hex.h"
#include "crypto/hmac.h"

#include <inttypes.h>

/* Meta accepts a proof that is bound to a time for this long (meta-graph.md §8). */
#define PROOF_WINDOW_S 300

/* --- the request's token ------------------------------------------------------------------ */

/* From the header, else from the parameters; empty when there is none. */
static struct str token_text(const struct sim_call *call)
{
    struct str header = http_header_get(call->request, STR("authorization"), NULL);
    struct str scheme = str_split(&header, ' ');
    if (str_eq_nocase(scheme, STR("Bearer")) || str_eq_nocase(scheme, STR("OAuth")))
        return str_trim(header);
    struct str param = sim_params_get(&call->params, "access_token");
    return param.ptr ? param : STR("");
}

/* "APPID|APPSECRET" */
static bool is_app_token(const struct sim_app *app, struct str token)
{
    struct str secret = token;
    struct str id = str_split(&secret, '|');
    return app->secret && str_eq(id, str_from(app->id)) && str_eq(secret, str_from(app->secret));
}

/* "Thursday, 01-Jan-26 00:00:00 PST": Meta counts in California's winter time here. */
static void format_pacific(int64_t seconds, char *out, size_t size)
{
    time_t pacific = (time_t)(seconds - 8 * 3600);
    struct tm parts = {0};
    char day[32] = "", time[16] = "";
    gmtime_r(&pacific, &parts);
    strftime(day, sizeof(day), "%A, %d-%b", &parts);
    strftime(time, sizeof(time), "%H:%M:%S", &parts);
    snprintf(out, size, "%s-%02d %s PST", day, parts.tm_year % 100, time);
}

static void fail_expired(struct sim_call *call, const struct sim_token *token)
{
    char then[64], now[64];
    int64_t now_s = clock_now_ms() / 1000;
    bool past = token && token->expires_at && token->expires_at < now_s;
    format_pacific(past ? token->expires_at : now_s - 3600, then, sizeof(then));
    format_pacific(now_s, now, sizeof(now));
    sim_call_fail(call, SIM_FAIL_EXPIRED_TOKEN,
                  "Error validating access token: Session has expired on %s. The current time is "
                  "%s.",
                  then, now);
}

/* msg is the token, or "token|time" where the caller bound the proof to a time. */
static bool is_proof_right(struct sim_call *call, struct str token, struct str proof)
{
    struct str time = sim_params_get(&call->params, "appsecret_time");
    int64_t at;
    if (time.ptr &&
        (!str_to_i64(time, &at) || llabs((long long)(clock_now_ms() / 1000 - at)) > PROOF_WINDOW_S))
        return false;
    const struct str parts[] = {token, STR("|"), time};
    unsigned char given[HMAC_LEN], right[HMAC_LEN];
    hmac_sha256(&call->sim->hmac, str_from(call->state->app.secret), parts, time.ptr ? 3 : 1,
                right);
    return hex_decode(proof, given, HMAC_LEN) && bytes_equal(given, right, HMAC_LEN);
}

static bool check_proof(struct sim_call *call, struct str token)
{
    const struct sim_app *app = &call->state->app;
    struct str proof = sim_params_get(&call->params, "appsecret_proof");
    if (app->secret && proof.ptr && !is_proof_right(call, token, proof)) {
        sim_call_fail(call, SIM_FAIL_PROOF, "Invalid appsecret_proof provided in the API argument");
        return false;
    }
    if (app->require_proof && !proof.ptr) {
        sim_call_fail(call, SIM_FAIL_PROOF,
                      "API calls from the server require an appsecret_proof argument");
        return false;
    }
    return true;
}

bool sim_auth_check(struct sim_call *call)
{
    struct str token = token_text(call);
    if (token.len == 0) {
        sim_call_fail(call, SIM_FAIL_NO_TOKEN,
                      "An access token is required to request this resource.");
        return false;
    }
    if (call->fault && call->fault->kind == SIM_FAULT_TOKEN_EXPIRED) {
        fail_expired(call, NULL);
        return false;
    }
    if (is_app_token(&call->state->app, token))
        return true;
    call->token = sim_state_find_token(call->state, token);
    if (!call->token) {
        sim_call_fail(call, SIM_FAIL_BAD_TOKEN,
                      "Invalid OAuth access token - Cannot parse access token");
        return false;
    }
    if (sim_token_expired(call->token)) {
        fail_expired(call, call->token);
        return false;
    }
    return check_proof(call, token);
}

bool sim_auth_sees(const struct sim_call *call, const struct sim_account *account)
{
    return call->token && sim_token_sees(call->token, account);
}

/* --- GET /debug_token --------------------------------------------------------------------- */

static void write_scopes(const struct sim_token *token, struct json_writer *w)
{
    json_key(w, "scopes");
    json_open(w, '[');
    if (token->management)
        json_cstr(w, "whatsapp_business_management");
    if (token->messaging)
        json_cstr(w, "whatsapp_business_messaging");
    json_close(w, ']');
}

static void write_granular_scope(const struct sim_call *call, const struct sim_token *token,
                                 const char *scope, struct json_writer *w)
{
    json_open(w, '{');
    json_member_cstr(w, "scope", scope);
    json_key(w, "target_ids");
    json_open(w, '[');
    list_for_each (it, &call->state->accounts) {
        struct sim_account *account = CONTAINER_OF(it, struct sim_account, node.link);
        if (sim_token_sees(token, account))
            json_str(w, sim_node_id(&account->node));
    }
    json_close(w, ']');
    json_close(w, '}');
}

static void write_invalid(struct json_writer *w, int subcode, const char *message)
{
    json_key(w, "error");
    json_open(w, '{');
    json_member_i64(w, "code", 190);
    json_member_cstr(w, "message", message);
    if (subcode)
        json_member_i64(w, "subcode", subcode);
    json_close(w, '}');
    json_member_bool(w, "is_valid", false);
    json_key(w, "scopes");
    json_open(w, '[');
    json_close(w, ']');
}

static void write_token(const struct sim_call *call, const struct sim_token *token,
                        struct json_writer *w)
{
    json_member_cstr(w, "app_id", call->state->app.id);
    json_member_cstr(w, "type", token->type);
    json_member_cstr(w, "application", call->state->app.name);
    json_member_i64(w, "data_access_expires_at", token->expires_at);
    json_member_i64(w, "expires_at", token->expires_at);
    if (sim_token_expired(token)) {
        write_invalid(w, 463, "Error validating access token: Session has expired.");
    } else {
        json_member_bool(w, "is_valid", true);
        json_member_i64(w, "issued_at", token->issued_at);
        write_scopes(token, w);
        json_key(w, "granular_scopes");
        json_open(w, '[');
        if (token->management)
            write_granular_scope(call, token, "whatsapp_business_management", w);
        if (token->messaging)
            write_granular_scope(call, token, "whatsapp_business_messaging", w);
        json_close(w, ']');
    }
    json_member_cstr(w, "user_id", token->user_id);
}

void sim_auth_debug_token(struct sim_call *call)
{
    struct str input = sim_params_get(&call->params, "input_token");
    if (!input.ptr) {
        sim_call_fail(call, SIM_FAIL_PARAMETER, "(#100) The parameter input_token is required");
        return;
    }
    struct json_writer *w = &call->json;
    const struct sim_token *token = sim_state_find_token(call->state, input);
    json_open(w, '{');
    json_key(w, "data");
    json_open(w, '{');
    if (token)
        write_token(call, token, w);
    else
        write_invalid(w, 0, "Invalid OAuth access token - Cannot parse access token");
    json_close(w, '}');
    json_close(w, '}');
}

/* --- /oauth/access_token ------------------------------------------------------------------ */

static void grant(struct sim_call *call, struct str token)
{
    json_open(&call->json, '{');
    json_member_str(&call->json, "access_token", token);
    json_member_cstr(&call->json, "token_type", "bearer");
    json_close(&call->json, '}');
}

static void exchange_code(struct sim_call *call, struct str text)
{
    list_for_each (it, &call->state->codes) {
        struct sim_code *code = CONTAINER_OF(it, struct sim_code, link);
        if (!str_eq(str_from(code->code), text))
            continue;
        if (code->used) {
            sim_call_fail(call, SIM_FAIL_CODE_USED, "This authorization code has been used.");
        } else {
            code->used = true;
            grant(call, str_from(code->token));
        }
        return;
    }
    sim_call_fail(call, SIM_FAIL_CODE_UNKNOWN, "Invalid verification code format.");
}

void sim_auth_access_token(struct sim_call *call)
{
    const struct sim_app *app = &call->state->app;
    struct str id = sim_params_get(&call->params, "client_id");
    struct str secret = sim_params_get(&call->params, "client_secret");
    struct str code = sim_params_get(&call->params, "code");
    struct str type = sim_params_get(&call->params, "grant_type");
    if (!id.ptr || !str_eq(id, str_from(app->id)))
        sim_call_fail(call, SIM_FAIL_PARAMETER, "Missing or invalid client_id parameter.");
    else if (!secret.ptr || !app->secret || !str_eq(secret, str_from(app->secret)))
        sim_call_fail(call, SIM_FAIL_PARAMETER, "Error validating client secret.");
    else if (code.ptr)
        exchange_code(call, code);
    else if (str_eq(type, STR("client_credentials")))
        grant(call, arena_printf(call->arena, "%s|%s", app->id, app->secret));
    else
        sim_call_fail(call, SIM_FAIL_PARAMETER, "Missing authorization code");
}
