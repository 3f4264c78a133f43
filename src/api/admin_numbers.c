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

enum err admin_numbers_get(struct call *call)
{
    return admin_in_workspace(call, numbers_get);
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
