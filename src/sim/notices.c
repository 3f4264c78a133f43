#include "sim/notices.h"

#include "base/clock.h"
#include "sim/send.h"

struct notice {
    struct sim *sim;
    const struct sim_node *before, *after; /* both there, or the same when one is missing */
    struct arena arena;
    struct buf value; /* of one webhook, until it is told */
    struct json_writer json;
};

/* --- comparing ---------------------------------------------------------------------------- */

static bool changed(const struct notice *n, const char *field)
{
    return !str_eq(sim_node_value(n->before, field), sim_node_value(n->after, field));
}

static bool became(const struct notice *n, const char *field, const char *word)
{
    return changed(n, field) && str_eq(sim_node_word(n->after, field), str_from(word));
}

static bool was(const struct notice *n, const char *field, const char *word)
{
    return str_eq(sim_node_word(n->before, field), str_from(word));
}

/* A member of a field that is an object. */
static struct str member(struct notice *n, const struct sim_node *node, const char *field,
                         const char *name)
{
    struct json v = {NULL};
    struct error ignored;
    error_init(&ignored, &n->arena);
    struct str text = sim_node_value(node, field);
    if (text.len == 0 || json_parse_loose(text, &n->arena, &v, &ignored) != ERR_OK)
        return STR("");
    return json_as_str(json_get(v, name), STR(""));
}

/* --- telling ------------------------------------------------------------------------------ */

static struct json_writer *begin(struct notice *n)
{
    buf_clear(&n->value);
    json_writer_init(&n->json, &n->value);
    json_open(&n->json, '{');
    return &n->json;
}

static void tell(struct notice *n, const char *field)
{
    json_close(&n->json, '}');
    if (buf_ok(&n->value))
        sim_tell(n->sim, n->after->account, field, buf_str(&n->value));
}

/* --- numbers ------------------------------------------------------------------------------ */

/* "+1 631-555-0100" is "16315550100" in webhooks. */
static void add_display_number(struct notice *n)
{
    struct str shown = sim_node_word(n->after, "display_phone_number");
    char digits[64];
    size_t len = 0;
    for (size_t i = 0; i < shown.len && len < sizeof(digits); i++)
        if (shown.ptr[i] >= '0' && shown.ptr[i] <= '9')
            digits[len++] = shown.ptr[i];
    json_member_str(&n->json, "display_phone_number", str_make(digits, len));
}

#define LIMIT "whatsapp_business_manager_messaging_limit"

static void tell_quality(struct notice *n, const char *event)
{
    struct json_writer *w = begin(n);
    add_display_number(n);
    json_member_cstr(w, "event", event);
    if (sim_word_in("UPGRADE|DOWNGRADE", str_from(event)))
        json_member_str(w, "old_limit", sim_node_word(n->before, LIMIT));
    json_member_str(w, "current_limit", sim_node_word(n->after, LIMIT));
    json_member_str(w, "max_daily_conversations_per_business", sim_node_word(n->after, LIMIT));
    tell(n, "phone_number_quality_update");
}

static bool is_flagged(const struct sim_node *number)
{
    return str_eq(sim_node_word(number, "status"), STR("FLAGGED")) ||
           str_eq(sim_node_word(number, "quality_rating"), STR("RED"));
}

/* Its place among the limits: a higher one is more. */
static int rank_of_limit(const struct sim_node *node)
{
    static const char *const limits[] = {"UNTIERED", "TIER_250",  "TIER_2K",
                                         "TIER_10K", "TIER_100K", "TIER_UNLIMITED"};
    struct str limit = sim_node_word(node, LIMIT);
    for (size_t i = 0; i < ARRAY_LEN(limits); i++)
        if (str_eq(limit, str_from(limits[i])))
            return (int)i;
    return 0;
}

static void notice_quality(struct notice *n)
{
    if (is_flagged(n->before) != is_flagged(n->after))
        tell_quality(n, is_flagged(n->after) ? "FLAGGED" : "UNFLAGGED");
    if (changed(n, LIMIT))
        tell_quality(n,
                     rank_of_limit(n->after) > rank_of_limit(n->before) ? "UPGRADE" : "DOWNGRADE");
    struct str level = member(n, n->after, "throughput", "level");
    if (changed(n, "throughput") && str_eq(level, STR("HIGH")))
        tell_quality(n, "THROUGHPUT_UPGRADE");
}

static const char *name_decision(const struct sim_node *number)
{
    struct str status = sim_node_word(number, "name_status");
    if (sim_word_in("APPROVED|AVAILABLE_WITHOUT_REVIEW", status))
        return "APPROVED";
    if (sim_word_in("PENDING_REVIEW", status))
        return "PENDING";
    return sim_word_in("DECLINED", status) ? "REJECTED" : "DEFERRED";
}

