/* /admin/workspaces/{domain}/waba-numbers: the handlers of the signed API, for the workspace that
 * the path names. Administration always sees health, and an empty list is an answer. */
#include "api/admin.h"
#include "api/handlers.h"
#include "api/numbers.h"

static enum err list_all(struct call *call)
{
    return numbers_write_list(call, true, true);
}

enum err admin_numbers_list(struct call *call)
{
    return admin_in_workspace(call, list_all);
}

/* What Meta said of the name that was asked for last, by a webhook; null before it did. The signed
 * API tells of it by an event alone (developer-api.md §2.1 fixes its rows). */
static void write_name_request(struct json_writer *w, const struct number *n)
{
    json_key(w, "name_request");
    if (!n->name_decision.len) {
        json_null(w);
        return;
    }
    json_open(w, '{');
    json_member_opt(w, "name", n->requested_name);
    json_member_str(w, "decision", n->name_decision);
    json_member_opt(w, "reason", n->name_rejection);
    json_close(w, '}');
}

static enum err get_one(struct call *call)
{
    struct number n;
    enum err e = numbers_find(call, call_param(call, 0), &n);
    if (e)
        return e;
    call_begin(call);
    json_open(&call->out, '{');
    numbers_write_members(call, &n, true);
    write_name_request(&call->out, &n);
    json_close(&call->out, '}');
    call_end(call);
    return ERR_OK;
}

enum err admin_numbers_get(struct call *call)
{
    return admin_in_workspace(call, get_one);
}

enum err admin_numbers_history(struct call *call)
{
    return admin_in_workspace(call, numbers_history);
}

enum err admin_numbers_link(struct call *call)
{
    return admin_in_workspace(call, numbers_link);
}

enum err admin_numbers_sync(struct call *call)
{
    return admin_in_workspace(call, numbers_sync);
}

enum err admin_numbers_unlink(struct call *call)
{
    return admin_in_workspace(call, numbers_unlink);
}

enum err admin_numbers_request_code(struct call *call)
{
    return admin_in_workspace(call, numbers_request_code);
}

enum err admin_numbers_verify_code(struct call *call)
{
    return admin_in_workspace(call, numbers_verify_code);
}

enum err admin_numbers_register(struct call *call)
{
    return admin_in_workspace(call, numbers_register);
}

enum err admin_numbers_deregister(struct call *call)
{
    return admin_in_workspace(call, numbers_deregister);
}

enum err admin_numbers_set_pin(struct call *call)
{
    return admin_in_workspace(call, numbers_set_pin);
}

enum err admin_numbers_profile(struct call *call)
{
    return admin_in_workspace(call, numbers_profile);
}

enum err admin_numbers_change_profile(struct call *call)
{
    return admin_in_workspace(call, numbers_change_profile);
}
