/* /waba-numbers: developer-api.md §2. */
#include "api/numbers.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "base/log.h"
#include "model/account.h"
#include "model/number.h"

/* --- the shape ---------------------------------------------------------------------------- */

static void write_health(struct json_writer *w, struct call *call, const struct number *n)
{
    const struct api_shared *shared = call->api->shared;
    int64_t pulse = pulse_get(shared->pulse, n->account_id);
    int64_t confirmed_at = MAX(pulse, n->confirmed_at);
    int64_t stale_after = 2 * shared->sync_interval_s * 1000;
    const struct number_facts *f = &n->facts;
    json_key(w, "health");
    json_open(w, '{');
    json_member_opt(w, "meta_status", f->meta_status);
    json_member_opt(w, "name_status", f->name_status);
    json_member_opt(w, "code_verification_status", f->code_verification_status);
    json_member_opt(w, "throughput", f->throughput);
    json_member_opt(w, "messaging_limit", f->messaging_limit);
    json_member_opt(w, "platform_type", f->platform_type);
    json_member_bool(w, "is_official_business_account", f->is_official_business_account);
    json_member_opt(w, "can_send_message", f->can_send_message);
    json_key(w, "reasons");
    json_raw(w, f->reasons);
    json_member_opt(w, "previous_quality_rating", n->previous_quality_rating);
    json_member_time(w, "quality_changed_at", n->quality_changed_at);
    json_member_time(w, "confirmed_at", confirmed_at);
    json_member_bool(w, "stale", clock_now_ms() - confirmed_at > stale_after);
    json_close(w, '}');
}

void numbers_write_members(struct call *call, const struct number *n, bool health)
{
    struct json_writer *w = &call->out;
    json_member_i64(w, "id", n->id);
    json_member_str(w, "phone_number", n->facts.phone_number);
    json_member_str(w, "phone_number_id", n->facts.phone_number_id);
    json_member_str(w, "verified_name", n->facts.verified_name);
    json_member_str(w, "quality_rating", n->facts.quality_rating);
    json_member_str(w, "status", n->status);
    json_member_i64(w, "message_template_count", n->message_template_count);
    json_member_time(w, "created_at", n->created_at);
    json_member_time(w, "updated_at", n->updated_at);
    if (health)
        write_health(w, call, n);
}

void numbers_write(struct call *call, const struct number *n, bool health)
{
    json_open(&call->out, '{');
    numbers_write_members(call, n, health);
    json_close(&call->out, '}');
}

/* --- reading ------------------------------------------------------------------------------ */

enum err numbers_find(struct call *call, struct str id, struct number *ret)
{
    if (!str_is_digits(id) || id.len > META_ID_MAX)
        return error_set(&call->error, ERR_NOT_FOUND, "Number not found");
    enum err e = number_find(call->tx, call->caller.workspace_id, id, call->arena, ret);
    if (e)
        return e == ERR_NOT_FOUND ? error_set(&call->error, e, "Number not found") : e;
    if (permissions_have_number(call->caller.permissions, ret->id))
        return ERR_OK;
    return error_set(&call->error, ERR_PERMISSION_DENIED,
                     "This client lacks the permission for this number");
}

struct listing {
    struct call *call;
    bool health;
    size_t n;
};

static enum err list_one(void *arg, const struct number *n)
{
    struct listing *l = arg;
    if (!permissions_have_number(l->call->caller.permissions, n->id))
        return ERR_OK;
    numbers_write(l->call, n, l->health);
    l->n++;
    return ERR_OK;
}

enum err numbers_write_list(struct call *call, bool health, bool empty_is_fine)
{
    struct listing l = {call, health, 0};
    call_begin(call);
    json_open(&call->out, '[');
    enum err e = number_each(call->tx, call->caller.workspace_id, health, list_one, &l);
    json_close(&call->out, ']');
    call_end(call);
    if (!e && l.n == 0 && !empty_is_fine)
        return error_set(&call->error, ERR_NOT_FOUND, "No connected numbers");
    return e;
}

enum err numbers_list(struct call *call)
{
    struct str include;
    enum err e = call_query(call, "include", &include);
    if (e)
        return e;
    if (include.len && !str_eq(include, STR("health")))
        return call_query_wrong(call, "include", "may only be 'health'");
    return numbers_write_list(call, include.len > 0, false);
}

enum err numbers_get(struct call *call)
{
    struct number n;
    enum err e = numbers_find(call, call_param(call, 0), &n);
    if (e)
        return e;
    call_begin(call);
    numbers_write(call, &n, true);
    call_end(call);
    return ERR_OK;
}

void numbers_write_change_members(struct json_writer *w, const struct change_entry *c)
{
    json_member_str(w, "field", c->field);
    json_member_opt(w, "from", c->from);
    json_member_opt(w, "to", c->to);
    json_member_str(w, "source", c->source);
    json_member_time(w, "at", c->at);
}

static enum err write_change(void *arg, const struct change_entry *c)
{
    json_open(arg, '{');
    numbers_write_change_members(arg, c);
    json_close(arg, '}');
    return ERR_OK;
}

