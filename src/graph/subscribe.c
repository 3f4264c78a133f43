#include "graph/answer.h"
#include "graph/transport.h"

struct subscription {
    graph_cb *cb;
    void *arg;
};

/* {"success": true} (meta-graph.md §3.3); a 200 with anything else promises nothing. */
static void on_subscribed(void *arg, const struct graph_answer *answer)
{
    _cleanup_(freep)
    struct subscription *s = arg;
    struct graph_answer a = *answer;
    if (a.outcome == GRAPH_OK && !json_as_bool(json_get(a.json, "success"), false)) {
        a.outcome = GRAPH_UNUSABLE;
        a.message = STR("subscribed_apps: {\"success\": true} was expected");
        a.json = (struct json){NULL};
    }
    s->cb(s->arg, &a);
}

void graph_subscribe_app(struct graph *g, struct str waba_id, const struct secret *token,
                         struct arena *arena, graph_cb *cb, void *arg)
{
    struct subscription *s = xmalloc(sizeof(*s));
    *s = (struct subscription){.cb = cb, .arg = arg};
    char path[GRAPH_PATH_MAX];
    graph_request(g, GRAPH_POST, graph_path(path, waba_id, "subscribed_apps"), STR(""), token,
                  arena, on_subscribed, s);
}
