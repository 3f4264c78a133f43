#include "sim/scenario.h"

#include "http/client.h"
#include "sim/webhook.h"

#include <inttypes.h>

/* Reading one scenario. */
struct reading {
    struct sim_state *state;
    struct arena *arena;
    struct error *error;
};

/* `path` ends with the dot that its members' names stand behind. */
static void complain_no_object(struct error *error, const char *path)
{
    struct str name = arena_dup(error->arena, str_from(path));
    name.len -= name.len > 0;
    error_detail(error, arena_cstr(error->arena, name), "must be an object");
}

static struct body part(struct json object, const char *path, struct error *error)
{
    struct body b = {.object = object, .error = error, .path = path};
    if (!json_is_object(object))
        complain_no_object(error, path);
    return b;
}

static bool is_fine(const struct error *error)
{
    return error->details == NULL;
}

/* Complains about what is left over. The complaints themselves are in the error's details. */
static void end(struct body *b)
{
    if (json_is_object(b->object) && body_end(b) != ERR_OK)
        b->error->err = ERR_VALIDATION;
}

/* Tells the body that a member is read by hand. */
static struct json take(struct body *b, const char *key)
{
    b->taken[b->n_taken++] = key;
    return json_get(b->object, key);
}

static const char *path_of(struct arena *arena, const char *path, const char *key, size_t i)
{
    struct str s = arena_printf(arena, "%s%s[%zu].", path, key, i);
    return s.ptr ? s.ptr : "";
}

