#include "sim/edges.h"

void sim_node_get(struct sim_call *call)
{
    struct error error;
    error_init(&error, call->arena);
    struct sim_selection *selection = NULL;
    struct str fields = sim_params_get(&call->params, "fields");
    if (sim_selection_parse(fields, call->arena, &selection, &error) != ERR_OK)
        sim_call_fail(call, SIM_FAIL_PATH, "%.*s", STR_FMT(error.message));
    else if (sim_node_write(call->node, selection, &call->json, call->arena, &error) != ERR_OK)
        sim_call_fail(call, SIM_FAIL_PARAMETER, "%.*s", STR_FMT(error.message));
}
