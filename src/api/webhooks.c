/* /webhooks: where a workspace's events are delivered (developer-api.md §8). */
#include "api/webhooks.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "model/event.h"
#include "model/webhook.h"

/* --- the shape ---------------------------------------------------------------------------- */

static void write_events(struct json_writer *w, struct str events)
{
    json_key(w, "events");
    json_open(w, '[');
    while (events.len)
        json_str(w, str_split(&events, ' '));
    json_close(w, ']');
}

static void write_members(struct json_writer *w, const struct webhook *e)
{
    json_member_i64(w, "id", e->id);
    json_member_str(w, "url", e->url);
    write_events(w, e->events);
    json_member_bool(w, "enabled", e->disabled_at == 0);
    json_member_time(w, "disabled_at", e->disabled_at);
    json_member_opt(w, "disabled_reason", e->disabled_reason);
    json_member_time(w, "failing_since", e->failing_since);
    json_member_time(w, "previous_secret_valid_until",
                     e->previous_until > clock_now_ms() ? e->previous_until : 0);
    json_member_time(w, "created_at", e->created_at);
    json_member_time(w, "updated_at", e->updated_at);
}

/* Whatever happens in the workspace goes there. */
static enum err check_permitted(struct call *call)
{
    if (call->caller.permissions->all_numbers)
        return ERR_OK;
    return error_set(&call->error, ERR_PERMISSION_DENIED,
                     "This client is limited to some numbers, and a webhook tells of all");
}

static enum err find_webhook(struct call *call, struct webhook *ret)
{
    int64_t id;
    if (!str_to_i64(call_param(call, 0), &id))
        return error_set(&call->error, ERR_NOT_FOUND, "Webhook not found");
    enum err e = check_permitted(call);
    if (e)
        return e;
    e = webhook_find(call->tx, call->caller.workspace_id, id, call->arena, ret);
    return e == ERR_NOT_FOUND ? error_set(&call->error, e, "Webhook not found") : e;
}

/* --- reading ------------------------------------------------------------------------------ */

static enum err list_one(void *arg, const struct webhook *e)
{
    json_open(arg, '{');
    write_members(arg, e);
    json_close(arg, '}');
    return ERR_OK;
}

enum err webhooks_list(struct call *call)
{
    enum err e = check_permitted(call);
    if (e)
        return e;
    call_begin(call);
    json_open(&call->out, '[');
    e = webhook_each(call->tx, call->caller.workspace_id, list_one, &call->out);
    json_close(&call->out, ']');
    call_end(call);
    return e;
}

enum err webhooks_get(struct call *call)
{
    struct webhook webhook;
    enum err e = find_webhook(call, &webhook);
    if (e)
        return e;
    call_begin(call);
    e = list_one(&call->out, &webhook);
    call_end(call);
    return e;
}

/* --- making and changing ------------------------------------------------------------------- */

static void check_url(struct call *call, struct body *b, struct str url)
{
    struct http_url parts;
    if (!url.len)
        return;
    if (!http_url_split(url, &parts))
        body_complain(b, "url",
                      "must be such as https://example.com/hudhud, without a user or "
                      "fragment; a host in another script in its xn-- form");
    else if (!parts.secure && !call->api->shared->webhooks_allow_http)
        body_complain(b, "url",
                      "must begin with https://; the setting webhook-allow-http allows "
                      "http://");
}

static bool is_in(struct str names, struct str name)
{
    while (names.len)
        if (str_eq(str_split(&names, ' '), name))
            return true;
    return false;
}

/* Each once, in the order given. */
static bool add_event(struct body *b, struct buf *out, struct json item)
{
    struct str name = json_as_str(item, STR(""));
    if (!json_is_str(item)) {
        body_complain(b, "events", "must be a list of texts");
        return false;
    }
    if (!event_is_known(name) && !str_eq(name, STR("*"))) {
        body_complain(b, "events", "holds \"%.*s\", which is no event", STR_FMT(name));
        return false;
    }
    if (is_in(buf_str(out), name))
        return true;
    if (out->len)
        buf_add_char(out, ' ');
    buf_add(out, name);
    return true;
}

/* The names with blanks between; "*" alone when it is among them. */
static struct str read_events(struct call *call, struct body *b, bool required)
{
    struct json list = body_value(b, "events");
    bool all = false;
    _cleanup_(buf_release)
    struct buf names;
    buf_init(&names, EVENTS_TEXT_MAX);
    if (!json_present(list)) {
        if (required)
            body_complain(b, "events", "is required: a list of events, or [\"*\"]");
        return STR("");
    }
    if (!json_is_array(list) || json_len(list) == 0) {
        body_complain(b, "events", "must be a list of at least one event, or [\"*\"]");
        return STR("");
    }
    json_for_each (item, list) {
        if (!add_event(b, &names, item))
            return STR("");
        all = all || str_eq(json_as_str(item, STR("")), STR("*"));
    }
    if (!buf_ok(&names))
        body_complain(b, "events", "holds too many names");
    return all ? STR("*") : arena_dup(call->arena, buf_str(&names));
}

static enum err read_webhook(struct call *call, bool is_new)
{
    struct jobs_webhook *to = &call->task.webhook;
    struct body b;
    enum err e = body_begin(&b, call->request->body, call->arena, &call->error);
    if (e)
        return e;
    to->url = body_text(&b, "url", 1, WEBHOOK_URL_MAX, is_new);
    to->events = read_events(call, &b, is_new);
    to->enabled = body_switch(&b, "enabled");
    check_url(call, &b, to->url);
    if (!is_new && !to->url.len && !to->events.len && to->enabled < 0)
        body_complain(&b, "url", "there is nothing to change; send url, events or enabled");
    if (is_new && to->enabled < 0)
        to->enabled = 1;
    return body_end(&b);
}