static char *text_copy(struct str s)
{
    char *copy = xmalloc(s.len + 1);
    memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

/* NULL for the empty text: an optional member that is not there. */
static char *opt_copy(struct str s)
{
    return s.len ? text_copy(s) : NULL;
}

/* A list member, absent or an array; calls `read` for each item with its path. */
static void read_list(struct reading *r, struct body *b, const char *key,
                      void (*read)(struct reading *r, struct json item, const char *path))
{
    struct json list = take(b, key);
    if (list.val && !json_is_array(list)) {
        body_complain(b, key, "must be a list");
        return;
    }
    size_t i = 0;
    json_for_each (item, list)
        read(r, item, path_of(r->arena, b->path, key, i++));
}

/* "a|b|c"; empty when the member is not there. */
static void read_webhook_fields(struct body *b, struct buf *out)
{
    struct json fields = take(b, "fields");
    if (fields.val && !json_is_array(fields))
        body_complain(b, "fields", "must be a list");
    json_for_each (item, fields) {
        struct str name = json_as_str(item, STR(""));
        if (!sim_webhook_field(name))
            body_complain(b, "fields", "must be names of webhook fields, such as \"messages\"");
        if (out->len)
            buf_add_char(out, '|');
        buf_add(out, name);
    }
}

#define RETRY_MS_MAX (3600 * 1000)

static void read_webhook(struct json object, struct sim_webhook *webhook, struct error *error)
{
    struct body b = part(object, "app.webhook.", error);
    _cleanup_(buf_release)
    struct buf fields;
    buf_init(&fields, SIM_WEBHOOK_FIELDS_MAX);
    struct str url = body_text(&b, "callback_url", 1, HTTP_CLIENT_URL_MAX / 2, true);
    struct str verify_token = body_text(&b, "verify_token", 1, SIM_VERIFY_TOKEN_MAX, true);
    read_webhook_fields(&b, &fields);
    sim_webhook_set(webhook, url, verify_token, buf_str(&fields));
    webhook->verified = body_bool(&b, "verified", false);
    webhook->retry_first_ms =
        body_i64(&b, "retry_first_ms", 1, RETRY_MS_MAX, SIM_WEBHOOK_RETRY_FIRST_MS, false);
    webhook->retry_max_ms =
        body_i64(&b, "retry_max_ms", 1, RETRY_MS_MAX, SIM_WEBHOOK_RETRY_MAX_MS, false);
    webhook->give_up_s =
        body_i64(&b, "give_up_s", 0, SIM_WEBHOOK_GIVE_UP_S, SIM_WEBHOOK_GIVE_UP_S, false);
    end(&b);
}

static void read_app(struct reading *r, struct json object)
{
    struct body b = part(object, "app.", r->error);
    struct sim_app *app = &r->state->app;
    app->id = text_copy(body_text(&b, "id", 1, META_ID_MAX, true));
    app->name = text_copy(body_text(&b, "name", 1, NAME_MAX_POINTS, true));
    app->secret = opt_copy(body_text(&b, "secret", 1, HMAC_SECRET_MAX, false));
    app->require_proof = body_bool(&b, "require_appsecret_proof", false);
    struct json webhook = take(&b, "webhook");
    if (json_present(webhook))
        read_webhook(webhook, &app->webhook, r->error);
    if (app->require_proof && !app->secret)
        body_complain(&b, "require_appsecret_proof", "needs `secret`");
    if (app->id[0] && !str_is_digits(str_from(app->id)))
        body_complain(&b, "id", "must be decimal digits, as text");
    end(&b);
}

static void read_limits(struct reading *r, struct json object)
{
    if (!object.val)
        return;
    struct body b = part(object, "limits.", r->error);
    struct sim_limits *l = &r->state->limits;
    const int64_t most = INT32_MAX;
    l->calls = body_i64(&b, "calls", 1, most, l->calls, false);
    l->active_calls = body_i64(&b, "active_calls", 1, most, l->active_calls, false);
    l->app_calls = body_i64(&b, "app_calls", 1, most, l->app_calls, false);
    l->window_s = body_i64(&b, "window_s", 1, 86400, l->window_s, false);
    end(&b);
}

/* --- tokens and codes --------------------------------------------------------------------- */

static void read_scopes(struct body *b, struct sim_token *token)
{
    struct json scopes = take(b, "scopes");
    token->management = token->messaging = !scopes.val;
    json_for_each (item, scopes) {
        struct str scope = json_as_str(item, STR(""));
        if (str_eq(scope, STR("whatsapp_business_management")))
            token->management = true;
        else if (str_eq(scope, STR("whatsapp_business_messaging")))
            token->messaging = true;
        else if (!str_eq(scope, STR("business_management")))
            body_complain(b, "scopes",
                          "must be a list of whatsapp_business_management, "
                          "whatsapp_business_messaging, business_management");
    }
    if (scopes.val && !json_is_array(scopes))
        body_complain(b, "scopes", "must be a list");
}

/* The accounts a token sees; they are read before the tokens. */
static void read_seen_accounts(struct reading *r, struct body *b, struct sim_token *token)
{
    struct json accounts = take(b, "accounts");
    if (!accounts.val)
        return;
    if (!json_is_array(accounts)) {
        body_complain(b, "accounts", "must be a list of account ids");
        return;
    }
    token->limited = true;
    token->accounts = xcalloc(json_len(accounts) + 1, sizeof(*token->accounts));
    json_for_each (item, accounts) {
        struct str id = json_as_id(item, r->arena);
        if (sim_state_find_account(r->state, id))
            token->accounts[token->n_accounts++] = text_copy(id);
        else if (is_fine(r->error)) /* a wrong account has no id to be found by */
            body_complain(b, "accounts", "must be ids of accounts of this scenario");
    }
}

static void read_expiry(struct body *b, struct sim_token *token)
{
    token->expired = body_bool(b, "expired", token->expired);
    token->expires_at = body_i64(b, "expires_at", 0, INT64_MAX, token->expires_at, false);
}

static void read_token(struct reading *r, struct json object, const char *path)
{
    struct body b = part(object, path, r->error);
    struct sim_token *token = xcalloc(1, sizeof(*token));
    list_init(&token->link);
    struct str text = body_text(&b, "token", 1, TOKEN_MAX, true);
    if (text.len && sim_state_find_token(r->state, text))
        body_complain(&b, "token", "stands in the scenario twice");
    token->token = text_copy(text);
    struct str type = body_text(&b, "type", 1, 64, false);
    token->type = text_copy(type.len ? type : STR("SYSTEM_USER"));
    struct str user = body_text(&b, "user_id", 1, META_ID_MAX, false);
    token->user_id = text_copy(user.len ? user : STR("10222270944537964"));
    token->issued_at = body_i64(&b, "issued_at", 0, INT64_MAX, 1664316840, false);
    read_expiry(&b, token);
    read_scopes(&b, token);
    read_seen_accounts(r, &b, token);
    end(&b);
    list_add(&r->state->tokens, &token->link);
}

static void read_code(struct reading *r, struct json object, const char *path)
{
    struct body b = part(object, path, r->error);
    struct sim_code *code = xcalloc(1, sizeof(*code));
    code->code = text_copy(body_text(&b, "code", 1, TOKEN_MAX, true));
    struct str token = body_text(&b, "token", 1, TOKEN_MAX, true);
    if (token.len && !sim_state_find_token(r->state, token))
        body_complain(&b, "token", "must be a token of this scenario");
    code->token = text_copy(token);
    code->used = body_bool(&b, "used", false);
    end(&b);
    list_add(&r->state->codes, &code->link);
}

/* --- accounts and what is in them --------------------------------------------------------- */

/* A node's id has to be its own; complains when it is not. */
static void check_new_id(const struct sim_state *state, struct json object, const char *path,
                         struct arena *arena, struct error *error)
{
    struct str id = json_as_id(json_get(object, "id"), arena);
    if (id.len == 0 || !sim_state_find(state, id))
        return;
    struct str field = arena_printf(error->arena, "%sid", path);
    error_detail(error, field.ptr, "%.*s belongs to another object already", STR_FMT(id));
}

static void check_node(struct reading *r, enum sim_kind kind, struct json object, const char *path,
                       const char *others)
{
    const struct sim_check check = {.path = path, .others = others, .error = r->error};
    if (!json_is_object(object)) {
        complain_no_object(r->error, path);
        return;
    }
    sim_node_check(kind, object, &check);
    check_new_id(r->state, object, path, r->arena, r->error);
}

static void read_nodes(struct reading *r, struct sim_account *account, struct json list,
                       enum sim_kind kind, const char *path)
{
    if (list.val && !json_is_array(list))
        error_detail(r->error, path, "must be a list");
    size_t i = 0;
    json_for_each (item, list) {
        struct str at = arena_printf(r->arena, "%s[%zu].", path, i++);
        if (!at.ptr)
            return;
        check_node(r, kind, item, at.ptr, NULL);
        if (is_fine(r->error))
            sim_account_add(account, kind, item, r->arena);
    }
}

static void read_subscription(struct reading *r, struct sim_account *account, struct json object,
                              const char *path)
{
    struct json subscribed = json_get(object, "subscribed");
    struct json uri = json_get(object, "override_callback_uri");
    if (subscribed.val && !yyjson_is_bool(subscribed.val))
        error_detail(r->error, arena_printf(r->error->arena, "%ssubscribed", path).ptr,
                     "must be true or false");
    if (uri.val && !json_is_str(uri))
        error_detail(r->error, arena_printf(r->error->arena, "%soverride_callback_uri", path).ptr,
                     "must be text");
    account->subscribed = json_as_bool(subscribed, false);
    account->override_uri = opt_copy(json_as_str(uri, STR("")));
}

#define ACCOUNT_OTHERS "numbers|templates|subscribed|override_callback_uri"

static void read_account(struct reading *r, struct json object, const char *path)
{
    check_node(r, SIM_ACCOUNT, object, path, ACCOUNT_OTHERS);
    /* Made even when it is wrong, so that its numbers are checked in the same go. */
    struct sim_account *account =
        sim_state_add_account(r->state, is_fine(r->error) ? object : (struct json){NULL}, r->arena);
    read_subscription(r, account, object, path);
    struct str numbers = arena_printf(r->error->arena, "%snumbers", path);
    struct str templates = arena_printf(r->error->arena, "%stemplates", path);
    if (!numbers.ptr || !templates.ptr)
        return;
    read_nodes(r, account, json_get(object, "numbers"), SIM_NUMBER, numbers.ptr);
    read_nodes(r, account, json_get(object, "templates"), SIM_TEMPLATE, templates.ptr);
}

/* --- faults ------------------------------------------------------------------------------- */

static const char *const fault_names[SIM_FAULT_KINDS] = {
    [SIM_FAULT_LATENCY] = "latency",
    [SIM_FAULT_STATUS_5XX] = "status_5xx",
    [SIM_FAULT_CUT] = "cut",
    [SIM_FAULT_THROTTLE] = "throttle",
    [SIM_FAULT_HTML] = "html",
    [SIM_FAULT_HALF_JSON] = "half_json",
    [SIM_FAULT_WRONG_TYPES] = "wrong_types",
    [SIM_FAULT_ENDLESS_PAGES] = "endless_pages",
    [SIM_FAULT_HUGE] = "huge",
    [SIM_FAULT_TOKEN_EXPIRED] = "token_expired",
};

static void read_fault_kind(struct body *b, struct sim_fault *fault)
{
    struct str name = body_text(b, "kind", 1, 64, true);
    for (size_t i = 0; i < SIM_FAULT_KINDS; i++)
        if (str_eq(name, str_from(fault_names[i]))) {
            fault->kind = (enum sim_fault_kind)i;
            return;
        }
    body_complain(b, "kind",
                  "must be one of latency, status_5xx, cut, throttle, html, half_json, "
                  "wrong_types, endless_pages, huge, token_expired");
}

static void read_fault_match(struct body *b, struct sim_fault *fault)
{
    struct json match = take(b, "match");
    if (!match.val)
        return;
    struct str path = arena_printf(b->error->arena, "%smatch.", b->path);
    struct body m = part(match, path.ptr ? path.ptr : "", b->error);
    fault->method = opt_copy(body_text(&m, "method", 1, 16, false));
    fault->path_contains = opt_copy(body_text(&m, "path_contains", 1, 1024, false));
    fault->account = opt_copy(body_text(&m, "account", 1, META_ID_MAX, false));
    end(&m);
}

static void read_fault(struct reading *r, struct json object, const char *path)
{
    struct body b = part(object, path, r->error);
    struct sim_fault *fault = xcalloc(1, sizeof(*fault));
    read_fault_kind(&b, fault);
    read_fault_match(&b, fault);
    fault->ms = body_i64(&b, "ms", 0, SIM_FAULT_DELAY_MAX_MS, 0, false);
    fault->times = body_i64(&b, "times", 1, INT32_MAX, -1, false);
    int64_t lowest = fault->kind == SIM_FAULT_HTML ? 200 : 500;
    int64_t usual = fault->kind == SIM_FAULT_HTML ? 200 : 503;
    fault->status = body_i64(&b, "status", lowest, 599, usual, false);
    fault->bytes = body_i64(&b, "bytes", 1, SIM_HUGE_BODY_MAX, SIM_HUGE_BODY_DEFAULT, false);
    fault->minutes = body_i64(&b, "minutes", 0, 1440, 5, false);
    end(&b);
    list_add(&r->state->faults, &fault->link);
    r->state->n_faults++;
}

enum err sim_faults_read(struct sim_state *state, struct json array, const char *path,
                         struct error *error)
{
    if (!json_is_array(array))
        error_detail(error, path, "must be a list of faults");
    else if (json_len(array) > SIM_FAULTS_MAX)
        error_detail(error, path, "must be %d faults at most", SIM_FAULTS_MAX);
    struct sim_state *fresh = sim_state_new();
    struct reading r = {.state = fresh, .arena = error->arena, .error = error};
    size_t i = 0;
    json_for_each (item, array)
        if (i < SIM_FAULTS_MAX)
            read_fault(&r, item, path_of(error->arena, "", path, i++));
    bool fine = is_fine(error);
    if (fine) {
        sim_state_clear_faults(state);
        list_move_all(&state->faults, &fresh->faults);
        state->n_faults = i;
    }
    sim_state_free(fresh);
    return fine ? ERR_OK : error_set(error, ERR_VALIDATION, "the faults are wrong");
}

/* --- the whole ---------------------------------------------------------------------------- */

static void read_document(struct reading *r, struct json document)
{
    struct body b = part(document, "", r->error);
    if (!json_is_object(document))
        return;
    (void)take(&b, "comment"); /* for people */
    read_app(r, take(&b, "app"));
    read_limits(r, take(&b, "limits"));
    read_list(r, &b, "accounts", read_account);
    read_list(r, &b, "tokens", read_token);
    read_list(r, &b, "codes", read_code);
    struct json faults = take(&b, "faults");
    if (faults.val && sim_faults_read(r->state, faults, "faults", r->error) != ERR_OK)
        b.wrong++;
    end(&b);
}

/* The first complaint is in the message, for those who see nothing else. */
static enum err refuse(struct error *error)
{
    size_t n = 0;
    for (const struct error_detail *d = error->details; d; d = d->next)
        n++;
    const struct error_detail *first = error->details;
    if (n == 1)
        return error_set(error, ERR_VALIDATION, "the scenario is wrong: %.*s %.*s",
                         STR_FMT(first->field), STR_FMT(first->problem));
    return error_set(error, ERR_VALIDATION, "the scenario is wrong: %.*s %.*s (and %zu more)",
                     STR_FMT(first->field), STR_FMT(first->problem), n - 1);
}

enum err sim_scenario_read(struct str text, struct sim_state **ret, struct error *error)
{
    struct arena arena;
    arena_init(&arena, SIM_SCENARIO_ARENA_MAX);
    struct error inner; /* its texts outlive this function only as a copy */
    error_init(&inner, &arena);
    struct reading r = {.state = sim_state_new(), .arena = &arena, .error = &inner};
    struct json document = {NULL};
    enum err e = json_parse(text, &arena, &document, &inner);
    if (e == ERR_OK) {
        read_document(&r, document);
        e = is_fine(&inner) ? ERR_OK : refuse(&inner);
    }
    if (e == ERR_OK) {
        *ret = r.state;
    } else {
        sim_state_free(r.state);
        error_copy(error, &inner);
    }
    arena_release(&arena);
    return e;
}

/* --- changes of one part ------------------------------------------------------------------ */

enum err sim_token_patch(struct sim_token *token, struct json object, struct error *error)
{
    struct body b = part(object, "", error);
    struct sim_token changed = *token;
    read_expiry(&b, &changed);
    end(&b);
    if (!is_fine(error))
        return error_set(error, ERR_VALIDATION, "a token takes `expired` and `expires_at`");
    *token = changed;
    return ERR_OK;
}

enum err sim_app_patch(struct sim_app *app, struct json object, struct error *error)
{
    struct body b = part(object, "", error);
    struct sim_webhook webhook = {0};
    struct str secret = body_text(&b, "secret", 1, HMAC_SECRET_MAX, false);
    bool require_proof = body_bool(&b, "require_appsecret_proof", app->require_proof);
    struct json wanted = take(&b, "webhook");
    if (json_present(wanted))
        read_webhook(wanted, &webhook, error);
    if (require_proof && !app->secret && !secret.len)
        body_complain(&b, "require_appsecret_proof", "needs `secret`");
    end(&b);
    if (!is_fine(error)) {
        sim_webhook_clear(&webhook);
        return error_set(error, ERR_VALIDATION, "some fields are wrong");
    }
    if (secret.len) {
        free(app->secret);
        app->secret = text_copy(secret);
    }
    app->require_proof = require_proof;
    if (webhook.url) {
        sim_webhook_clear(&app->webhook);
        app->webhook = webhook;
    } else if (wanted.val) { /* null */
        sim_webhook_clear(&app->webhook);
    }
    return ERR_OK;
}

enum err sim_node_join(struct sim_account *account, enum sim_kind kind, struct json object,
                       struct arena *arena, struct sim_node **ret, struct error *error)
{
    const bool has_id = json_get(object, "id").val != NULL;
    const struct sim_check check = {.path = "", .error = error, .id_optional = !has_id};
    if (!json_is_object(object))
        complain_no_object(error, "");
    sim_node_check(kind, object, &check);
    check_new_id(account->state, object, "", arena, error);
    if (!is_fine(error))
        return error_set(error, ERR_VALIDATION, "some fields are wrong");
    *ret = sim_account_add(account, kind, object, arena);
    return ERR_OK;
}

enum err sim_node_patch(struct sim_node *node, struct json object, struct arena *arena,
                        struct error *error)
{
    const struct sim_check check = {.path = "", .patch = true, .error = error};
    if (!json_is_object(object))
        complain_no_object(error, "");
    sim_node_check(node->kind, object, &check);
    if (!is_fine(error))
        return error_set(error, ERR_VALIDATION, "some fields are wrong");
    sim_node_apply(node, object, arena);
    return ERR_OK;
}

/* --- writing ------------------------------------------------------------------------------ */

static void write_token(const struct sim_token *token, struct json_writer *w)
{
    json_open(w, '{');
    json_member_cstr(w, "token", token->token);
    json_member_cstr(w, "type", token->type);
    json_member_cstr(w, "user_id", token->user_id);
    json_member_i64(w, "issued_at", token->issued_at);
    json_member_i64(w, "expires_at", token->expires_at);
    json_member_bool(w, "expired", token->expired);
    json_key(w, "scopes");
    json_open(w, '[');
    if (token->management)
        json_cstr(w, "whatsapp_business_management");
    if (token->messaging)
        json_cstr(w, "whatsapp_business_messaging");
    json_close(w, ']');
    if (token->limited) {
        json_key(w, "accounts");
        json_open(w, '[');
        for (size_t i = 0; i < token->n_accounts; i++)
            json_cstr(w, token->accounts[i]);
        json_close(w, ']');
    }
    json_close(w, '}');
}

static void write_nodes(const struct list *nodes, const char *key, struct json_writer *w)
{
    json_key(w, key);
    json_open(w, '[');
    list_for_each (it, nodes) {
        json_open(w, '{');
        sim_node_write_members(CONTAINER_OF(it, struct sim_node, link), w);
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void write_account(const struct sim_account *account, struct json_writer *w)
{
    json_open(w, '{');
    sim_node_write_members(&account->node, w);
    json_member_bool(w, "subscribed", account->subscribed);
    if (account->override_uri)
        json_member_cstr(w, "override_callback_uri", account->override_uri);
    write_nodes(&account->numbers, "numbers", w);
    write_nodes(&account->templates, "templates", w);
    json_close(w, '}');
}

static void write_fault(const struct sim_fault *fault, struct json_writer *w)
{
    json_open(w, '{');
    json_member_cstr(w, "kind", fault_names[fault->kind]);
    json_key(w, "match");
    json_open(w, '{');
    if (fault->method)
        json_member_cstr(w, "method", fault->method);
    if (fault->path_contains)
        json_member_cstr(w, "path_contains", fault->path_contains);
    if (fault->account)
        json_member_cstr(w, "account", fault->account);
    json_close(w, '}');
    json_member_i64(w, "ms", fault->ms);
    if (fault->times >= 0)
        json_member_i64(w, "times", fault->times);
    json_member_i64(w, "status", fault->status);
    json_member_i64(w, "bytes", fault->bytes);
    json_member_i64(w, "minutes", fault->minutes);
    json_close(w, '}');
}

void sim_faults_write(const struct sim_state *state, struct json_writer *w)
{
    json_open(w, '[');
    list_for_each (it, &state->faults)
        write_fault(CONTAINER_OF(it, struct sim_fault, link), w);
    json_close(w, ']');
}

static void write_webhook(const struct sim_webhook *webhook, struct json_writer *w)
{
    json_key(w, "webhook");
    json_open(w, '{');
    json_member_cstr(w, "callback_url", webhook->url);
    json_member_cstr(w, "verify_token", webhook->verify_token);
    if (webhook->fields) {
        json_key(w, "fields");
        json_open(w, '[');
        for (struct str rest = str_from(webhook->fields); rest.len;)
            json_str(w, str_split(&rest, '|'));
        json_close(w, ']');
    }
    json_member_bool(w, "verified", webhook->verified);
    json_member_i64(w, "retry_first_ms", webhook->retry_first_ms);
    json_member_i64(w, "retry_max_ms", webhook->retry_max_ms);
    json_member_i64(w, "give_up_s", webhook->give_up_s);
    json_close(w, '}');
}

static void write_app_and_limits(const struct sim_state *state, struct json_writer *w)
{
    json_key(w, "app");
    json_open(w, '{');
    json_member_cstr(w, "id", state->app.id);
    json_member_cstr(w, "name", state->app.name);
    if (state->app.secret)
        json_member_cstr(w, "secret", state->app.secret);
    json_member_bool(w, "require_appsecret_proof", state->app.require_proof);
    if (state->app.webhook.url)
        write_webhook(&state->app.webhook, w);
    json_close(w, '}');
    json_key(w, "limits");
    json_open(w, '{');
    json_member_i64(w, "calls", state->limits.calls);
    json_member_i64(w, "active_calls", state->limits.active_calls);
    json_member_i64(w, "app_calls", state->limits.app_calls);
    json_member_i64(w, "window_s", state->limits.window_s);
    json_close(w, '}');
}

static void write_codes(const struct sim_state *state, struct json_writer *w)
{
    json_key(w, "codes");
    json_open(w, '[');
    list_for_each (it, &state->codes) {
        const struct sim_code *code = CONTAINER_OF(it, struct sim_code, link);
        json_open(w, '{');
        json_member_cstr(w, "code", code->code);
        json_member_cstr(w, "token", code->token);
        json_member_bool(w, "used", code->used);
        json_close(w, '}');
    }
    json_close(w, ']');
}

void sim_scenario_write(const struct sim_state *state, struct json_writer *w)
{
    json_open(w, '{');
    write_app_and_limits(state, w);
    json_key(w, "tokens");
    json_open(w, '[');
    list_for_each (it, &state->tokens)
        write_token(CONTAINER_OF(it, struct sim_token, link), w);
    json_close(w, ']');
    write_codes(state, w);
    json_key(w, "accounts");
    json_open(w, '[');
    list_for_each (it, &state->accounts)
        write_account(CONTAINER_OF(it, struct sim_account, node.link), w);
    json_close(w, ']');
    json_key(w, "faults");
    sim_faults_write(state, w);
    json_close(w, '}');
}
