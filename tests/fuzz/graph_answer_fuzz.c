/* A whole HTTP answer of Meta's, as src/graph/answer.c reads it and a list's pages are turned.
 * Input: a letter that chooses the HTTP status, then X-App-Usage, X-Business-Use-Case-Usage and the
 * body, each up to a line feed, the body to the end. Whatever comes, an answer of ours is whole:
 * its texts are UTF-8, bounded, without control characters and without the token. */
#include "base/limits.h"
#include "graph/answer.h"
#include "graph/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int statuses[] = {200, 400, 401, 403, 404, 429, 500, 503, 302, 204};

static void demand(bool truth, const char *what)
{
    if (!truth)
        die(what);
}

static void check_text(struct str s, const struct secret *token)
{
    struct str hidden = secret_reveal(token);
    demand(str_is_utf8(s), "a text is not UTF-8");
    demand(s.len <= 2 * GRAPH_TEXT_MAX + 64, "a text is not bounded");
    demand(!s.len || !memmem(s.ptr, s.len, hidden.ptr, hidden.len), "a text holds the token");
    for (size_t i = 0; i < s.len; i++)
        demand((unsigned char)s.ptr[i] >= 0x20, "a text holds a control character");
}

static void check_answer(const struct graph_answer *a, const struct secret *token)
{
    demand(graph_outcome_name(a->outcome) != NULL, "no such outcome");
    demand(a->outcome == GRAPH_OK ? json_is_object(a->json) : !a->json.val,
           "json and outcome differ");
    demand(a->outcome == GRAPH_OK || a->message.len, "a failure without a message");
    demand(a->usage.percent >= 0 && a->usage.regain_minutes >= 0, "a negative usage");
    check_text(a->message, token);
    check_text(a->title, token);
    check_text(a->details, token);
    check_text(a->fbtrace_id, token);
}

static void turn_pages(struct json answer, struct arena *arena)
{
    struct graph_pages pages;
    graph_pages_init(&pages, arena);
    bool more = false;
    if (graph_pages_turn(&pages, answer, &more) || !more)
        return;
    _cleanup_(buf_release)
    struct buf query;
    buf_init(&query, GRAPH_URL_MAX);
    graph_pages_query(&pages, &query);
    demand(buf_ok(&query) && query.len > strlen("&after="), "a cursor that fits no query");
    demand(!memchr(query.ptr + 1, '&', query.len - 1), "a cursor that leaves its parameter");
    demand(graph_pages_turn(&pages, answer, &more) != NULL, "a cycle that is not seen");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    _cleanup_(secret_release)
    struct secret token = {0};
    _cleanup_(arena_release)
    struct arena arena;
    arena_init(&arena, 8 * MIB);
    secret_set(&token, STR("EAAJ"));
    struct str rest = str_make((const char *)data + 1, size - 1);
    struct graph_raw raw = {.http_status = statuses[data[0] % ARRAY_LEN(statuses)]};
    raw.app_usage = str_split(&rest, '\n');
    raw.business_usage = str_split(&rest, '\n');
    raw.body = rest;
    struct graph_answer a;
    graph_answer_read(&raw, &token, &arena, &a);
    check_answer(&a, &token);
    turn_pages(a.json, &arena);
    struct graph_answer copy = graph_answer_copy(&a, "asking", &arena);
    check_text(copy.message, &token);
    return 0;
}
