/* graph_fetch_account: one request after the other, each answer in an arena of its own that the
 * next one clears; only what the account keeps goes into the caller's. So a thousand pages need no
 * more memory than one. */
#include "base/buf.h"
#include "base/limits.h"
#include "graph/answer.h"
#include "graph/number.h"
#include "graph/page.h"
#include "graph/transport.h"

struct fetch {
    struct graph *graph;
    struct str waba_id; /* points into waba_text */
    char waba_text[META_ID_MAX];
    struct secret token;
    struct arena *arena;  /* the caller's */
    struct arena scratch; /* one answer */
    graph_account_cb *cb;
    void *arg;
    struct graph_account account;
    struct graph_number **end; /* of account.numbers */
    struct graph_pages pages;  /* of the list being read */
};

static const char step_node[] = "reading the account";
static const char step_numbers[] = "listing its phone_numbers";
static const char step_templates[] = "counting its message_templates";

static void finish(struct fetch *f)
{
    f->cb(f->arg, &f->account);
    secret_release(&f->token);
    arena_release(&f->scratch);
    free(f);
}

static void fail(struct fetch *f, const char *step, const struct graph_answer *why)
{
    f->account.failure = graph_answer_copy(why, step, f->arena);
    finish(f);
}

/* The answer came, but is not what the edge is documented to say. */
static void fail_shape(struct fetch *f, const char *step, const struct graph_answer *answer,
                       struct str wrong)
{
    struct graph_answer why = *answer;
    why.outcome = GRAPH_UNUSABLE;
    why.message = wrong;
    fail(f, step, &why);
}

/* What was read of the answer before is gone. */
static void ask(struct fetch *f, const char *edge, const struct buf *query, graph_cb *cb)
{
    char path[GRAPH_PATH_MAX];
    arena_clear(&f->scratch);
    graph_request(f->graph, GRAPH_GET, graph_path(path, f->waba_id, edge), buf_str(query),
                  &f->token, &f->scratch, cb, f);
}

/* --- APPROVED templates -----------------------------------------------------------------------
 * They are counted one by one. The edge's summary has a total_count (meta-graph.md §3.1), but
 * nothing says whether `status` narrows it, and one of all templates cannot be told from one of
 * the approved ones. So `status` only saves pages, and each template's own status decides: the
 * count is right whether Meta follows the filter, passes over it, or refuses it. A request a
 * hundred templates is what it costs: one for most accounts, 60 for the largest that Meta allows
 * (6,000), of 5,000 an hour (§7.4).
 * Cursors point at templates; one that changes while we turn pages is put right by the next sync.
 */

static void on_templates(void *arg, const struct graph_answer *answer);

static void ask_templates(struct fetch *f)
{
    _cleanup_(buf_release)
    struct buf query;
    buf_init(&query, GRAPH_URL_MAX);
    buf_printf(&query, "fields=id,status&limit=%d", GRAPH_PAGE_LIMIT);
    if (!graph_learned(f->graph)->no_status_filter)
        buf_add(&query, STR("&status=APPROVED")); /* upper case, as its values are listed in §3.2 */
    graph_pages_query(&f->pages, &query);
    ask(f, "message_templates", &query, on_templates);
}

static void begin_templates(struct fetch *f)
{
    f->account.template_count = 0;
    graph_pages_init(&f->pages, f->arena);
    ask_templates(f);
}

static struct str count_templates(struct fetch *f, struct json data)
{
    if (!json_is_array(data))
        return STR("\"data\" was expected to be an array");
    json_for_each (item, data) {
        struct json status = json_get(item, "status");
        if (!json_is_str(status))
            return STR("objects with a text \"status\" were expected in \"data\"");
        if (str_eq_nocase(json_as_str(status, STR("")), STR("APPROVED")))
            f->account.template_count++;
    }
    return STR("");
}

static void on_templates(void *arg, const struct graph_answer *answer)
{
    struct fetch *f = arg;
    struct graph_learned *learned = graph_learned(f->graph);
    graph_usage_add(&f->account.usage, answer->usage);
    if (answer->outcome == GRAPH_REFUSED && answer->code == 100 && !learned->no_status_filter) {
        learned->no_status_filter = true;
        begin_templates(f);
        return;
    }
    if (answer->outcome != GRAPH_OK) {
        fail(f, step_templates, answer);
        return;
    }
    bool more = false;
    struct str wrong = count_templates(f, json_get(answer->json, "data"));
    if (!wrong.len)
        wrong = str_from(graph_pages_turn(&f->pages, answer->json, &more));
    if (wrong.len)
        fail_shape(f, step_templates, answer, wrong);
    else if (more)
        ask_templates(f);
    else
        finish(f);
}

