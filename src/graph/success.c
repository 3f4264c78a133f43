#include "base/base.h"
#include "graph/transport.h"

struct wish {
    const char *what;
    struct arena *arena;
    graph_cb *cb;
    void *arg;
};

static void on_answer(void *arg, const struct graph_answer *answer)
{
    _cleanup_(freep)
    struct wish *w = arg;
    struct graph_answer a = *answer;
    if (a.outcome == GRAPH_OK && !json_as_bool(json_get(a.json, "success"), false)) {
        struct str why = arena_printf(w->arena, "%s: {\"success\": true} was expected", w->what);
        a.outcome = GRAPH_UNUSABLE;
        a.message = why.ptr ? why : STR("{\"success\": true} was expected");
        a.json = (struct json){NULL};
    }
    w->cb(w->arg, &a);
}

void graph_post_for_success(struct graph *g, struct str path, struct str json, const char *what,
                            const struct secret *token, struct arena *arena, graph_cb *cb,
                            void *arg)
{
    struct wish *w = xmalloc(sizeof(*w));
    *w = (struct wish){.what = what, .arena = arena, .cb = cb, .arg = arg};
    if (json.len)
        graph_post_json(g, path, json, token, arena, on_answer, w);
    else
        graph_request(g, GRAPH_POST, path, STR(""), token, arena, on_answer, w);
}
