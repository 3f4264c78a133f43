/* /{waba}/subscribed_apps: meta-graph.md §3.3. */
#include "graph/transport.h"

#define EDGE "subscribed_apps"

void graph_subscribe_app(struct graph *g, struct str waba_id, const struct secret *token,
                         struct arena *arena, graph_cb *cb, void *arg)
{
    char path[GRAPH_PATH_MAX];
    graph_post_for_success(g, graph_path(path, waba_id, EDGE), STR(""), EDGE, token, arena, cb,
                           arg);
}

struct fetch {
    struct arena *arena;
    graph_apps_cb *cb;
    void *arg;
};

/* [{"whatsapp_business_api_data": {"id": "...", ...}}]; an entry without an id is passed over. */
static bool read_apps(struct json list, struct arena *arena, struct graph_apps *ret)
{
    *ret = (struct graph_apps){
        .ids = arena_calloc(arena, MAX(json_len(list), (size_t)1), sizeof(*ret->ids))};
    if (!ret->ids)
        return false;
    json_for_each (entry, list) {
        struct json app = json_get(entry, "whatsapp_business_api_data");
        struct str id = json_as_id(json_get(app, "id"), arena);
        if (id.len)
            ret->ids[ret->n++] = id;
    }
    return true;
}

static void on_apps(void *arg, const struct graph_answer *answer)
{
    _cleanup_(freep)
    struct fetch *f = arg;
    struct graph_answer a = *answer;
    struct graph_apps apps;
    struct json list = json_get(a.json, "data");
    const char *wrong = NULL;
    if (a.outcome == GRAPH_OK && !json_is_array(list))
        wrong = EDGE ": a list in \"data\" was expected";
    else if (a.outcome == GRAPH_OK && !read_apps(list, f->arena, &apps))
        wrong = EDGE ": the list is too large";
    if (wrong) {
        a.outcome = GRAPH_UNUSABLE;
        a.message = str_from(wrong);
        a.json = (struct json){NULL};
    }
    f->cb(f->arg, &a, a.outcome == GRAPH_OK ? &apps : NULL);
}

void graph_fetch_apps(struct graph *g, struct str waba_id, const struct secret *token,
                      struct arena *arena, graph_apps_cb *cb, void *arg)
{
    struct fetch *f = xmalloc(sizeof(*f));
    *f = (struct fetch){.arena = arena, .cb = cb, .arg = arg};
    char path[GRAPH_PATH_MAX];
    graph_request(g, GRAPH_GET, graph_path(path, waba_id, EDGE), STR(""), token, arena, on_apps, f);
}