/* --- phone numbers ------------------------------------------------------------------------ */

static void on_numbers(void *arg, const struct graph_answer *answer);

static void ask_numbers(struct fetch *f)
{
    _cleanup_(buf_release)
    struct buf query;
    buf_init(&query, GRAPH_URL_MAX);
    buf_printf(&query, "limit=%d&fields=", GRAPH_PAGE_LIMIT);
    graph_number_fields(graph_learned(f->graph)->dropped_fields, &query);
    graph_pages_query(&f->pages, &query);
    ask(f, "phone_numbers", &query, on_numbers);
}

/* A number that comes a second time, as happens when the list changes between two pages, keeps its
 * place and takes the newer content. */
static bool add_number(struct fetch *f, struct graph_number *number)
{
    for (struct graph_number *n = f->account.numbers; n; n = n->next) {
        if (!str_eq(n->id, number->id))
            continue;
        number->next = n->next;
        *n = *number;
        return true;
    }
    if (f->account.n_numbers == GRAPH_NUMBERS_MAX)
        return false;
    *f->end = number;
    f->end = &number->next;
    f->account.n_numbers++;
    return true;
}

static struct str take_numbers(struct fetch *f, struct json data)
{
    if (!json_is_array(data))
        return STR("\"data\" was expected to be an array");
    size_t i = 0;
    json_for_each (item, data) {
        const char *wrong = NULL;
        struct graph_number *number = graph_number_read(item, f->arena, &wrong);
        if (!number) {
            struct str text = arena_printf(&f->scratch, "data[%zu]: %s", i, wrong);
            return text.ptr ? text : str_from(wrong);
        }
        if (!add_number(f, number))
            return STR("an endless list: more numbers than an account can have");
        i++;
    }
    return STR("");
}

static void on_numbers(void *arg, const struct graph_answer *answer)
{
    struct fetch *f = arg;
    graph_usage_add(&f->account.usage, answer->usage);
    /* One field that Meta takes away must not end every sync. Each refusal drops one more field,
     * so this ends; the page is asked for again, cursor and all. */
    if (graph_number_drop_field(answer, &graph_learned(f->graph)->dropped_fields)) {
        ask_numbers(f);
        return;
    }
    if (answer->outcome != GRAPH_OK) {
        fail(f, step_numbers, answer);
        return;
    }
    bool more = false;
    struct str wrong = take_numbers(f, json_get(answer->json, "data"));
    if (!wrong.len)
        wrong = str_from(graph_pages_turn(&f->pages, answer->json, &more));
    if (wrong.len)
        fail_shape(f, step_numbers, answer, wrong);
    else if (more)
        ask_numbers(f);
    else
        begin_templates(f);
}

/* --- the WABA node ------------------------------------------------------------------------ */

static void on_node(void *arg, const struct graph_answer *answer)
{
    struct fetch *f = arg;
    graph_usage_add(&f->account.usage, answer->usage);
    if (answer->outcome != GRAPH_OK) {
        fail(f, step_node, answer);
        return;
    }
    if (!str_eq(json_as_id(json_get(answer->json, "id"), &f->scratch), f->waba_id)) {
        fail_shape(f, step_node, answer, STR("an object with the account's own id was expected"));
        return;
    }
    struct str name = json_as_str(json_get(answer->json, "name"), STR(""));
    f->account.name = graph_text(name, NULL, f->arena);
    graph_pages_init(&f->pages, f->arena);
    ask_numbers(f);
}

void graph_fetch_account(struct graph *g, struct str waba_id, const struct secret *token,
                         struct arena *arena, graph_account_cb *cb, void *arg)
{
    struct fetch *f = xcalloc(1, sizeof(*f));
    f->graph = g;
    f->arena = arena;
    f->cb = cb;
    f->arg = arg;
    f->end = &f->account.numbers;
    arena_init(&f->scratch, GRAPH_ARENA_MAX);
    secret_set(&f->token, secret_reveal(token));
    if (waba_id.len && waba_id.len <= sizeof(f->waba_text)) { /* else empty, and refused */
        memcpy(f->waba_text, waba_id.ptr, waba_id.len);
        f->waba_id = str_make(f->waba_text, waba_id.len);
    }

    _cleanup_(buf_release)
    struct buf query;
    buf_init(&query, GRAPH_URL_MAX);
    buf_add(&query, STR("fields=id,name"));
    ask(f, "", &query, on_node);
}
