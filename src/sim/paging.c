#include "sim/paging.h"

#include "crypto/hex.h"

#include <inttypes.h>

/* What Meta's cursors begin with; the rest is ours. */
#define CURSOR_PREFIX "QVFIU"

struct sim_node **sim_paging_collect(struct sim_call *call, const struct list *nodes,
                                     bool (*keep)(struct sim_call *call, struct sim_node *node),
                                     size_t *ret_n)
{
    size_t n = 0;
    list_for_each (it, nodes)
        n++;
    struct sim_node **all = arena_calloc(call->arena, n + 1, sizeof(struct sim_node *));
    *ret_n = 0;
    if (!all)
        return NULL;
    list_for_each (it, nodes) {
        struct sim_node *node = CONTAINER_OF(it, struct sim_node, link);
        if (!keep || keep(call, node))
            all[(*ret_n)++] = node;
    }
    return all;
}

/* --- cursors ------------------------------------------------------------------------------ */

/* "QVFIU" and the hex digits of "PLACE:ID". */
static struct str cursor_make(struct arena *arena, size_t place, const struct sim_node *node)
{
    struct str text = arena_printf(arena, "%zu:%.*s", place, STR_FMT(sim_node_id(node)));
    char *hex = text.ptr ? arena_alloc(arena, 2 * text.len) : NULL;
    if (!hex)
        return STR("");
    hex_encode((const unsigned char *)text.ptr, text.len, hex);
    return arena_printf(arena, CURSOR_PREFIX "%.*s", (int)(2 * text.len), hex);
}

/* Where a cursor stands among the nodes: what is before it, and what comes after it. */
struct position {
    size_t before; /* places below this one */
    size_t after;  /* this place and those above */
};

/* At its item, if that is still there. Else at the gap it left: what came behind it moved up. */
static bool cursor_read(struct str cursor, struct sim_node *const *nodes, size_t n, bool endless,
                        struct position *ret, struct arena *arena)
{
    if (!str_starts(cursor, STR(CURSOR_PREFIX)))
        return false;
    struct str hex = str_skip(cursor, strlen(CURSOR_PREFIX));
    unsigned char *bytes = arena_alloc(arena, hex.len / 2 + 1);
    if (!bytes || hex.len % 2 || !hex_decode(hex, bytes, hex.len / 2))
        return false;
    struct str id = str_make((const char *)bytes, hex.len / 2);
    struct str digits = str_split(&id, ':');
    uint64_t place;
    if (!str_to_u64(digits, &place) || place > INT32_MAX)
        return false;
    for (size_t i = 0; i < n && !endless; i++)
        if (str_eq(sim_node_id(nodes[i]), id)) {
            *ret = (struct position){.before = i, .after = i + 1};
            return true;
        }
    *ret = (struct position){.before = (size_t)place, .after = (size_t)place + endless};
    return true;
}

/* --- the page asked for ------------------------------------------------------------------- */

struct page {
    size_t begin, end; /* places; with an endless list they go on past its last item */
    size_t limit;
    bool endless;
};

static bool read_limit(struct sim_call *call, size_t *ret)
{
    struct str text = sim_params_get(&call->params, "limit");
    uint64_t limit = SIM_PAGE_DEFAULT;
    if (text.ptr && (!str_to_u64(text, &limit) || limit == 0)) {
        sim_call_fail(call, SIM_FAIL_PARAMETER,
                      "(#100) Param limit must be an integer greater than or equal to 1");
        return false;
    }
    *ret = (size_t)MIN(limit, (uint64_t)SIM_PAGE_MAX);
    return true;
}

