/* /admin/workspaces/{domain}/webhooks: the handlers of the signed API. */
#include "api/admin.h"
#include "api/handlers.h"

#define TWIN(name)                                                                                 \
    enum err admin_##name(struct call *call)                                                       \
    {                                                                                              \
        return admin_in_workspace(call, name);                                                     \
    }

TWIN(webhooks_list)
TWIN(webhooks_get)
TWIN(webhooks_create)
TWIN(webhooks_update)
TWIN(webhooks_delete)
TWIN(webhooks_rotate_apply)
TWIN(deliveries_list)
TWIN(deliveries_get)
TWIN(deliveries_replay)
TWIN(deliveries_replay_range)
TWIN(deliveries_test)