static void notice_name(struct notice *n)
{
    if (!changed(n, "verified_name") && !changed(n, "name_status"))
        return;
    const char *decision = name_decision(n->after);
    struct json_writer *w = begin(n);
    add_display_number(n);
    json_member_cstr(w, "decision", decision);
    json_key(w, "requested_verified_name");
    json_raw(w, sim_node_value(n->after, "verified_name"));
    json_member_cstr(w, "rejection_reason", strcmp(decision, "REJECTED") == 0 ? "UNKNOWN" : NULL);
    tell(n, "phone_number_name_update");
}

/* --- templates ---------------------------------------------------------------------------- */

static void add_template(struct notice *n)
{
    struct json_writer *w = &n->json;
    struct str language = sim_node_word(n->after, "language");
    char with_hyphen[32]; /* "en_US" is "en-US" in webhooks */
    size_t len = MIN(language.len, sizeof(with_hyphen));
    for (size_t i = 0; i < len; i++)
        with_hyphen[i] = language.ptr[i] == '_' ? '-' : language.ptr[i];
    json_key(w, "message_template_id");
    json_raw(w, sim_node_id(n->after)); /* an integer, here alone */
    json_member_str(w, "message_template_name", sim_node_word(n->after, "name"));
    json_member_str(w, "message_template_language", str_make(with_hyphen, len));
}

static const char *status_event(const struct notice *n)
{
    if (was(n, "status", "ARCHIVED") && became(n, "status", "APPROVED"))
        return "UNARCHIVED";
    if (was(n, "status", "DISABLED") && became(n, "status", "APPROVED"))
        return "REINSTATED";
    return NULL;
}

static void add_other_info(struct json_writer *w, const char *title, const char *description)
{
    json_key(w, "other_info");
    json_open(w, '{');
    json_member_cstr(w, "title", title);
    json_member_cstr(w, "description", description);
    json_close(w, '}');
}

/* "November 3, 2026" */
static void add_date(struct json_writer *w, const char *key)
{
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    char text[64];
    time_t now = (time_t)(clock_now_ms() / 1000);
    struct tm parts = {0};
    gmtime_r(&now, &parts);
    snprintf(text, sizeof(text), "%s %d, %d", months[parts.tm_mon % 12], parts.tm_mday,
             parts.tm_year + 1900);
    json_member_cstr(w, key, text);
}

static void add_status_details(struct notice *n)
{
    struct json_writer *w = &n->json;
    if (became(n, "status", "PAUSED"))
        add_other_info(w, "FIRST_PAUSE", "Paused for three hours: people marked it as unwanted.");
    if (was(n, "status", "PAUSED") && became(n, "status", "APPROVED"))
        add_other_info(w, "UNPAUSE", "The pause is over.");
    if (became(n, "status", "DISABLED")) {
        json_key(w, "disable_info");
        json_open(w, '{');
        add_date(w, "disable_date");
        json_close(w, '}');
    }
    if (became(n, "status", "REJECTED") &&
        str_eq(sim_node_word(n->after, "rejected_reason"), STR("INVALID_FORMAT"))) {
        json_key(w, "rejection_info");
        json_open(w, '{');
        json_member_cstr(w, "reason", "A parameter stands where none may be.");
        json_member_cstr(w, "recommendation", "Put words before and behind each parameter.");
        json_close(w, '}');
    }
}

/* `event` NULL: the status itself. */
static void tell_status(struct notice *n, const char *event)
{
    struct json_writer *w = begin(n);
    struct str status = sim_node_word(n->after, "status");
    bool is_rejected = str_eq(status, STR("REJECTED"));
    json_member_str(w, "event", event ? str_from(event) : status);
    add_template(n);
    json_member_str(w, "reason",
                    is_rejected ? sim_node_word(n->after, "rejected_reason") : STR("NONE"));
    json_member_str(w, "message_template_category", sim_node_word(n->after, "category"));
    add_status_details(n);
    tell(n, "message_template_status_update");
}

static void notice_template_quality(struct notice *n)
{
    struct str was_score = member(n, n->before, "quality_score", "score");
    struct str score = member(n, n->after, "quality_score", "score");
    if (str_eq(was_score, score))
        return;
    struct json_writer *w = begin(n);
    json_member_str(w, "previous_quality_score", was_score);
    json_member_str(w, "new_quality_score", score);
    add_template(n);
    tell(n, "message_template_quality_update");
}

static void notice_category(struct notice *n)
{
    if (!changed(n, "category") && !changed(n, "correct_category"))
        return;
    struct json_writer *w = begin(n);
    struct str correct = sim_node_word(n->after, "correct_category");
    add_template(n);
    if (changed(n, "category"))
        json_member_str(w, "previous_category", sim_node_word(n->before, "category"));
    json_member_str(w, "new_category", sim_node_word(n->after, "category"));
    if (correct.len)
        json_member_str(w, "correct_category", correct);
    tell(n, "template_category_update");
}

static void add_button(struct json button, struct json_writer *w)
{
    static const struct {
        const char *from, *to;
    } members[] = {
        {"type", "message_template_button_type"},
        {"text", "message_template_button_text"},
        {"url", "message_template_button_url"},
        {"phone_number", "message_template_button_phone_number"},
    };
    json_open(w, '{');
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        struct str text = json_as_str(json_get(button, members[i].from), STR(""));
        if (text.len)
            json_member_str(w, members[i].to, text);
    }
    json_close(w, '}');
}

