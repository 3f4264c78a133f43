/* /webhooks/{id}/deliveries: what was delivered to an endpoint, try by try; and again. */
#include "api/handlers.h"
#include "api/webhooks.h"
#include "base/clock.h"
#include "model/event.h"
#include "model/webhook.h"

/* --- the shape ---------------------------------------------------------------------------- */

void webhooks_write_delivery(struct json_writer *w, const struct job *j)
{
    json_member_i64(w, "id", j->id);
    json_member_opt(w, "event_id", j->event_uid);
    json_member_opt(w, "event", j->event_name);
    json_member_str(w, "state", j->state);
    json_member_i64(w, "attempts", j->attempts);
    json_member_time(w, "next_attempt_at", j->ended_at ? 0 : MAX(j->due_at, j->created_at));
    json_member_opt(w, "error", j->error);
    json_member_time(w, "created_at", j->created_at);
    json_member_time(w, "ended_at", j->ended_at);
}

static enum err write_answer(struct call *call, struct str answer)
{
    struct json_writer *w = &call->out;
    json_key(w, "answer");
    if (str_is_utf8(answer) && str_find(answer, '\0') == answer.len) {
        json_str(w, answer);
        return ERR_OK;
    }
    json_null(w);
    return call_member_base64(call, "answer_base64", answer);
}

static enum err write_attempt(void *arg, const struct job_attempt *a)
{
    struct call *call = arg;
    struct json_writer *w = &call->out;
    json_open(w, '{');
    json_member_i64(w, "attempt", a->position);
    json_member_time(w, "at", a->at);
    json_member_i64(w, "duration_ms", a->us / 1000);
    json_key(w, "status");
    if (a->status)
        json_i64(w, a->status);
    else
        json_null(w);
    json_member_opt(w, "error", a->error);
    enum err e = write_answer(call, a->answer);
    json_close(w, '}');
    return e;
}

enum err webhooks_write_details(struct call *call, const struct job *j)
{
    struct json_writer *w = &call->out;
    json_key(w, "request");
    json_raw(w, j->body.len ? j->body : STR("null"));
    json_key(w, "tries");
    json_open(w, '[');
    enum err e = job_each_attempt(call->tx, j->id, write_attempt, call);
    json_close(w, ']');
    return e;
}

/* --- finding ------------------------------------------------------------------------------ */

static enum err find_webhook(struct call *call, struct webhook *ret)
{
    int64_t id;
    if (!call->caller.permissions->all_numbers)
        return error_set(&call->error, ERR_PERMISSION_DENIED,
                         "This client is limited to some numbers, and a webhook tells of all");
    enum err e = str_to_i64(call_param(call, 0), &id)
                     ? webhook_find(call->tx, call->caller.workspace_id, id, call->arena, ret)
                     : ERR_NOT_FOUND;
    return e == ERR_NOT_FOUND ? error_set(&call->error, e, "Webhook not found") : e;
}

static enum err find_webhook_id(struct call *call, int64_t *ret)
{
    struct webhook webhook;
    enum err e = find_webhook(call, &webhook);
    if (!e)
        *ret = webhook.id;
    return e;
}

/* What is put in line for a disabled one would wait until it is enabled, which nobody expects who
 * asks for it now. */
static enum err check_enabled(struct call *call)
{
    struct webhook webhook = {0};
    enum err e = find_webhook(call, &webhook);
    if (e || !webhook.disabled_at)
        return e;
    return error_set(&call->error, ERR_CONFLICT, "The webhook is disabled: enable it first");
}

static enum err find_delivery(struct call *call, struct job *ret)
{
    int64_t webhook_id, id;
    enum err e = find_webhook_id(call, &webhook_id);
    if (e)
        return e;
    e = str_to_i64(call_param(call, 1), &id) ? job_find(call->tx, id, call->arena, ret)
                                             : ERR_NOT_FOUND;
    if (!e && ret->webhook_id != webhook_id)
        e = ERR_NOT_FOUND;
    return e == ERR_NOT_FOUND ? error_set(&call->error, e, "Delivery not found") : e;
}

/* --- reading ------------------------------------------------------------------------------ */

enum err webhooks_read_state(struct call *call, struct str *ret)
{
    static const char *const states[] = {JOB_WAITING, JOB_BEHIND, JOB_DONE, JOB_DEAD, JOB_DROPPED};
    enum err e = call_query(call, "state", ret);
    bool known = !ret->len;
    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        known = known || str_eq(*ret, str_from(states[i]));
    if (e || known)
        return e;
    return call_query_wrong(call, "state", "may be waiting, behind, done, dead or dropped");
}

struct listing {
    struct json_writer *w;
    int64_t n, last;
};

static enum err list_one(void *arg, const struct job *j)
{
    struct listing *l = arg;
    json_open(l->w, '{');
    webhooks_write_delivery(l->w, j);
    json_close(l->w, '}');
    l->n++;
    l->last = j->id;
    return ERR_OK;
}

