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
