/* /_sim/webhooks: sending any, and what became of them (docs/simulator.md). */
#include "sim/control_call.h"
#include "sim/examples.h"
#include "sim/scenario.h"
#include "sim/send.h"

static enum err succeed(struct control *c)
{
    json_open(&c->json, '{');
    json_member_bool(&c->json, "success", true);
    json_close(&c->json, '}');
    return ERR_OK;
}

enum err sim_control_app_patch(struct control *c)
{
    enum err e = sim_app_patch(&c->sim->state->app, c->body, &c->error);
    if (e)
        return e;
    sim_verify_app(c->sim->verifier);
    return succeed(c);
}

enum err sim_control_webhooks_get(struct control *c)
{
    sim_deliveries_write(c->sim->deliveries, &c->json);
    return ERR_OK;
}

enum err sim_control_webhooks_delete(struct control *c)
{
    sim_deliveries_clear(c->sim->deliveries);
    return succeed(c);
}

/* --- examples ----------------------------------------------------------------------------- */

static const struct sim_account *first_account(const struct sim_state *state)
{
    if (list_empty(&state->accounts))
        return NULL;
    return CONTAINER_OF(state->accounts.next, struct sim_account, node.link);
}

static void write_example(const struct sim_example *example, const struct sim_account *account,
                          struct json_writer *w)
{
    _cleanup_(buf_release)
    struct buf value;
    buf_init(&value, MIB);
    sim_example_write(example, account, NULL, &value);
    json_open(w, '{');
    json_member_cstr(w, "name", example->name);
    json_member_cstr(w, "field", example->field);
    json_key(w, "value");
    json_raw(w, buf_str(&value));
    json_close(w, '}');
}

enum err sim_control_examples_get(struct control *c)
{
    const struct sim_account *account = first_account(c->sim->state);
    const struct sim_example *example;
    if (!account)
        return error_set(&c->error, ERR_NOT_FOUND, "there is no account to make examples of");
    json_open(&c->json, '{');
    json_key(&c->json, "data");
    json_open(&c->json, '[');
    for (size_t i = 0; (example = sim_example_at(i)); i++)
        write_example(example, account, &c->json);
    json_close(&c->json, ']');
    json_close(&c->json, '}');
    return ERR_OK;
}

/* --- reading what to send ----------------------------------------------------------------- */

struct posting {
    struct control *control;
    struct sim_sending how;
    struct sim_change *changes; /* that have somewhere to go */
    size_t n, n_skipped;
    const char *why; /* the last one was skipped */
};

static void read_sending(struct body *b, struct sim_sending *how)
{
    how->copies = body_i64(b, "copies", 1, SIM_WEBHOOK_COPIES_MAX, 1, false);
    how->batch = body_i64(b, "batch", 1, SIM_WEBHOOK_BATCH_MAX, 1, false);
    how->delay_ms = body_i64(b, "delay_ms", 0, SIM_FAULT_DELAY_MAX_MS, 0, false);
    how->seed = body_i64(b, "seed", INT64_MIN, INT64_MAX, 1, false);
    how->shuffle = body_bool(b, "shuffle", false);
    how->wrong_signature = body_bool(b, "wrong_signature", false);
    how->url = body_text(b, "url", 1, HTTP_CLIENT_URL_MAX / 2, false);
}

static const struct sim_account *read_account(struct posting *p, struct body *b)
{
    const struct sim_state *state = p->control->sim->state;
    struct str id = body_text(b, "account", 1, META_ID_MAX, false);
    const struct sim_account *account =
        id.len ? sim_state_find_account(state, id) : first_account(state);
    if (!account)
        body_complain(b, "account", "must be the id of an account");
    return account;
}

static const struct sim_node *read_number(struct posting *p, struct body *b)
{
    struct str id = body_text(b, "number", 1, META_ID_MAX, false);
    const struct sim_node *node = id.len ? sim_state_find(p->control->sim->state, id) : NULL;
    if (id.len && (!node || node->kind != SIM_NUMBER))
        body_complain(b, "number", "must be the id of a number");
    return node;
}

static void read_example(struct posting *p, struct body *b, struct str name,
                         const struct sim_account *account, struct sim_change *change)
{
    const struct sim_node *number = read_number(p, b);
    const struct sim_example *example = sim_example(name);
    if (!example)
        body_complain(b, "example", "must be a name that GET /_sim/webhooks/examples has");
    if (!example || !account || b->wrong)
        return;
    _cleanup_(buf_release)
    struct buf value;
    buf_init(&value, MIB);
    sim_example_write(example, account, number, &value);
    change->field = str_from(example->field);
    change->value = arena_dup(p->control->arena, buf_str(&value));
}

static void read_own(struct posting *p, struct body *b, struct sim_change *change)
{
    change->field = body_text(b, "field", 1, SIM_WEBHOOK_FIELD_MAX, true);
    struct json value = body_value(b, "value");
    if (!json_is_object(value))
        body_complain(b, "value", "must be an object");
    change->value = json_text(value, p->control->arena);
}