enum err numbers_history(struct call *call)
{
    struct page page;
    struct number n;
    int64_t total;
    enum err e = call_page(call, &page);
    if (!e)
        e = numbers_find(call, call_param(call, 0), &n);
    if (!e)
        e = number_count_changes(call->tx, n.id, &total);
    if (e)
        return e;
    call_begin(call);
    json_open(&call->out, '[');
    e = number_each_change(call->tx, n.id, total - page.offset, page.limit, write_change,
                           &call->out);
    json_close(&call->out, ']');
    call_end_page(call, &page, total);
    return e;
}

/* --- linking ------------------------------------------------------------------------------ */

static bool is_token(struct str token)
{
    for (size_t i = 0; i < token.len; i++)
        if (token.ptr[i] <= ' ' || token.ptr[i] > '~')
            return false;
    return true;
}

/* Either a token and the account it opens, or a code that Meta's embedded signup gave. */
static enum err read_link(struct call *call)
{
    struct jobs_task *task = &call->task;
    struct body b;
    enum err e = body_begin(&b, call->request->body, call->arena, &call->error);
    if (e)
        return e;
    bool has_code = body_has(&b, "code");
    task->waba_id = body_text(&b, "waba_id", 1, META_ID_MAX, !has_code);
    task->code = body_text(&b, "code", 1, TOKEN_MAX, false);
    struct str token = body_text(&b, "access_token", 1, TOKEN_MAX, !has_code);
    task->replace = body_bool(&b, "replace", false);
    if (task->waba_id.len && !str_is_digits(task->waba_id))
        body_complain(&b, "waba_id", "must be Meta's id of the account: digits only");
    if (token.len && !is_token(token))
        body_complain(&b, "access_token", "holds a blank or a character no token has");
    if (token.len && has_code)
        body_complain(&b, "code", "must not be sent with access_token");
    e = body_end(&b);
    if (!e && token.len)
        secret_set(&task->token, token);
    return e;
}

/* What is plainly a conflict is told at once; the transaction that links has the last word. */
static enum err check_not_linked(struct call *call)
{
    const struct jobs_task *task = &call->task;
    struct account account;
    if (task->waba_id.len == 0)
        return ERR_OK;
    enum err e = account_find_waba(call->tx, task->waba_id, call->arena, &account);
    if (e)
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    if (account.workspace_id == call->caller.workspace_id)
        return ERR_OK;
    return error_set(&call->error, ERR_CONFLICT,
                     "This account is linked already, in another workspace");
}

enum err numbers_link(struct call *call)
{
    if (!call->caller.permissions->all_numbers)
        return error_set(&call->error, ERR_PERMISSION_DENIED,
                         "This client is limited to some numbers, and may not link others");
    call->task.kind = JOBS_LINK;
    call->task.workspace_id = call->caller.workspace_id;
    enum err e = read_link(call);
    return e ? e : check_not_linked(call);
}

/* Who linked them may have been limited before the answer was written (api/once.h). */
static enum err list_one_of_account(void *arg, const struct number *n)
{
    struct call *call = arg;
    if (permissions_have_number(call->caller.permissions, n->id))
        numbers_write(call, n, true);
    return ERR_OK;
}

enum err numbers_linked(struct call *call)
{
    call->status = 201;
    call_begin_message(call, "Numbers linked successfully");
    json_open(&call->out, '[');
    enum err e = number_each_of_account(call->tx, call->task.account_id, list_one_of_account, call);
    json_close(&call->out, ']');
    call_end(call);
    return e;
}

/* --- syncing ------------------------------------------------------------------------------ */

enum err numbers_sync(struct call *call)
{
    struct number n;
    enum err e = call_expect_no_fields(call);
    if (!e)
        e = numbers_find(call, call_param(call, 0), &n);
    if (e)
        return e;
    call->task.kind = JOBS_SYNC;
    call->task.account_id = n.account_id;
    return ERR_OK;
}

enum err numbers_synced(struct call *call)
{
    struct number n;
    enum err e = numbers_find(call, call_param(call, 0), &n);
    if (e)
        return e;
    call_begin_message(call, "Number synced successfully");
    numbers_write(call, &n, true);
    call_end(call);
    return ERR_OK;
}

/* --- unlinking ---------------------------------------------------------------------------- */

/* With its last number an account is unlinked too, and its token forgotten. */
enum err numbers_unlink(struct call *call)
{
    struct number n;
    int64_t left, now = clock_now_ms();
    enum err e = numbers_find(call, call_param(call, 0), &n);
    if (!e)
        e = number_unlink(call->tx, n.id, now);
    if (!e)
        e = account_count_numbers(call->tx, n.account_id, &left);
    if (!e && left == 0)
        e = account_unlink(call->tx, n.account_id, now);
    if (e)
        return e;
    call_begin_message(call, "Number unlinked successfully");
    json_open(&call->out, '{');
    json_member_i64(&call->out, "id", n.id);
    json_member_str(&call->out, "phone_number", n.facts.phone_number);
    json_member_str(&call->out, "phone_number_id", n.facts.phone_number_id);
    json_member_time(&call->out, "unlinked_at", now);
    json_close(&call->out, '}');
    call_end(call);
    return ERR_OK;
}
