/* Where webhooks go, over the Graph API: the app's own callback, /{app}/subscriptions, and what a
 * number has instead (meta-graph.md §3.3, §6.1). Meta takes https only; here, where one develops,
 * http is fine too. */
#include "sim/edges.h"
#include "sim/webhook.h"

#define CALLBACK_MAX 200 /* characters, as Meta limits an override */

/* --- the challenge ------------------------------------------------------------------------ */

bool sim_call_check_callback(struct sim_call *call, const char *name, struct str url,
                             struct str verify_token)
{
    bool is_web = str_starts(url, STR("https://")) || str_starts(url, STR("http://"));
    if (!is_web || url.len > CALLBACK_MAX)
        sim_call_fail(call, SIM_FAIL_PARAMETER,
                      "(#100) Param %s must be an https URL of at most %d characters", name,
                      CALLBACK_MAX);
    else if (verify_token.len == 0)
        sim_call_fail(call, SIM_FAIL_PARAMETER, "(#100) The parameter verify_token is required.");
    else if (verify_token.len > SIM_VERIFY_TOKEN_MAX)
        sim_call_fail(call, SIM_FAIL_PARAMETER, "(#100) Param verify_token is too long");
    else
        return true;
    return false;
}

bool sim_call_verify(struct sim_call *call, struct str url, struct str verify_token)
{
    struct sim_challenge *c = &call->challenge;
    if (!c->known) {
        c->wanted = true;
        c->url = url;
        c->verify_token = verify_token;
        return false;
    }
    if (c->why.len)
        sim_call_fail(call, SIM_FAIL_CALLBACK,
                      "(#2200) Callback verification failed with the following errors: %.*s",
                      STR_FMT(c->why));
    return c->why.len == 0;
}

/* --- /{app}/subscriptions ----------------------------------------------------------------- */

static void write_field(const char *name, const char *version, struct json_writer *w)
{
    json_open(w, '{');
    json_member_cstr(w, "name", name);
    json_member_cstr(w, "version", version);
    json_close(w, '}');
}

void sim_app_subscriptions_list(struct sim_call *call)
{
    const struct sim_webhook *webhook = &call->state->app.webhook;
    struct json_writer *w = &call->json;
    json_open(w, '{');
    json_key(w, "data");
    json_open(w, '[');
    if (webhook->url) {
        json_open(w, '{');
        json_member_cstr(w, "object", "whatsapp_business_account");
        json_member_cstr(w, "callback_url", webhook->url);
        json_member_bool(w, "active", webhook->verified);
        json_key(w, "fields");
        json_open(w, '[');
        const struct sim_webhook_field *field;
        for (size_t i = 0; (field = sim_webhook_field_at(i)); i++)
            if (!webhook->fields || sim_word_in(webhook->fields, str_from(field->name)))
                write_field(field->name, call->version, w);
        json_close(w, ']');
        json_close(w, '}');
    }
    json_close(w, ']');
    json_close(w, '}');
}

static void add_field(struct str name, struct buf *out)
{
    if (out->len)
        buf_add_char(out, '|');
    buf_add(out, name);
}

/* "a,b" or ["a","b"] becomes "a|b". False: the call has failed. */
static bool read_fields(struct sim_call *call, struct buf *out)
{
    struct str text = str_trim(sim_params_get(&call->params, "fields"));
    if (text.len && text.ptr[0] == '[') {
        struct json list = {NULL};
        struct error ignored;
        error_init(&ignored, call->arena);
        if (json_parse_loose(text, call->arena, &list, &ignored) == ERR_OK)
            json_for_each (item, list)
                add_field(json_as_str(item, STR("?")), out);
    } else {
        while (text.len)
            add_field(str_trim(str_split(&text, ',')), out);
    }
    struct str rest = buf_str(out);
    for (size_t i = 0; rest.len; i++) {
        struct str name = str_split(&rest, '|');
        if (!sim_webhook_field(name)) {
            sim_call_fail(call, SIM_FAIL_PARAMETER,
                          "(#100) Param fields[%zu] is no field of whatsapp_business_account: %.*s",
                          i, STR_FMT(name));
            return false;
        }
    }
    return true;
}

