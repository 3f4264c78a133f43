/* /{number}/whatsapp_business_profile: meta-graph.md §2. The profile is the number's field
 * `profile`, an object of the members that are set. */
#include "sim/edges.h"

#define VERTICALS                                                                                  \
    "ALCOHOL|APPAREL|AUTO|BEAUTY|EDU|ENTERTAIN|EVENT_PLAN|FINANCE|GOVT|GROCERY|HEALTH|HOTEL|"      \
    "NONPROFIT|ONLINE_GAMBLING|OTC_DRUGS|OTHER|PHYSICAL_GAMBLING|PROF_SERVICES|RESTAURANT|RETAIL|" \
    "TRAVEL"
#define WEBSITES_MAX 2
#define WEBSITE_MAX  256

static const struct member {
    const char *name;
    size_t min, max;     /* of its text, in code points; max 0: it cannot be changed */
    const char *accepts; /* the only values, or NULL */
    bool is_list;
} members[] = {
    {"about", 1, 139, NULL, false},
    {"address", 0, 256, NULL, false},
    {"description", 0, 512, NULL, false},
    {"email", 0, 128, NULL, false},
    {"websites", 0, WEBSITE_MAX, NULL, true},
    {"vertical", 0, WEBSITE_MAX, VERTICALS, false},
    {"profile_picture_url", 0, 0, NULL, false},
};

/* What the number has of it; absent: nothing. */
static struct json stored(struct sim_call *call)
{
    struct json profile = {NULL};
    struct error ignored;
    error_init(&ignored, call->arena);
    struct str text = sim_node_value(call->node, "profile");
    if (text.ptr && json_parse_loose(text, call->arena, &profile, &ignored) != ERR_OK)
        profile.val = NULL;
    return profile;
}

/* --- GET ---------------------------------------------------------------------------------- */

static bool is_member(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (str_eq(str_from(members[i].name), name))
            return true;
    return str_eq(name, STR("messaging_product")) || str_eq(name, STR("id"));
}

static void write_selected(struct sim_call *call, const struct sim_selection *selection)
{
    struct json_writer *w = &call->json;
    struct json profile = stored(call);
    for (const struct sim_selection *s = selection; s; s = s->next) {
        char *name = arena_cstr(call->arena, s->name);
        struct json value = name ? json_get(profile, name) : (struct json){NULL};
        if (!json_present(value))
            continue;
        json_key_str(w, s->name);
        json_raw(w, json_text(value, call->arena));
    }
    if (!selection)
        json_member_str(w, "id", sim_node_id(call->node));
    json_member_cstr(w, "messaging_product", "whatsapp");
}

void sim_profile_get(struct sim_call *call)
{
    struct error error;
    error_init(&error, call->arena);
    struct sim_selection *selection = NULL;
    struct str fields = sim_params_get(&call->params, "fields");
    if (sim_selection_parse(fields, call->arena, &selection, &error) != ERR_OK) {
        sim_call_fail(call, SIM_FAIL_PATH, "%.*s", STR_FMT(error.message));
        return;
    }
    for (const struct sim_selection *s = selection; s; s = s->next) {
        if (is_member(s->name))
            continue;
        sim_call_fail(call, SIM_FAIL_PARAMETER,
                      "(#100) Tried accessing nonexisting field (%.*s) on node type "
                      "(WhatsAppBusinessProfile)",
                      STR_FMT(s->name));
        return;
    }
    json_open(&call->json, '{');
    json_key(&call->json, "data");
    json_open(&call->json, '[');
    json_open(&call->json, '{');
    write_selected(call, selection);
    json_close(&call->json, '}');
    json_close(&call->json, ']');
    json_close(&call->json, '}');
}

/* --- POST --------------------------------------------------------------------------------- */

static bool is_text_fine(struct sim_call *call, const struct member *m, struct str text)
{
    size_t points = str_code_points(text);
    if (m->accepts && text.len && !sim_word_in(m->accepts, text))
        sim_call_fail(call, SIM_FAIL_PARAMETER,
                      "(#100) Param %s must be one of {UNDEFINED, OTHER, AUTO, ...}", m->name);
    else if (points < m->min)
        sim_call_fail(call, SIM_FAIL_PARAMETER, "(#100) Param %s cannot be empty.", m->name);
    else if (points > m->max)
        sim_call_fail(call, SIM_FAIL_PARAMETER,
                      "(#100) Param %s must be at most %zu characters long.", m->name, m->max);
    else
        return true;
    return false;
}

static bool is_list_fine(struct sim_call *call, const struct member *m, struct str text)
{
    struct error ignored;
    struct json list = {NULL};
    error_init(&ignored, call->arena);
    bool is_fine = json_parse_loose(text, call->arena, &list, &ignored) == ERR_OK &&
                   json_is_array(list) && json_len(list) <= WEBSITES_MAX;
    json_for_each (item, list) {
        struct str url = json_as_str(item, STR(""));
        bool is_web = str_starts(url, STR("https://")) || str_starts(url, STR("http://"));
        is_fine = is_fine && is_web && str_code_points(url) <= m->max;
    }
    if (!is_fine)
        sim_call_fail(call, SIM_FAIL_PARAMETER,
                      "(#100) Param %s must be an array of at most %d URLs that begin with http:// "
                      "or https://, of at most %zu characters",
                      m->name, WEBSITES_MAX, m->max);
    return is_fine;
}

/* False: the call has failed. */
static bool is_change_fine(struct sim_call *call)
{
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        const struct member *m = &members[i];
        struct str text = sim_params_get(&call->params, m->name);
        if (!text.ptr || !m->max) /* Meta passes over what it does not take */
            continue;
        if (m->is_list ? !is_list_fine(call, m, text) : !is_text_fine(call, m, text))
            return false;
    }
    return true;
}

/* An empty text or list is none. */
static void write_member(struct sim_call *call, const struct member *m, struct json old,
                         struct json_writer *w)
{
    struct str text = sim_params_get(&call->params, m->name);
    if (!text.ptr || !m->max) {
        if (json_present(old)) {
            json_key(w, m->name);
            json_raw(w, json_text(old, call->arena));
        }
        return;
    }
    if (text.len == 0 || (m->is_list && str_eq(text, STR("[]"))))
        return;
    json_key(w, m->name);
    if (m->is_list)
        json_raw(w, text);
    else
        json_str(w, text);
}

void sim_profile_change(struct sim_call *call)
{
    if (!sim_expect_product(call) || !is_change_fine(call))
        return;
    _cleanup_(buf_release)
    struct buf text;
    struct json_writer w;
    buf_init(&text, SIM_PROFILE_MAX);
    json_writer_init(&w, &text);
    struct json old = stored(call);
    json_open(&w, '{');
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        write_member(call, &members[i], json_get(old, members[i].name), &w);
    json_close(&w, '}');
    if (!buf_ok(&text)) {
        sim_call_fail(call, SIM_FAIL_TRANSIENT, "The profile is too large.");
        return;
    }
    sim_node_set(call->node, sim_kind_field(SIM_NUMBER, STR("profile")), buf_str(&text));
    sim_call_succeed(call);
}
