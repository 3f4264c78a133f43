/* /admin/workspaces/{domain}/waba-numbers: the handlers of the signed API, for the workspace that
 * the path names. Administration always sees health, and an empty list is an answer. */
#include "api/admin.h"
#include "api/handlers.h"
#include "api/numbers.h"

enum err admin_numbers_list(struct call *call)
{
    struct workspace ws;
    enum err e = admin_find_workspace(call, &ws);
    return e ? e : numbers_write_list(call, true, true);
}

enum err admin_numbers_get(struct call *call)
{
    struct workspace ws;
    enum err e = admin_find_workspace(call, &ws);
    return e ? e : numbers_write_one(call, call_param(call, 1), NULL);
}

enum err admin_numbers_history(struct call *call)
{
    struct workspace ws;
    enum err e = admin_find_workspace(call, &ws);
    return e ? e : numbers_write_history(call, call_param(call, 1));
}

enum err admin_numbers_link_check(struct call *call)
{
    struct workspace ws;
    enum err e = admin_find_workspace(call, &ws);
    return e ? e : numbers_link(call);
}

enum err admin_numbers_sync_check(struct call *call)
{
    struct workspace ws;
    enum err e = admin_find_workspace(call, &ws);
    return e ? e : numbers_sync(call, call_param(call, 1));
}

enum err admin_numbers_unlink_apply(struct call *call)
{
    struct workspace ws;
    enum err e = admin_find_workspace(call, &ws);
    return e ? e : numbers_unlink(call, call_param(call, 1));
}