/* By `before` and not by pages: what is new would move them, and counting a million costs. */
enum err deliveries_list(struct call *call)
{
    struct older older;
    struct job_filter filter = {.webhook_id = 0};
    struct listing l = {.w = &call->out};
    enum err e = find_webhook_id(call, &filter.webhook_id);
    if (e)
        return e;
    enum err state = webhooks_read_state(call, &filter.state);
    e = call_older(call, PAGE_LIMIT_MAX, &older);
    if (state || e)
        return state ? state : e;
    call_begin(call);
    json_open(&call->out, '[');
    e = job_each(call->tx, &filter, older.before, older.limit, list_one, &l);
    json_close(&call->out, ']');
    json_key(&call->out, "meta");
    json_open(&call->out, '{');
    json_member_i64(&call->out, "per_page", older.limit);
    json_key(&call->out, "next_before");
    if (l.n == older.limit)
        json_i64(&call->out, l.last);
    else
        json_null(&call->out);
    json_close(&call->out, '}');
    call_end(call);
    return e;
}

enum err deliveries_get(struct call *call)
{
    struct job j;
    enum err e = find_delivery(call, &j);
    if (e)
        return e;
    call_begin(call);
    json_open(&call->out, '{');
    webhooks_write_delivery(&call->out, &j);
    e = webhooks_write_details(call, &j);
    json_close(&call->out, '}');
    call_end(call);
    return e;
}

/* --- again -------------------------------------------------------------------------------- */

static enum err answer_delivery(struct call *call, int64_t id, const char *message)
{
    struct job j;
    enum err e = job_find(call->tx, id, call->arena, &j);
    if (e)
        return e;
    call->status = 201;
    call_begin_message(call, message);
    json_open(&call->out, '{');
    webhooks_write_delivery(&call->out, &j);
    json_close(&call->out, '}');
    call_end(call);
    return ERR_OK;
}

enum err deliveries_replay(struct call *call)
{
    struct job j;
    int64_t id;
    enum err e = find_delivery(call, &j);
    if (!e)
        e = check_enabled(call);
    if (!e)
        e = job_repeat(call->tx, &j, clock_now_ms(), &id);
    return e ? e : answer_delivery(call, id, "The event is delivered again, under its own id");
}

struct replay_input {
    int64_t from, to;
};

static int64_t read_time(struct body *b, const char *key, int64_t fallback, bool required)
{
    int64_t ms = fallback;
    struct str text = body_text(b, key, 1, 40, required);
    if (text.len && !clock_parse_iso(text, &ms))
        body_complain(b, key, "must be a time such as 2024-01-15T10:30:00Z");
    return ms;
}

enum err deliveries_replay_range_check(struct call *call)
{
    struct replay_input *in = ARENA_NEW(call->arena, struct replay_input);
    struct body b;
    if (!in)
        return ERR_NO_MEMORY;
    call->input = in;
    enum err e = body_begin(&b, call->request->body, call->arena, &call->error);
    if (e)
        return e;
    in->from = read_time(&b, "from", 0, true);
    in->to = read_time(&b, "to", clock_now_ms(), false);
    if (in->to < in->from)
        body_complain(&b, "to", "must not be before from");
    return body_end(&b);
}

enum err deliveries_replay_range(struct call *call)
{
    const struct replay_input *in = call->input;
    int64_t webhook_id, n;
    enum err e = find_webhook_id(call, &webhook_id);
    if (!e)
        e = check_enabled(call);
    if (e)
        return e;
    e = job_repeat_range(call->tx, webhook_id, in->from, in->to, clock_now_ms(), &n);
    if (e == ERR_CONFLICT)
        return error_set(&call->error, e,
                         "There were more than %d deliveries in that time: choose a shorter one",
                         JOBS_REPLAY_MAX);
    if (e)
        return e;
    call_begin_message(call, "The events of that time are delivered again, under their own ids");
    json_open(&call->out, '{');
    json_member_i64(&call->out, "deliveries", n);
    json_close(&call->out, '}');
    call_end(call);
    return ERR_OK;
}

enum err deliveries_test(struct call *call)
{
    const struct new_event event = {
        .workspace_id = call->caller.workspace_id,
        .name = EVENT_TEST,
        .data = STR("{\"message\":\"Hudhud can reach this webhook. \\u0645\\u0631\\u062d\\u0628"
                    "\\u0627\"}"),
        .now = clock_now_ms(),
    };
    int64_t webhook_id, id;
    enum err e = find_webhook_id(call, &webhook_id);
    if (!e)
        e = check_enabled(call);
    if (!e)
        e = event_emit_to(call->tx, &event, webhook_id, &id);
    return e ? e : answer_delivery(call, id, "A test event is on its way");
}