enum err webhooks_create(struct call *call)
{
    int64_t n;
    enum err e = check_permitted(call);
    call->task.kind = JOBS_WEBHOOK;
    call->task.workspace_id = call->caller.workspace_id;
    if (!e)
        e = read_webhook(call, true);
    if (!e)
        e = webhook_count(call->tx, call->caller.workspace_id, &n);
    if (!e && n >= WEBHOOKS_MAX)
        e = error_set(&call->error, ERR_CONFLICT, "There are %d webhooks, and there may be no more",
                      WEBHOOKS_MAX);
    return e;
}

enum err webhooks_update(struct call *call)
{
    struct webhook webhook;
    enum err e = read_webhook(call, false);
    if (!e)
        e = find_webhook(call, &webhook);
    if (e)
        return e;
    call->task.kind = JOBS_WEBHOOK;
    call->task.workspace_id = call->caller.workspace_id;
    call->task.webhook.id = webhook.id;
    return ERR_OK;
}

/* The only answers that hold a secret. It is theirs alone: what is kept of them to be given again
 * (developer-api.md §1.3) has it blanked out. */
static enum err write_with_secret(struct call *call, const struct webhook *webhook,
                                  struct str sealed)
{
    _cleanup_(secret_release)
    struct secret secret = {0};
    struct str context = arena_printf(call->arena, WEBHOOK_SEAL_CONTEXT, (long long)webhook->id);
    if (!context.ptr)
        return ERR_NO_MEMORY;
    enum err e = seal_open(call->api->shared->keyring, context, sealed, &secret);
    if (e)
        return ERR_INTERNAL;
    json_open(&call->out, '{');
    write_members(&call->out, webhook);
    json_key(&call->out, "secret");
    call->blank_from = call->reply.len + 1; /* behind its quote */
    json_str(&call->out, secret_reveal(&secret));
    call->blank_len = call->reply.len - 1 - call->blank_from;
    json_close(&call->out, '}');
    return ERR_OK;
}

/* An endpoint is what a LIVE call's `account_id` names, whose effect was known (api/once.h). */
static enum err find_made(struct call *call, struct webhook *ret)
{
    int64_t id = call->task.webhook.id ? call->task.webhook.id : call->task.account_id;
    enum err e = webhook_find(call->tx, call->caller.workspace_id, id, call->arena, ret);
    return e == ERR_NOT_FOUND ? error_set(&call->error, e, "Webhook not found") : e;
}

enum err webhooks_created(struct call *call)
{
    struct webhook webhook;
    enum err e = find_made(call, &webhook);
    if (e)
        return e;
    call->status = 201;
    call_begin_message(call, "Webhook created successfully; its secret is shown this once");
    e = write_with_secret(call, &webhook, webhook.sealed_secret);
    call_end(call);
    return e;
}

enum err webhooks_updated(struct call *call)
{
    struct webhook webhook;
    enum err e = find_made(call, &webhook);
    if (e)
        return e;
    call_begin_message(call, "Webhook updated successfully");
    e = list_one(&call->out, &webhook);
    call_end(call);
    return e;
}

enum err webhooks_delete(struct call *call)
{
    struct webhook webhook;
    enum err e = find_webhook(call, &webhook);
    if (!e)
        e = webhook_delete(call->tx, webhook.id, clock_now_ms());
    if (e)
        return e;
    call_begin_message(call, "Webhook deleted successfully");
    json_open(&call->out, '{');
    json_member_i64(&call->out, "id", webhook.id);
    json_member_str(&call->out, "url", webhook.url);
    json_close(&call->out, '}');
    call_end(call);
    return ERR_OK;
}

/* --- rotation ----------------------------------------------------------------------------- */

enum err webhooks_rotate_check(struct call *call)
{
    struct body b;
    int64_t *overlap_s = ARENA_NEW(call->arena, int64_t);
    if (!overlap_s)
        return ERR_NO_MEMORY;
    call->input = overlap_s;
    *overlap_s = WEBHOOK_OVERLAP_S;
    if (call->request->body.len == 0)
        return ERR_OK;
    enum err e = body_begin(&b, call->request->body, call->arena, &call->error);
    if (e)
        return e;
    *overlap_s = body_i64(&b, "overlap_seconds", 0, ROTATE_OVERLAP_MAX_S, WEBHOOK_OVERLAP_S, false);
    return body_end(&b);
}

enum err webhooks_rotate_apply(struct call *call)
{
    struct webhook webhook;
    int64_t overlap_s = *(const int64_t *)call->input, now = clock_now_ms();
    int64_t until = overlap_s ? now + overlap_s * 1000 : 0;
    struct str sealed;
    enum err e = find_webhook(call, &webhook);
    if (!e)
        e = webhook_make_secret(call->api->shared->keyring, webhook.id, call->arena, &sealed);
    if (!e)
        e = webhook_set_secret(call->tx, webhook.id, sealed, until, now);
    if (e)
        return e;
    webhook.previous_until = until;
    webhook.updated_at = now;
    call_begin_message(call, "Secret rotated successfully; it is shown this once");
    e = write_with_secret(call, &webhook, sealed);
    call_end(call);
    return e;
}