static bool read_page(struct sim_call *call, struct sim_node *const *nodes, size_t n,
                      struct page *ret)
{
    struct str after = sim_params_get(&call->params, "after");
    struct str before = sim_params_get(&call->params, "before");
    struct page page = {.endless = call->fault && call->fault->kind == SIM_FAULT_ENDLESS_PAGES};
    if (!read_limit(call, &page.limit))
        return false;
    struct position at = {0};
    struct str cursor = after.len ? after : before;
    if (cursor.len && !cursor_read(cursor, nodes, n, page.endless, &at, call->arena)) {
        sim_call_fail(call, SIM_FAIL_PARAMETER, "(#100) Invalid cursors values");
        return false;
    }
    size_t most = page.endless ? SIZE_MAX : n;
    if (after.len) {
        page.begin = MIN(at.after, most);
    } else if (before.len) {
        page.end = MIN(at.before, most);
        page.begin = page.end - MIN(page.limit, page.end);
    }
    if (!before.len || after.len)
        page.end = page.begin + MIN(page.limit, most - page.begin);
    *ret = page;
    return true;
}

/* --- writing ------------------------------------------------------------------------------ */

static void add_param(struct buf *url, char separator, struct str name, struct str value)
{
    buf_add_char(url, separator);
    http_url_encode(name, url);
    buf_add_char(url, '=');
    http_url_encode(value, url);
}

/* The address of a neighbour page: this request's, with another cursor. The token is in it only
 * when it was in the request's query. */
static void write_link(struct sim_call *call, const char *key, const char *which, struct str cursor,
                       size_t limit)
{
    _cleanup_(buf_release)
    struct buf url;
    buf_init(&url, HTTP_REQUEST_LINE_MAX);
    struct str host = http_header_get(call->request, STR("host"), NULL);
    buf_printf(&url, "http://%.*s/%s/%.*s/%.*s", STR_FMT(host), call->version,
               STR_FMT(call->object), STR_FMT(call->edge));
    char separator = '?';
    for (size_t i = 0; i < call->params.n; i++) {
        const struct sim_param *p = &call->params.items[i];
        if (sim_word_in("limit|after|before", p->name))
            continue;
        add_param(&url, separator, p->name, p->value);
        separator = '&';
    }
    char digits[24];
    snprintf(digits, sizeof(digits), "%zu", limit);
    add_param(&url, separator, STR("limit"), str_from(digits));
    add_param(&url, '&', str_from(which), cursor);
    json_member_str(&call->json, key, buf_str(&url));
}

static void write_paging(struct sim_call *call, struct sim_node *const *nodes, size_t n,
                         const struct page *page)
{
    struct str before = cursor_make(call->arena, page->begin, nodes[page->begin % n]);
    struct str after = cursor_make(call->arena, page->end - 1, nodes[(page->end - 1) % n]);
    struct json_writer *w = &call->json;
    json_key(w, "paging");
    json_open(w, '{');
    json_key(w, "cursors");
    json_open(w, '{');
    json_member_str(w, "before", before);
    json_member_str(w, "after", after);
    json_close(w, '}');
    if (page->begin > 0)
        write_link(call, "previous", "before", before, page->limit);
    if (page->end < n || page->endless)
        write_link(call, "next", "after", after, page->limit);
    json_close(w, '}');
}

bool sim_paging_write(struct sim_call *call, enum sim_kind kind, struct sim_node *const *nodes,
                      size_t n)
{
    struct error error;
    error_init(&error, call->arena);
    struct sim_selection *selection = NULL;
    struct str fields = sim_params_get(&call->params, "fields");
    struct page page = {0};
    if (sim_selection_parse(fields, call->arena, &selection, &error) != ERR_OK) {
        sim_call_fail(call, SIM_FAIL_PATH, "%.*s", STR_FMT(error.message));
        return false;
    }
    if (sim_selection_check(kind, selection, &error) != ERR_OK) {
        sim_call_fail(call, SIM_FAIL_PARAMETER, "%.*s", STR_FMT(error.message));
        return false;
    }
    if (!read_page(call, nodes, n, &page))
        return false;
    struct json_writer *w = &call->json;
    json_open(w, '{');
    json_key(w, "data");
    json_open(w, '[');
    for (size_t i = page.begin; i < page.end && n > 0; i++)
        if (sim_node_write(nodes[i % n], selection, w, call->arena, &error) != ERR_OK)
            return false; /* cannot be: the selection was checked */
    json_close(w, ']');
    if (n > 0 && page.end > page.begin)
        write_paging(call, nodes, n, &page);
    return true;
}
