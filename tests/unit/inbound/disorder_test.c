/* Changes that Meta's clock orders end in the same rows, whatever order they come in, in whatever
 * bodies, and however often. Not compared is what only a question to Meta makes whole: the name
 * that an approval brings, throughput, and what a template is called. */
#include "unit/base/test.h"
#include "unit/inbound/world.h"

#define CHANGES   80
#define ROUNDS    8
#define TEMPLATES 3

struct told {
    int64_t time;
    const char *field;
    const char *value;
};

/* --- what happens --------------------------------------------------------------------------- */

static uint64_t seed;

static size_t below(size_t n)
{
    return (size_t)(test_random(&seed) % n);
}

static const char *one_of(const char *const *words, size_t n)
{
    return words[below(n)];
}
#define ONE_OF(...)                                                                                \
    one_of((const char *const[]){__VA_ARGS__}, ARRAY_LEN(((const char *const[]){__VA_ARGS__})))

#define TIER   ONE_OF("TIER_250", "TIER_2K", "TIER_10K", "TIER_100K")
#define NUMBER ONE_OF(PHONE, "966500001001")

static struct str number_value(struct world *w, const char **ret_field)
{
    struct arena *a = &w->arena;
    *ret_field = "phone_number_quality_update";
    switch (below(5)) {
    case 0:
        return arena_printf(a, "{\"display_phone_number\":\"%s\",\"event\":\"%s\"}", NUMBER,
                            ONE_OF("FLAGGED", "UNFLAGGED", "ONBOARDING"));
    case 1:
        return arena_printf(a,
                            "{\"display_phone_number\":\"%s\",\"event\":\"UPGRADE\","
                            "\"current_limit\":\"%s\"}",
                            NUMBER, TIER);
    case 2:
        *ret_field = "business_capability_update";
        return arena_printf(a,
                            "{\"max_daily_conversations_per_business\":\"%s\","
                            "\"max_phone_numbers_per_waba\":%s}",
                            TIER, ONE_OF("2", "25"));
    case 3:
        *ret_field = "security";
        return arena_printf(a, "{\"display_phone_number\":\"%s\",\"event\":\"PIN_CHANGED\"}",
                            NUMBER);
    default:
        *ret_field = "phone_number_name_update";
        return arena_printf(a,
                            "{\"display_phone_number\":\"%s\",\"decision\":\"%s\","
                            "\"requested_verified_name\":\"%s\",\"rejection_reason\":%s}",
                            NUMBER, ONE_OF("APPROVED", "REJECTED", "PENDING"),
                            ONE_OF("Palm", "Fig"), ONE_OF("null", "\"UNKNOWN\""));
    }
}

static struct str account_value(struct world *w, const char **ret_field)
{
    struct arena *a = &w->arena;
    *ret_field = "account_update";
    switch (below(5)) {
    case 0:
        return arena_printf(a,
                            "{\"event\":\"DISABLED_UPDATE\",\"ban_info\":{\"waba_ban_state\":"
                            "\"%s\"}}",
                            ONE_OF("DISABLE", "REINSTATE"));
    case 1:
        return arena_printf(a,
                            "{\"event\":\"ACCOUNT_RESTRICTION\",\"restriction_info\":[{"
                            "\"restriction_type\":\"%s\",\"expiration\":1767830400}]}",
                            ONE_OF("A", "B"));
    case 2: return arena_printf(a, "{\"event\":\"%s\"}", ONE_OF("ACCOUNT_VIOLATION", "NEW_EVENT"));
    case 3:
        *ret_field = "account_alerts";
        return arena_printf(a, "{\"entity_id\":%s,\"alert_type\":\"A\",\"alert_status\":\"%s\"}",
                            ONE_OF("11", "12"), ONE_OF("ACTIVE", "NONE"));
    default:
        *ret_field = "account_review_update";
        return arena_printf(a, "{\"decision\":\"%s\"}", ONE_OF("APPROVED", "REJECTED", "PENDING"));
    }
}

static struct str status_of(struct world *w, size_t template, const char *event)
{
    return arena_printf(&w->arena,
                        "{\"message_template_id\":%zu,\"message_template_name\":\"t\","
                        "\"message_template_language\":\"ar\",\"event\":\"%s\",\"reason\":\"%s\"}",
                        template, event, ONE_OF("NONE", "SCAM", "PROMOTIONAL"));
}

static struct str template_value(struct world *w, const char **ret_field)
{
    static const struct {
        const char *field, *member, *values[3];
    } kinds[] = {
        {"message_template_quality_update", "new_quality_score", {"GREEN", "YELLOW", "RED"}},
        {"template_category_update", "new_category", {"UTILITY", "MARKETING", "UTILITY"}},
        {"message_template_components_update", "message_template_title", {"a", "b", "c"}},
    };
    size_t kind = below(ARRAY_LEN(kinds) + 1), template = 70 + below(TEMPLATES);
    *ret_field = "message_template_status_update";
    if (kind == ARRAY_LEN(kinds))
        return status_of(w, template, ONE_OF("APPROVED", "REJECTED", "PAUSED", "REINSTATED"));
    *ret_field = kinds[kind].field;
    return arena_printf(&w->arena, "{\"message_template_id\":%zu,\"%s\":\"%s\"}", template,
                        kinds[kind].member, kinds[kind].values[below(3)]);
}

/* Each a second after the one before it. */
static void happen(struct world *w, struct told *told)
{
    for (int i = 0; i < CHANGES; i++) {
        struct told *t = &told[i];
        size_t kind = below(3);
        t->time = NOW_S - 2 * CHANGES + i;
        t->value = (kind == 0   ? number_value(w, &t->field)
                    : kind == 1 ? account_value(w, &t->field)
                                : template_value(w, &t->field))
                       .ptr;
        assert_non_null(t->value);
    }
}

