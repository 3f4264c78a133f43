#include "graph/transport.h"

void graph_subscribe_app(struct graph *g, struct str waba_id, const struct secret *token,
                         struct arena *arena, graph_cb *cb, void *arg)
{
    char path[GRAPH_PATH_MAX];
    graph_post_for_success(g, graph_path(path, waba_id, "subscribed_apps"), STR(""),
                           "subscribed_apps", token, arena, cb, arg);
}
