/* GET /{account}/phone_numbers: meta-graph.md §1. */
#include "sim/edges.h"
#include "sim/paging.h"
#include "json/reader.h"

/* --- filtering ---------------------------------------------------------------------------- */

static void fail_filtering(struct sim_call *call, const char *why)
{
    sim_call_fail(call, SIM_FAIL_PARAMETER, "Invalid parameter: %s", why);
}

/* One {"field","operator","value"} that keeps the numbers whose field has the value. */
static bool apply_filter(struct sim_call *call, struct json filter, struct sim_node **nodes,
                         size_t *n)
{
    static const char fields[] = "account_mode|messaging_limit_tier|is_official_business_account";
    struct str field = json_as_str(json_get(filter, "field"), STR(""));
    if (!sim_word_in(fields, field)) {
        fail_filtering(call,
                       "filtering takes the fields account_mode, messaging_limit_tier and "
                       "is_official_business_account");
        return false;
    }
    if (!str_eq(json_as_str(json_get(filter, "operator"), STR("")), STR("EQUAL"))) {
        fail_filtering(call, "filtering takes the operator EQUAL");
        return false;
    }
    struct str value = json_text(json_get(filter, "value"), call->arena);
    const char *name = sim_kind_field(SIM_NUMBER, field)->name;
    size_t kept = 0;
    for (size_t i = 0; i < *n; i++)
        if (str_eq(sim_node_value(nodes[i], name), value))
            nodes[kept++] = nodes[i];
    *n = kept;
    return true;
}

static bool apply_filtering(struct sim_call *call, struct sim_node **nodes, size_t *n)
{
    struct str text = sim_params_get(&call->params, "filtering");
    if (text.len == 0)
        return true;
    struct error error;
    error_init(&error, call->arena);
    struct json filters = {NULL};
    if (json_parse_loose(text, call->arena, &filters, &error) != ERR_OK ||
        !json_is_array(filters)) {
        fail_filtering(call, "filtering must be valid JSON");
        return false;
    }
    json_for_each (filter, filters)
        if (!apply_filter(call, filter, nodes, n))
            return false;
    return true;
}

/* --- sort --------------------------------------------------------------------------------- */

struct sortable {
    struct str key;
    size_t place; /* keeps equal ones in their order */
    struct sim_node *node;
};

/* ISO times of one form sort as their text does. */
static int compare(const void *a, const void *b)
{
    const struct sortable *x = a, *y = b;
    int order = memcmp(x->key.ptr, y->key.ptr, MIN(x->key.len, y->key.len));
    if (order == 0)
        order = (x->key.len > y->key.len) - (x->key.len < y->key.len);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

static int compare_descending(const void *a, const void *b)
{
    const struct sortable *x = a, *y = b;
    struct sortable swapped_x = {y->key, x->place, NULL}, swapped_y = {x->key, y->place, NULL};
    return compare(&swapped_x, &swapped_y);
}

static bool sort_by_onboarding(struct sim_call *call, struct sim_node **nodes, size_t n,
                               bool ascending)
{
    struct sortable *items = arena_calloc(call->arena, n + 1, sizeof(*items));
    if (!items)
        return false;
    for (size_t i = 0; i < n; i++)
        items[i] = (struct sortable){sim_node_word(nodes[i], "last_onboarded_time"), i, nodes[i]};
    qsort(items, n, sizeof(*items), ascending ? compare : compare_descending);
    for (size_t i = 0; i < n; i++)
        nodes[i] = items[i].node;
    return true;
}

static void reverse(struct sim_node **nodes, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct sim_node *other = nodes[n - 1 - i];
        nodes[n - 1 - i] = nodes[i];
        nodes[i] = other;
    }
}

/* "['last_onboarded_time_ascending']" in the documentation, "creation_time.asc" in the yaml: what
 * is around the words is dropped. */
static struct str sort_words(struct str sort)
{
    while (sort.len && memchr("['\" ", sort.ptr[0], 4))
        sort = str_skip(sort, 1);
    while (sort.len && memchr("]'\" ", sort.ptr[sort.len - 1], 4))
        sort.len--;
    return sort;
}

/* Numbers stand in the state in the order they were created. */
static bool apply_sort(struct sim_call *call, struct sim_node **nodes, size_t n)
{
    struct str sort = sort_words(sim_params_get(&call->params, "sort"));
    if (sort.len == 0 ||
        sim_word_in("last_onboarded_time_descending|last_onboarded_time.desc", sort))
        return sort_by_onboarding(call, nodes, n, false);
    if (sim_word_in("last_onboarded_time_ascending|last_onboarded_time.asc", sort))
        return sort_by_onboarding(call, nodes, n, true);
    if (sim_word_in("creation_time_ascending|creation_time.asc", sort))
        return true;
    if (sim_word_in("creation_time_descending|creation_time.desc", sort)) {
        reverse(nodes, n);
        return true;
    }
    sim_call_fail(call, SIM_FAIL_PARAMETER,
                  "(#100) Param sort must be one of {CREATION_TIME_ASCENDING, "
                  "CREATION_TIME_DESCENDING, LAST_ONBOARDED_TIME_ASCENDING, "
                  "LAST_ONBOARDED_TIME_DESCENDING}");
    return false;
}

void sim_phone_numbers_list(struct sim_call *call)
{
    size_t n;
    struct sim_node **nodes = sim_paging_collect(call, &call->account->numbers, NULL, &n);
    if (!nodes || !apply_filtering(call, nodes, &n) || !apply_sort(call, nodes, n))
        return;
    if (sim_paging_write(call, SIM_NUMBER, nodes, n))
        json_close(&call->json, '}');
}