/* --- how it is told --------------------------------------------------------------------------- */

/* The templates are known before. */
static void begin(struct world *w)
{
    for (size_t i = 0; i < TEMPLATES; i++) {
        struct str value = arena_printf(&w->arena,
                                        "{\"message_template_id\":%zu,\"message_template_name\":"
                                        "\"t\",\"message_template_language\":\"ar\",\"event\":"
                                        "\"PENDING\",\"message_template_category\":\"AUTHENTICATION"
                                        "\"}",
                                        70 + i);
        assert_int_equal(tell_at(w, 1000, "message_template_status_update", value.ptr).unapplied,
                         0);
    }
}

static void tell_in_order(struct world *w, const struct told *told)
{
    begin(w);
    for (int i = 0; i < CHANGES; i++)
        assert_int_equal(tell_at(w, told[i].time, told[i].field, told[i].value).unapplied, 0);
}

/* One body of some of them, in the order that `order` gives. */
static struct str batch(struct world *w, const struct told *told, const size_t *order, size_t n)
{
    struct buf entries;
    buf_init(&entries, MIB);
    for (size_t i = 0; i < n; i++) {
        const struct told *t = &told[order[i]];
        struct str entry = entry_of(w, "900", t->time, t->field, t->value);
        buf_printf(&entries, "%s%.*s", i ? "," : "", STR_FMT(entry));
    }
    assert_true(buf_ok(&entries));
    struct str body = body_of(w, buf_str(&entries));
    buf_release(&entries);
    return body;
}

/* Every change once or twice, shuffled, one to six in a body, and some bodies more than once. */
static void tell_anyhow(struct world *w, const struct told *told)
{
    size_t order[2 * CHANGES], n = 0;
    begin(w);
    for (size_t i = 0; i < CHANGES; i++) {
        order[n++] = i;
        if (below(4) == 0)
            order[n++] = i;
    }
    for (size_t i = n - 1; i > 0; i--) {
        size_t j = below(i + 1), swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
    for (size_t at = 0, size; at < n; at += size) {
        size_t wanted = 1 + below(6);
        size = MIN(wanted, n - at);
        struct str body = batch(w, told, order + at, size);
        for (size_t times = 1 + (below(5) == 0); times > 0; times--)
            assert_int_equal(take_body(w, body).unapplied, 0);
    }
}

/* --- what is there in the end --------------------------------------------------------------- */

#define NUMBERS                                                                                    \
    "SELECT phone_number_id, status, meta_status, messaging_limit, status_at, limit_at, name_at, " \
    "name_decision, requested_name, name_rejection FROM numbers ORDER BY id"
#define FACTS                                                                                      \
    "SELECT account_id, field, value, known_at FROM account_facts ORDER BY account_id, field"
#define ROWS_OF_TEMPLATES                                                                          \
    "SELECT meta_id, status, category, quality, reason, components, status_at, category_at, "      \
    "quality_at, components_at FROM templates ORDER BY meta_id"
/* Changes that do not begin where the one before them of the same field ended. */
#define BROKEN                                                                                      \
    "SELECT count(*) FROM (SELECT from_value AS was, lag(to_value) OVER (PARTITION BY account_id, " \
    "field ORDER BY position) AS before FROM account_changes) WHERE was IS NOT before"

static void assert_same(struct world *w, struct world *model, const char *sql)
{
    assert_string_equal(rows_of(w, sql), rows_of(model, sql));
}

static void test_any_order(void **state)
{
    struct world *model = *state;
    struct told told[CHANGES];
    seed = 20260101;
    happen(model, told);
    tell_in_order(model, told);
    for (int round = 0; round < ROUNDS; round++) {
        void *fresh;
        setup(&fresh);
        tell_anyhow(fresh, told);
        assert_same(fresh, model, NUMBERS);
        assert_same(fresh, model, FACTS);
        assert_same(fresh, model, ROWS_OF_TEMPLATES);
        assert_rows((struct world *)fresh, BROKEN, "0");
        teardown(&fresh);
    }
}

/* What happens is another each time, and two orders of it agree. */
static void test_anything(void **state)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct told told[CHANGES];
        void *one, *other;
        setup(&one);
        setup(&other);
        seed = 7 + (uint64_t)round;
        happen(one, told);
        tell_in_order(one, told);
        tell_anyhow(other, told);
        assert_same(other, one, NUMBERS);
        assert_same(other, one, FACTS);
        assert_same(other, one, ROWS_OF_TEMPLATES);
        teardown(&other);
        teardown(&one);
    }
}

/* All of it once more, in other bodies: nothing is news. */
static void test_once_more(void **state)
{
    struct world *w = *state;
    struct told told[CHANGES];
    seed = 99;
    happen(w, told);
    tell_in_order(w, told);
    const char *events = rows_of(w, "SELECT count(*), max(id) FROM events");
    const char *facts = rows_of(w, FACTS);
    size_t order[CHANGES];
    for (size_t i = 0; i < CHANGES; i++)
        order[i] = i;
    for (size_t at = 0; at < CHANGES; at += 8)
        assert_int_equal(take_body(w, batch(w, told, order + at, 8)).unapplied, 0);
    assert_rows(w, FACTS, facts);
    assert_rows(w, "SELECT count(*), max(id) FROM events", events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_any_order),
        cmocka_unit_test(test_anything),
        TEST(test_once_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