/* What stands in `b` is one change; it joins the others if it has somewhere to go. */
static void read_change(struct posting *p, struct body *b)
{
    struct sim_change *change = &p->changes[p->n];
    const struct sim_account *account = read_account(p, b);
    struct str example = body_text(b, "example", 1, SIM_WEBHOOK_FIELD_MAX, false);
    *change = (struct sim_change){0};
    if (example.len)
        read_example(p, b, example, account, change);
    else
        read_own(p, b, change);
    if (!account || b->wrong || !change->value.ptr)
        return;
    const char *why = sim_change_route(change, account, p->control->arena);
    if (p->how.url.len)
        change->url = p->how.url;
    if (why && !p->how.url.len) {
        p->why = why;
        p->n_skipped++;
    } else {
        p->n++;
    }
}

static void read_changes(struct posting *p, struct json list)
{
    struct error *error = &p->control->error;
    size_t i = 0;
    json_for_each (item, list) {
        struct str path = arena_printf(p->control->arena, "changes[%zu].", i++);
        struct body b = {.object = item, .error = error, .path = path.ptr ? path.ptr : ""};
        if (!json_is_object(item)) {
            error_detail(error, b.path, "must be an object");
            continue;
        }
        read_change(p, &b);
        if (body_end(&b))
            return;
    }
}

static enum err make_changes(struct posting *p, size_t n)
{
    p->changes = arena_calloc(p->control->arena, n + 1, sizeof(*p->changes));
    return p->changes ? ERR_OK
                      : error_set(&p->control->error, ERR_NO_MEMORY, "there are too many changes");
}

/* --- sending ------------------------------------------------------------------------------ */

static enum err answer(struct posting *p, size_t n_deliveries)
{
    struct json_writer *w = &p->control->json;
    json_open(w, '{');
    json_member_i64(w, "deliveries", (int64_t)n_deliveries);
    json_member_i64(w, "skipped", (int64_t)p->n_skipped);
    json_member_cstr(w, "why", p->why);
    json_close(w, '}');
    return ERR_OK;
}

static enum err send_changes(struct posting *p)
{
    struct control *c = p->control;
    size_t n = 0;
    if (c->error.details)
        return error_set(&c->error, ERR_VALIDATION, "some fields are wrong");
    enum err e = sim_send_changes(c->sim, p->changes, p->n, &p->how, &n, &c->error);
    return e ? e : answer(p, n);
}

/* A whole envelope of the caller's own, which goes to the app whatever is in it. */
static enum err send_payload(struct posting *p, struct json payload)
{
    struct control *c = p->control;
    const char *app_url = c->sim->state->app.webhook.url;
    struct json changes = json_get(json_at(json_get(payload, "entry"), 0), "changes");
    struct str text = json_text(payload, c->arena);
    struct str url = p->how.url.len ? p->how.url : str_from(app_url);
    _cleanup_(buf_release)
    struct buf body;
    buf_init(&body, 6 * SIM_SCENARIO_MAX);
    sim_payload_escape(text, &body);
    if (!url.len)
        return error_set(&c->error, ERR_VALIDATION, "the app has no webhook, and there is no url");
    if (!text.ptr || !buf_ok(&body))
        return error_set(&c->error, ERR_NO_MEMORY, "there is no memory for the webhook");
    const struct sim_parcel parcel = {
        .url = url,
        .body = buf_str(&body),
        .field = json_as_str(json_get(json_at(changes, 0), "field"), STR("")),
        .n_changes = json_len(changes),
        .delay_ms = p->how.delay_ms,
        .wrong_signature = p->how.wrong_signature,
    };
    size_t n = 0;
    enum err e = sim_send_body(c->sim, &parcel, &p->how, &n, &c->error);
    return e ? e : answer(p, n);
}

static enum err post_object(struct posting *p)
{
    struct control *c = p->control;
    struct body b = {.object = c->body, .error = &c->error, .path = ""};
    read_sending(&b, &p->how);
    struct json changes = body_value(&b, "changes"), payload = body_value(&b, "payload");
    enum err e = make_changes(p, json_len(changes));
    if (e)
        return e;
    if (json_is_array(changes))
        read_changes(p, changes);
    else if (!json_is_object(payload))
        read_change(p, &b);
    e = body_end(&b);
    if (e)
        return e;
    return json_is_object(payload) ? send_payload(p, payload) : send_changes(p);
}

enum err sim_control_webhooks_post(struct control *c)
{
    struct posting p = {.control = c, .how = SIM_SENDING_PLAIN};
    if (json_is_array(c->body)) {
        enum err e = make_changes(&p, json_len(c->body));
        if (e)
            return e;
        read_changes(&p, c->body);
        return send_changes(&p);
    }
    if (json_get(c->body, "object").val) /* the envelope itself */
        return send_payload(&p, c->body);
    if (!json_is_object(c->body))
        return error_set(&c->error, ERR_VALIDATION, "an object or a list is expected");
    return post_object(&p);
}
