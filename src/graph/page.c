#include "graph/page.h"

#include "base/limits.h"
#include "http/http.h"

struct graph_cursor {
    struct graph_cursor *older;
    struct str text;
};

void graph_pages_init(struct graph_pages *p, struct arena *arena)
{
    *p = (struct graph_pages){.arena = arena};
}

static const char *keep_cursor(struct graph_pages *p, struct str text)
{
    for (const struct graph_cursor *c = p->seen; c; c = c->older) {
        if (str_eq(c->text, text))
            return "an endless list: the cursor of an earlier page came again";
    }
    struct graph_cursor *c = ARENA_NEW(p->arena, struct graph_cursor);
    struct str copy = arena_dup(p->arena, text);
    if (!c || !copy.ptr)
        return "the list does not fit into memory";
    *c = (struct graph_cursor){.older = p->seen, .text = copy};
    p->seen = c;
    return NULL;
}

const char *graph_pages_turn(struct graph_pages *p, struct json answer, bool *ret_more)
{
    struct json paging = json_get(answer, "paging");
    if (!json_present(json_get(paging, "next"))) {
        *ret_more = false;
        return NULL;
    }
    struct str after = json_as_str(json_get(json_get(paging, "cursors"), "after"), STR(""));
    if (!after.len || after.len > GRAPH_CURSOR_MAX)
        return "paging.next without a usable paging.cursors.after";
    if (++p->n >= GRAPH_PAGES_MAX)
        return "an endless list: too many pages";
    const char *wrong = keep_cursor(p, after);
    if (!wrong)
        *ret_more = true;
    return wrong;
}

void graph_pages_query(const struct graph_pages *p, struct buf *query)
{
    if (!p->seen)
        return;
    buf_add(query, STR("&after="));
    http_url_encode(p->seen->text, query);
}