static void add_component(struct json component, struct json_writer *w)
{
    struct str type = json_as_str(json_get(component, "type"), STR(""));
    struct str text = json_as_str(json_get(component, "text"), STR(""));
    if (str_eq(type, STR("HEADER")) && text.len) {
        json_member_str(w, "message_template_title", text);
    } else if (str_eq(type, STR("BODY"))) {
        json_member_str(w, "message_template_element", text);
    } else if (str_eq(type, STR("FOOTER"))) {
        json_member_str(w, "message_template_footer", text);
    } else if (str_eq(type, STR("BUTTONS"))) {
        json_key(w, "message_template_buttons");
        json_open(w, '[');
        json_for_each (button, json_get(component, "buttons"))
            add_button(button, w);
        json_close(w, ']');
    }
}

static void notice_components(struct notice *n)
{
    struct json components = {NULL};
    struct error ignored;
    error_init(&ignored, &n->arena);
    struct str text = sim_node_value(n->after, "components");
    if (!changed(n, "components") ||
        json_parse_loose(text, &n->arena, &components, &ignored) != ERR_OK)
        return;
    begin(n);
    add_template(n);
    json_for_each (component, components)
        add_component(component, &n->json);
    tell(n, "message_template_components_update");
}

static void notice_template(struct notice *n)
{
    if (changed(n, "status"))
        tell_status(n, status_event(n));
    notice_template_quality(n);
    notice_category(n);
    notice_components(n);
}

/* --- accounts ----------------------------------------------------------------------------- */

static void tell_ban(struct notice *n, const char *state)
{
    struct json_writer *w = begin(n);
    json_member_cstr(w, "event", "DISABLED_UPDATE");
    json_key(w, "ban_info");
    json_open(w, '{');
    json_member_cstr(w, "waba_ban_state", state);
    add_date(w, "waba_ban_date");
    json_close(w, '}');
    tell(n, "account_update");
}

#define RESTRICTION_S (7 * 86400)

static void tell_restriction(struct notice *n)
{
    struct json_writer *w = begin(n);
    json_member_cstr(w, "event", "ACCOUNT_RESTRICTION");
    json_key(w, "restriction_info");
    json_open(w, '[');
    json_open(w, '{');
    json_member_cstr(w, "restriction_type", "RESTRICTED_BIZ_INITIATED_MESSAGING");
    json_member_i64(w, "expiration", clock_now_ms() / 1000 + RESTRICTION_S);
    json_close(w, '}');
    json_close(w, ']');
    tell(n, "account_update");
}

static void notice_review(struct notice *n)
{
    if (!changed(n, "account_review_status"))
        return;
    json_member_str(begin(n), "decision", sim_node_word(n->after, "account_review_status"));
    tell(n, "account_review_update");
}

static void notice_country(struct notice *n)
{
    struct str country = sim_node_word(n->after, "primary_business_location");
    if (!changed(n, "primary_business_location") || country.len == 0)
        return;
    struct json_writer *w = begin(n);
    json_member_cstr(w, "event", "BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE");
    json_member_str(w, "country", country);
    tell(n, "account_update");
}

static void notice_capability(struct notice *n)
{
    if (!changed(n, LIMIT))
        return;
    struct json_writer *w = begin(n);
    json_member_str(w, "max_daily_conversations_per_business", sim_node_word(n->after, LIMIT));
    json_member_i64(w, "max_phone_numbers_per_waba", 25);
    tell(n, "business_capability_update");
}

static void notice_account(struct notice *n)
{
    notice_review(n);
    if (became(n, "status", "DISABLED"))
        tell_ban(n, "DISABLE");
    else if (was(n, "status", "DISABLED") && changed(n, "status"))
        tell_ban(n, "REINSTATE");
    if (became(n, "status", "RESTRICTED"))
        tell_restriction(n);
    notice_country(n);
    notice_capability(n);
}

/* ------------------------------------------------------------------------------------------ */

/* Of what comes and goes Meta tells only where it is a template. */
static void notice_coming_or_going(struct notice *n, bool comes)
{
    if (n->after->kind == SIM_TEMPLATE)
        tell_status(n, comes ? NULL : "DELETED");
}

void sim_notice(struct sim *sim, const struct sim_node *before, const struct sim_node *after)
{
    struct notice n = {
        .sim = sim, .before = before ? before : after, .after = after ? after : before};
    arena_init(&n.arena, SIM_SCENARIO_ARENA_MAX);
    buf_init(&n.value, SIM_SCENARIO_MAX);
    if (!before || !after)
        notice_coming_or_going(&n, !before);
    else if (after->kind == SIM_NUMBER)
        notice_quality(&n), notice_name(&n);
    else if (after->kind == SIM_TEMPLATE)
        notice_template(&n);
    else
        notice_account(&n);
    buf_release(&n.value);
    arena_release(&n.arena);
}
