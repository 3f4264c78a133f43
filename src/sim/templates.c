/* GET /{account}/message_templates: meta-graph.md §3.1 (summary), §3.2. */
#include "sim/edges.h"
#include "sim/paging.h"

/* Of an account whose business is verified, and of another. */
#define TEMPLATES_VERIFIED 6000
#define TEMPLATES_OTHERS   250

static bool is_asked_for(struct sim_call *call, struct sim_node *tmpl)
{
    static const char *const filters[] = {"name", "status", "category", "language"};
    for (size_t i = 0; i < ARRAY_LEN(filters); i++)
        if (!sim_params_allow(&call->params, filters[i], sim_node_word(tmpl, filters[i]),
                              call->arena))
            return false;
    return true;
}

static int64_t template_limit(const struct sim_account *account)
{
    struct str status = sim_node_word(&account->node, "business_verification_status");
    return str_eq(status, STR("verified")) ? TEMPLATES_VERIFIED : TEMPLATES_OTHERS;
}

static int64_t template_count(const struct sim_account *account)
{
    int64_t n = 0;
    list_for_each (it, &account->templates)
        n++;
    return n;
}

/* total_count counts what the filters leave, message_template_count all of the account's. */
static void write_summary(struct sim_call *call, struct str words, size_t total)
{
    struct json_writer *w = &call->json;
    json_key(w, "summary");
    json_open(w, '{');
    while (words.len) {
        struct str word = str_trim(str_split(&words, ','));
        if (str_eq(word, STR("total_count")))
            json_member_i64(w, "total_count", (int64_t)total);
        else if (str_eq(word, STR("message_template_count")))
            json_member_i64(w, "message_template_count", template_count(call->account));
        else if (str_eq(word, STR("message_template_limit")))
            json_member_i64(w, "message_template_limit", template_limit(call->account));
        else if (str_eq(word, STR("are_translations_complete")))
            json_member_bool(w, "are_translations_complete", true);
    }
    json_close(w, '}');
}

static bool check_summary(struct sim_call *call, struct str words)
{
    static const char known[] =
        "total_count|message_template_count|message_template_limit|are_translations_complete|true|1";
    while (words.len) {
        struct str word = str_trim(str_split(&words, ','));
        if (!sim_word_in(known, word)) {
            sim_call_fail(call, SIM_FAIL_PARAMETER,
                          "(#100) Tried accessing nonexisting summary (%.*s)", STR_FMT(word));
            return false;
        }
    }
    return true;
}

void sim_templates_list(struct sim_call *call)
{
    /* "summary=true" asks for the count alone. */
    struct str summary = sim_params_get(&call->params, "summary");
    if (!check_summary(call, summary))
        return;
    if (sim_word_in("true|1", summary))
        summary = STR("total_count");
    size_t n;
    struct sim_node **nodes = sim_paging_collect(call, &call->account->templates, is_asked_for, &n);
    if (!nodes || !sim_paging_write(call, SIM_TEMPLATE, nodes, n))
        return;
    if (summary.len)
        write_summary(call, summary, n);
    json_close(&call->json, '}');
}
