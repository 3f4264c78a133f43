/* /admin/workspaces/{domain}/waba-numbers: the handlers of the signed API, for the workspace that
 * the path names. Administration always sees health, and an empty list is an answer. */
#include "api/admin.h"
#include "api/handlers.h"
#include "api/numbers.h"

/* The domain leaves the path's parameters, and the handler finds its own where it expects them. */
static enum err in_workspace(struct call *call, call_fn *handler)
{
    struct workspace ws;
    enum err e = admin_find_workspace(call, &ws);
    if (e)
        return e;
    struct http_match *match = &call->match;
    match->n_params--;
    memmove(match->params, match->params + 1, match->n_params * sizeof(match->params[0]));
    return handler(call);
}

static enum err list_all(struct call *call)
{
    return numbers_write_list(call, true, true);
}

enum err admin_numbers_list(struct call *call)
{
    return in_workspace(call, list_all);
}

enum err admin_numbers_get(struct call *call)
{
    return in_workspace(call, numbers_get);
}

enum err admin_numbers_history(struct call *call)
{
    return in_workspace(call, numbers_history);
}

enum err admin_numbers_link(struct call *call)
{
    return in_workspace(call, numbers_link);
}

enum err admin_numbers_sync(struct call *call)
{
    return in_workspace(call, numbers_sync);
}

enum err admin_numbers_unlink(struct call *call)
{
    return in_workspace(call, numbers_unlink);
}