static void subscribe(struct sim_call *call, struct str fields)
{
    struct str url = sim_params_get(&call->params, "callback_url");
    struct str verify_token = sim_params_get(&call->params, "verify_token");
    if (!sim_call_check_callback(call, "callback_url", url, verify_token) ||
        !sim_call_verify(call, url, verify_token))
        return;
    sim_webhook_set(&call->state->app.webhook, url, verify_token, fields);
    call->state->app.webhook.verified = true;
    sim_verify_app(call->sim->verifier);
    sim_call_succeed(call);
}

void sim_app_subscriptions_create(struct sim_call *call)
{
    _cleanup_(buf_release)
    struct buf fields;
    buf_init(&fields, SIM_WEBHOOK_FIELDS_MAX);
    struct str object = sim_params_get(&call->params, "object");
    if (!str_eq(object, STR("whatsapp_business_account")))
        sim_call_fail(call, SIM_FAIL_PARAMETER,
                      "(#100) Param object must be one of {whatsapp_business_account}");
    else if (read_fields(call, &fields))
        subscribe(call, buf_str(&fields));
}

/* What is left of the fields when some are taken away. */
static void leave_fields(const struct sim_webhook *webhook, const char *taken, struct buf *left)
{
    const struct sim_webhook_field *field;
    for (size_t i = 0; (field = sim_webhook_field_at(i)); i++) {
        struct str name = str_from(field->name);
        bool had = !webhook->fields || sim_word_in(webhook->fields, name);
        if (had && !sim_word_in(taken, name))
            add_field(name, left);
    }
}

/* With `fields` only those. */
void sim_app_subscriptions_delete(struct sim_call *call)
{
    struct sim_webhook *webhook = &call->state->app.webhook;
    _cleanup_(buf_release)
    struct buf taken;
    _cleanup_(buf_release)
    struct buf left;
    buf_init(&taken, SIM_WEBHOOK_FIELDS_MAX);
    buf_init(&left, SIM_WEBHOOK_FIELDS_MAX);
    if (!read_fields(call, &taken))
        return;
    if (taken.len && webhook->url) {
        buf_add_char(&taken, '\0');
        leave_fields(webhook, taken.ptr, &left);
    }
    if (left.len) {
        free(webhook->fields);
        webhook->fields = strndup(left.ptr, left.len);
    } else {
        sim_webhook_clear(webhook);
        sim_verify_app(call->sim->verifier);
    }
    sim_call_succeed(call);
}

/* --- a number's override ------------------------------------------------------------------ */

static void set_override(struct sim_call *call, struct str url)
{
    _cleanup_(buf_release)
    struct buf value;
    struct json_writer w;
    buf_init(&value, KIB);
    json_writer_init(&w, &value);
    json_open(&w, '{');
    json_member_str(&w, "phone_number", url);
    json_close(&w, '}');
    sim_node_set(call->node, sim_kind_field(SIM_NUMBER, STR("webhook_configuration")),
                 url.len ? buf_str(&value) : (struct str){NULL, 0});
    sim_call_succeed(call);
}

/* {"webhook_configuration":{"override_callback_uri","verify_token"}}: an empty address takes the
 * override away. */
void sim_number_override(struct sim_call *call)
{
    struct str text = sim_params_get(&call->params, "webhook_configuration");
    struct json configuration = {NULL};
    struct error ignored;
    error_init(&ignored, call->arena);
    if (text.len == 0 || json_parse_loose(text, call->arena, &configuration, &ignored) != ERR_OK ||
        !json_is_str(json_get(configuration, "override_callback_uri"))) {
        sim_call_fail(call, SIM_FAIL_PARAMETER,
                      "(#100) The parameter webhook_configuration[override_callback_uri] is "
                      "required.");
        return;
    }
    struct str url = json_as_str(json_get(configuration, "override_callback_uri"), STR(""));
    struct str verify_token = json_as_str(json_get(configuration, "verify_token"), STR(""));
    if (url.len && (!sim_call_check_callback(call, "override_callback_uri", url, verify_token) ||
                    !sim_call_verify(call, url, verify_token)))
        return;
    set_override(call, url);
}
