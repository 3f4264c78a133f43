/* Meta's webhooks: what each field does to rows, history and events; what is known already, told
 * late, or not ours; and that nothing that Meta may send is an error. */
#include "unit/inbound/world.h"

#define NUMBER                                                                                     \
    "SELECT status, meta_status, messaging_limit, throughput FROM numbers WHERE "                  \
    "phone_number_id = '11'"
#define HISTORY                                                                                    \
    "SELECT field, from_value, to_value, source FROM number_changes WHERE number_id = 1 "          \
    "ORDER BY position"
#define FACTS    "SELECT field, value FROM account_facts WHERE account_id = 1 ORDER BY id"
#define EVENTS   "SELECT name FROM events ORDER BY id"
#define TEMPLATE "SELECT status, category, quality, reason, components FROM templates"
#define HINTED   "SELECT waba_id FROM accounts WHERE hints <> hints_answered"
/* of each event, what it was and is */
#define MOVES                                                                                      \
    "SELECT json_extract(body, '$.event'), json_extract(body, '$.data.previous'), "                \
    "json_extract(body, '$.data.current') FROM events ORDER BY id"

/* --- numbers ------------------------------------------------------------------------------ */

static void test_number_quality(void **state)
{
    struct world *w = *state;
    tell(w, "phone_number_quality_update",
         "{\"display_phone_number\":\"+966 50 000-1000\",\"event\":\"FLAGGED\","
         "\"current_limit\":\"TIER_250\"}");
    assert_rows(w, NUMBER, "CONNECTED FLAGGED TIER_250 -");
    assert_rows(w, HISTORY,
                "meta_status CONNECTED FLAGGED webhook; messaging_limit - TIER_250 webhook");
    assert_rows(w, MOVES,
                "number.status.updated CONNECTED CONNECTED; number.limit.updated - TIER_250");
    assert_rows(w, "SELECT count(*), count(DISTINCT event_id), min(webhook_id) FROM jobs", "2 2 1");
    assert_rows(w, HINTED, "900");
    tell(w, "phone_number_quality_update",
         "{\"display_phone_number\":\"" PHONE
         "\",\"event\":\"UNFLAGGED\","
         "\"max_daily_conversations_per_business\":\"TIER_2K\",\"current_limit\":\"TIER_250\"}");
    assert_rows(w, NUMBER, "CONNECTED CONNECTED TIER_2K -");
    tell(w, "phone_number_quality_update",
         "{\"display_phone_number\":\"" PHONE "\",\"event\":\"THROUGHPUT_UPGRADE\"}");
    assert_rows(w, NUMBER, "CONNECTED CONNECTED TIER_2K HIGH");
    assert_rows(w, "SELECT meta_status, messaging_limit FROM numbers WHERE id > 1",
                "CONNECTED -; CONNECTED -");
}

/* What an event does not speak of is as it was, and an earlier one that comes later may still say
 * it. */
static void test_number_quality_of_what_it_speaks(void **state)
{
    struct world *w = *state;
    static const char upgrade[] = "{\"display_phone_number\":\"" PHONE
                                  "\",\"event\":\"UPGRADE\","
                                  "\"current_limit\":\"TIER_10K\"}";
    static const char flagged[] = "{\"display_phone_number\":\"" PHONE "\",\"event\":\"FLAGGED\"}";
    tell_at(w, NOW_S - 10, "phone_number_quality_update", upgrade);
    tell_at(w, NOW_S - 20, "phone_number_quality_update", flagged);
    assert_rows(w, NUMBER, "CONNECTED FLAGGED TIER_10K -");
    tell_at(w, NOW_S - 30, "phone_number_quality_update",
            "{\"display_phone_number\":\"" PHONE "\",\"event\":\"UNFLAGGED\"}");
    assert_rows(w, NUMBER, "CONNECTED FLAGGED TIER_10K -");
}

static void test_number_of_nobody(void **state)
{
    struct world *w = *state;
    struct inbound_outcome o =
        tell_at(w, NOW_S, "phone_number_quality_update",
                "{\"display_phone_number\":\"966500002000\",\"event\":\"FLAGGED\"}");
    assert_int_equal(o.unapplied, 1);
    assert_rows(w, "SELECT json_extract(reasons, '$[0].reason') FROM inbound",
                "the account has no such number here");
    assert_rows(w, HINTED, "900");
    assert_rows(w, "SELECT count(*) FROM number_changes", "0");
}

#define NAMES                                                                                      \
    "SELECT verified_name, name_status, name_decision, requested_name, name_rejection FROM "       \
    "numbers WHERE id = 1"

static void test_number_name(void **state)
{
    struct world *w = *state;
    tell(w, "phone_number_name_update",
         "{\"display_phone_number\":\"" PHONE
         "\",\"decision\":\"APPROVED\","
         "\"requested_verified_name\":\"نخلة\",\"rejection_reason\":null}");
    assert_rows(w, NAMES, "نخلة APPROVED APPROVED نخلة -");
    tell(w, "phone_number_name_update",
         "{\"display_phone_number\":\"" PHONE
         "\",\"decision\":\"REJECTED\","
         "\"requested_verified_name\":\"Best\",\"rejection_reason\":\"NAME_NOT_CONSISTENT\"}");
    assert_rows(w, NAMES, "نخلة APPROVED REJECTED Best NAME_NOT_CONSISTENT");
    assert_rows(w, MOVES, "number.name.updated Palm نخلة; number.name.updated نخلة نخلة");
    assert_rows(w, "SELECT from_value, to_value FROM number_changes WHERE field = 'name_decision'",
                "- APPROVED; APPROVED REJECTED");
}

/* Each is news, whatever was before. */
static void test_security(void **state)
{
    struct world *w = *state;
    static const char value[] =
        "{\"display_phone_number\":\"" PHONE "\",\"event\":\"PIN_CHANGED\",\"requester\":7}";
    tell_at(w, NOW_S - 20, "security", value);
    tell_at(w, NOW_S - 10, "security", value);
    assert_rows(w, HISTORY, "security - PIN_CHANGED webhook; security - PIN_CHANGED webhook");
    assert_rows(w, FACTS, "security:" PHONE " PIN_CHANGED 2025-12-31T23:59:50Z");
    assert_rows(
        w,
        "SELECT name, json_extract(body, '$.data.webhook_event'), json_extract(body, "
        "'$.data.phone_number'), json_extract(body, '$.data.details.requester') FROM events",
        "account.updated PIN_CHANGED " PHONE " 7; account.updated PIN_CHANGED " PHONE " 7");
}

static void test_capability(void **state)
{
    struct world *w = *state;
    tell(w, "business_capability_update",
         "{\"max_daily_conversation_per_phone\":10000,\"max_phone_numbers_per_business\":2}");
    assert_rows(w, "SELECT messaging_limit FROM numbers ORDER BY id", "TIER_10K; TIER_10K; -");
    assert_rows(w, FACTS, "max_daily_conversations 10000; max_phone_numbers 2");
    tell(w, "business_capability_update",
         "{\"max_daily_conversations_per_business\":\"TIER_UNLIMITED\","
         "\"max_phone_numbers_per_waba\":25}");
    assert_rows(w, "SELECT messaging_limit FROM numbers ORDER BY id",
                "TIER_UNLIMITED; TIER_UNLIMITED; -");
    assert_rows(w, FACTS, "max_daily_conversations TIER_UNLIMITED; max_phone_numbers 25");
    tell(w, "business_capability_update", "{\"max_daily_conversations_per_business\":4321}");
    assert_rows(w, "SELECT messaging_limit FROM numbers WHERE id = 1", "TIER_UNLIMITED");
    assert_rows(w, EVENTS,
                "account.updated; account.updated; number.limit.updated; number.limit.updated; "
                "account.updated; account.updated; number.limit.updated; number.limit.updated; "
                "account.updated");
}

/* --- accounts ----------------------------------------------------------------------------- */

static void test_account_update(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *value, *facts;
    } cases[] = {
        {"{\"event\":\"ACCOUNT_RESTRICTION\",\"restriction_info\":[{\"restriction_type\":\"A\","
         "\"expiration\":1767830400},{\"restriction_type\":\"B\"}]}",
         "restrictions A until 2026-01-08T00:00:00Z, B"},
        {"{\"event\":\"ACCOUNT_VIOLATION\",\"violation_info\":{\"violation_type\":\"SPAM\"}}",
         "violation SPAM 2025-12-31T00:00:00Z"},
        {"{\"event\":\"DISABLED_UPDATE\",\"ban_info\":{\"waba_ban_state\":\"REINSTATE\"}}",
         "ban REINSTATE"},
        {"{\"event\":\"DISABLED_UPDATE\",\"ban_info\":{\"waba_ban_state\":\"DISABLE\","
         "\"waba_ban_date\":\"May 1, 2026\"}}",
         "ban DISABLE, May 1, 2026"},
        {"{\"event\":\"ACCOUNT_DELETED\"}", "deleted 2025-12-31T00:00:00Z"},
        {"{\"event\":\"BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE\",\"country\":\"SA\"}",
         "country SA"},
        {"{\"event\":\"PARTNER_ADDED\"}", "partner_added 2025-12-31T00:00:00Z"},
        {"{\"event\":\"OF_TOMORROW_7\"}", "of_tomorrow_7 2025-12-31T00:00:00Z"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct inbound_outcome o = tell_at(w, NOW_S - 86400, "account_update", cases[i].value);
        assert_int_equal(o.unapplied, 0);
        assert_int_equal(o.changed, 1);
        assert_rows(w,
                    "SELECT field, to_value FROM account_changes WHERE account_id = 1 "
                    "ORDER BY position DESC LIMIT 1",
                    cases[i].facts);
    }
    assert_rows(w, "SELECT count(*), count(DISTINCT name) FROM events", "8 1");
    assert_rows(w, "SELECT from_value FROM account_changes WHERE to_value LIKE 'DISABLE%'",
                "REINSTATE");
    assert_int_equal(tell_at(w, NOW_S, "account_update", "{\"event\":7.5}").unapplied, 1);
}

static void test_account_review_and_alerts(void **state)
{
    struct world *w = *state;
    tell(w, "account_review_update", "{\"decision\":\"APPROVED\"}");
    tell(w, "account_alerts",
         "{\"entity_id\":11,\"alert_info\":{\"alert_type\":\"OBA_REJECTED\","
         "\"alert_status\":\"NONE\",\"alert_severity\":\"WARNING\"}}");
    tell(w, "account_alerts",
         "{\"entity_id\":\"11\",\"alert_type\":\"OBA_APPROVED\",\"alert_status\":\"ACTIVE\"}");
    assert_rows(w, FACTS,
                "review APPROVED; alert:OBA_REJECTED:11 NONE WARNING; alert:OBA_APPROVED:11 "
                "ACTIVE ");
    assert_rows(w, EVENTS, "account.updated; account.updated; account.updated");
    assert_rows(w, "SELECT field, from_value, to_value, source FROM account_changes LIMIT 1",
                "review - APPROVED webhook");
}

/* --- templates ---------------------------------------------------------------------------- */

#define OF_TEMPLATE                                                                                \
    "\"message_template_id\":77,\"message_template_name\":\"order\","                              \
    "\"message_template_language\":\"en-US\""

static void test_template_status(void **state)
{
    struct world *w = *state;
    tell(w, "message_template_status_update",
         "{\"event\":\"REJECTED\",\"reason\":\"SCAM\",\"message_template_category\":\"UTILITY\"," //
         OF_TEMPLATE "}");
    assert_rows(w, "SELECT account_id, meta_id, name, language FROM templates", "1 77 order en_US");
    assert_rows(w, TEMPLATE, "REJECTED UTILITY - SCAM -");
    tell(w, "message_template_status_update",
         "{\"event\":\"REINSTATED\",\"reason\":\"NONE\"," OF_TEMPLATE "}");
    assert_rows(w, TEMPLATE, "APPROVED UTILITY - - -");
    tell(w, "message_template_status_update",
         "{\"event\":\"PAUSED\",\"reason\":null,\"other_info\":{\"title\":\"FIRST_PAUSE\"}," //
         OF_TEMPLATE "}");
    assert_rows(w, TEMPLATE, "PAUSED UTILITY - FIRST_PAUSE -");
    assert_rows(w, MOVES,
                "template.status.updated - REJECTED; template.status.updated REJECTED APPROVED; "
                "template.status.updated APPROVED PAUSED");
    assert_rows(w, HINTED, "900");
    assert_int_equal(
        tell_at(w, NOW_S, "message_template_status_update", "{\"event\":\"PAUSED\"}").unapplied, 1);
}

static void test_template_others(void **state)
{
    struct world *w = *state;
    tell(w, "message_template_quality_update",
         "{\"previous_quality_score\":\"GREEN\",\"new_quality_score\":\"RED\"," OF_TEMPLATE "}");
    tell(w, "template_category_update",
         "{\"previous_category\":\"MARKETING\",\"new_category\":\"UTILITY\"," OF_TEMPLATE "}");
    assert_rows(w, MOVES,
                "template.quality.updated GREEN RED; template.category.updated MARKETING UTILITY");
    tell(w, "message_template_components_update", "{\"message_template_title\":1," OF_TEMPLATE "}");
    assert_rows(w, TEMPLATE,
                "- UTILITY RED - {\"message_template_title\":1,\"message_template_id\":77,"
                "\"message_template_name\":\"order\",\"message_template_language\":\"en-US\"}");
    assert_rows(w, "SELECT count(*), max(position) FROM template_changes", "3 3");
    assert_rows(w,
                "SELECT json_extract(body, '$.data.current.message_template_title'), "
                "json_type(body, '$.data.previous') FROM events WHERE name = "
                "'template.components.updated'",
                "1 null");
    assert_rows(w, "SELECT count(*) FROM accounts WHERE hints <> hints_answered", "0");
}

/* --- what is known, late, or not ours ------------------------------------------------------- */

static void test_the_same_body(void **state)
{
    struct world *w = *state;
    struct inbound_outcome first =
        tell_at(w, NOW_S - 5, "account_review_update", "{\"decision\":\"PENDING\"}");
    struct inbound_outcome again =
        tell_at(w, NOW_S - 5, "account_review_update", "{\"decision\":\"PENDING\"}");
    assert_false(first.known);
    assert_true(again.known);
    assert_int_equal(again.id, first.id);
    assert_int_equal(again.changes, 0);
    assert_rows(w, "SELECT id, state, changes, unapplied, arrivals FROM inbound",
                "1 applied 1 0 2");
    assert_rows(w, "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM account_changes)",
                "1 1");
    /* the same news in another body */
    tell_at(w, NOW_S - 4, "account_review_update", "{\"decision\":\"PENDING\"}");
    assert_rows(w, EVENTS, "account.updated");
    assert_rows(w, "SELECT known_at FROM account_facts", "1767225596000");
}

static void test_late(void **state)
{
    struct world *w = *state;
    static const char field[] = "account_review_update";
    tell_at(w, NOW_S - 10, field, "{\"decision\":\"APPROVED\"}");
    struct inbound_outcome late = tell_at(w, NOW_S - 11, field, "{\"decision\":\"PENDING\"}");
    assert_int_equal(late.unapplied, 0);
    assert_int_equal(late.changed, 0);
    assert_rows(w, FACTS, "review APPROVED");
    tell_at(w, NOW_S - 10, field, "{\"decision\":\"DEFERRED\"}"); /* in the same second: newer */
    assert_rows(w, FACTS, "review DEFERRED");
    tell_at(w, NOW_S + 9999, field, "{\"decision\":\"REJECTED\"}"); /* nobody knows the future */
    assert_rows(w, "SELECT value, known_at FROM account_facts", "REJECTED 1767225600000");
}

static void test_unknown_account(void **state)
{
    struct world *w = *state;
    struct make make = {.write.apply = make_apply, .waba = "902"};
    struct str body = body_of(
        w, entry_of(w, "902", NOW_S - 60, "account_review_update", "{\"decision\":\"APPROVED\"}"));
    struct inbound_outcome first = take_body(w, body);
    assert_int_equal(first.unapplied, 1);
    assert_rows(w,
                "SELECT state, json_extract(reasons, '$[0].change'), json_extract(reasons, "
                "'$[0].field'), json_extract(reasons, '$[0].reason') FROM inbound",
                "kept 0 account_review_update no workspace has linked the account");
    struct inbound_outcome again = take_body(w, body); /* it may be linked meanwhile */
    assert_false(again.known);
    assert_int_equal(again.id, first.id);
    assert_int_equal(store_write_now(w->fixture->store, &make.write), ERR_OK);
    struct taking once_more = {.reapply = first.id, .delivery.now = NOW + 1000};
    assert_int_equal(take(w, once_more).changed, 1);
    assert_rows(w, "SELECT state, unapplied, reasons, arrivals FROM inbound", "applied 0 [] 2");
    assert_rows(w, "SELECT account_id, value, known_at FROM account_facts",
                "3 APPROVED 1767225540000");
    assert_int_equal(take(w, once_more).changed, 0);
    assert_rows(w, EVENTS, "account.updated");
}

static void test_the_workspace_of_an_address(void **state)
{
    struct world *w = *state;
    struct taking t = {.delivery = {.workspace_id = 2}};
    t.delivery.body = body_of(
        w, entry_of(w, "900", NOW_S - 9, "account_review_update", "{\"decision\":\"APPROVED\"}"));
    assert_int_equal(take(w, t).unapplied, 1);
    assert_rows(w, "SELECT workspace_id, json_extract(reasons, '$[0].reason') FROM inbound",
                "2 the workspace has no such account linked");
    t.delivery.body = body_of(
        w, entry_of(w, "901", NOW_S - 9, "account_review_update", "{\"decision\":\"APPROVED\"}"));
    assert_int_equal(take(w, t).changed, 1);
    assert_rows(w, "SELECT account_id FROM account_facts", "2");
    /* and once more it is of the same workspace */
    struct taking once_more = {.reapply = 1};
    assert_int_equal(take(w, once_more).unapplied, 1);
}

/* Of partners Meta tells under the business portfolio's id, and the value names the account. */
static void test_account_named_by_the_value(void **state)
{
    struct world *w = *state;
    struct inbound_outcome o = take_body(
        w, STR("{\"entry\":[{\"id\":\"31\",\"time\":1767225000,\"changes\":["
               "{\"field\":\"account_update\",\"value\":{\"event\":\"PARTNER_ADDED\","
               "\"waba_info\":{\"waba_id\":\"900\",\"owner_business_id\":\"31\"}}},"
               "{\"field\":\"phone_number_quality_update\",\"value\":{\"waba_info\":{\"waba_id\":"
               "900},\"display_phone_number\":\"" PHONE "\",\"event\":\"FLAGGED\"}},"
               "{\"field\":\"account_update\",\"value\":{\"event\":\"PARTNER_REMOVED\","
               "\"waba_info\":{\"waba_id\":\"901\"}}},"
               "{\"field\":\"account_update\",\"value\":{\"event\":\"PARTNER_ADDED\","
               "\"waba_info\":{\"waba_id\":\"902\"}}},"
               "{\"field\":\"account_update\",\"value\":{\"event\":\"PARTNER_ADDED\"}}]},"
               "{\"id\":\"901\",\"time\":1767225000,\"changes\":["
               "{\"field\":\"account_update\",\"value\":{\"event\":\"PARTNER_APP_INSTALLED\","
               "\"waba_info\":{\"waba_id\":\"900\"}}}]}]}"));
    assert_int_equal(o.changes, 6);
    assert_int_equal(o.unapplied, 2);
    assert_int_equal(o.changed, 4);
    assert_rows(w, "SELECT account_id, field FROM account_facts ORDER BY account_id, field",
                "1 partner_added; 2 partner_app_installed; 2 partner_removed");
    assert_rows(w,
                "SELECT json_extract(value, '$.change'), json_extract(value, '$.reason') "
                "FROM inbound, json_each(reasons)",
                "3 no workspace has linked the account; 4 no workspace has linked the account");
    /* numbers changed of the first alone: whoever asked about it is to ask again */
    assert_rows(w, "SELECT waba_id, hints > 0, revision > 0 FROM accounts ORDER BY waba_id",
                "900 1 1; 901 1 0");
}

static void test_account_named_by_the_value_to_one_workspace(void **state)
{
    struct world *w = *state;
    struct taking t = {.delivery = {.workspace_id = 2}};
    static const char *const wabas[] = {"900", "901"};
    for (size_t i = 0; i < ARRAY_LEN(wabas); i++) {
        struct str value = arena_printf(&w->arena,
                                        "{\"event\":\"PARTNER_ADDED\",\"waba_info\":{"
                                        "\"waba_id\":\"%s\"}}",
                                        wabas[i]);
        t.delivery.body = body_of(w, entry_of(w, "31", NOW_S - 9, "account_update", value.ptr));
        assert_int_equal(take(w, t).unapplied, i == 0);
    }
    assert_rows(w, "SELECT account_id, field FROM account_facts", "2 partner_added");
    assert_rows(w, "SELECT json_extract(reasons, '$[0].reason') FROM inbound WHERE unapplied > 0",
                "the workspace has no such account linked");
}

static void test_some_of_it(void **state)
{
    struct world *w = *state;
    struct inbound_outcome o = take_body(
        w, STR("{\"entry\":[{\"id\":900,\"time\":1,\"changes\":[{\"field\":\"messages\"},"
               "{\"field\":\"account_review_update\",\"value\":{\"decision\":\"APPROVED\"}},"
               "{\"field\":\"flows\",\"value\":{}}]},{\"id\":\"0\"},{}]}"));
    assert_int_equal(o.changes, 3);
    assert_int_equal(o.unapplied, 2);
    assert_int_equal(o.changed, 1);
    assert_rows(w,
                "SELECT json_extract(value, '$.change'), json_extract(value, '$.field'), "
                "json_extract(value, '$.reason') FROM inbound, json_each(reasons)",
                "0 messages this version does not apply the field yet; 2 flows this version does "
                "not know the field");
    assert_rows(w, FACTS, "review APPROVED");
}

static void test_kept_alone(void **state)
{
    struct world *w = *state;
    struct str body = body_of(
        w, entry_of(w, "900", NOW_S - 9, "account_review_update", "{\"decision\":\"APPROVED\"}"));
    struct taking t = {.delivery.body = body, .why = "for a reason"};
    struct inbound_outcome o = take(w, t);
    assert_int_equal(o.unapplied, 0); /* nobody looked into it */
    assert_true(take(w, t).known);
    assert_rows(w, "SELECT state, json_extract(reasons, '$[0].reason'), arrivals FROM inbound",
                "kept for a reason 2");
    assert_rows(w, FACTS, "");
    assert_int_equal(take(w, (struct taking){.reapply = o.id}).changed, 1);
    assert_rows(w, "SELECT state, reasons FROM inbound", "applied []");
    struct taking none = {.write.apply = take_apply, .reapply = 99};
    assert_int_equal(store_write_now(w->fixture->store, &none.write), ERR_NOT_FOUND);
}

/* Without a time of Meta's it is of when it came first, whenever it is applied. */
static void test_without_time(void **state)
{
    struct world *w = *state;
    static const char entry[] =
        "{\"entry\":[{\"id\":\"900\",\"changes\":[{\"field\":\"account_review_update\","
        "\"value\":{\"decision\":\"%s\"}}]}]}";
    for (int again = 0; again < 2; again++) {
        struct str body = arena_printf(&w->arena, entry, again ? "REJECTED" : "APPROVED");
        struct taking t = {.delivery.body = body, .delivery.now = NOW + again, .why = "a reason"};
        struct inbound_outcome o = take(w, t);
        assert_true(o.kept);
        struct taking later = {.delivery.body = body, .delivery.now = NOW + 60000};
        if (again)
            later = (struct taking){.reapply = o.id, .delivery.now = NOW + 60000};
        o = take(w, later);
        assert_int_equal(o.changed, 1);
        assert_false(o.kept);
        assert_rows(w, "SELECT value, known_at - 1767225600000 FROM account_facts",
                    again ? "REJECTED 1" : "APPROVED 0");
    }
}

/* --- what nobody can apply ------------------------------------------------------------------ */

static void test_unreadable(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *body, *reason;
    } cases[] = {
        {"", "it is no JSON that can be read"},
        {"{\"entry\":[\\u0000]}", "it is no JSON that can be read"},
        {"{\"entry\":[\"\\u0000\"]}", "it is no JSON that can be read"},
        {"[]", "it has no list of entries"},
        {"{\"entry\":{}}", "it has no list of entries"},
        {"{\"object\":\"page\",\"entry\":[]}", "its object is no whatsapp_business_account"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct inbound_outcome o = take_body(w, str_from(cases[i].body));
        assert_true(o.kept);
        assert_int_equal(o.changes, 0);
        assert_int_equal(o.unapplied, 0);
        assert_rows(w,
                    "SELECT state, json_extract(reasons, '$[0].reason') FROM inbound ORDER BY id "
                    "DESC LIMIT 1",
                    arena_printf(&w->arena, "kept %s", cases[i].reason).ptr);
    }
    assert_rows(w, "SELECT count(*) FROM inbound", "6");
    assert_int_equal(take_body(w, STR("{\"entry\":[]}")).unapplied, 0);
}

static struct str many(struct world *w, int n)
{
    struct buf text;
    buf_init(&text, MIB);
    for (int i = 0; i < n; i++)
        buf_printf(&text, "%s{\"field\":\"f%d\"}", i ? "," : "", i);
    struct str changes = arena_dup(&w->arena, buf_str(&text));
    buf_release(&text);
    return arena_printf(&w->arena, "{\"entry\":[{\"id\":\"900\",\"changes\":[%.*s]}]}",
                        STR_FMT(changes));
}

static void test_many(void **state)
{
    struct world *w = *state;
    assert_int_equal(take_body(w, many(w, INBOUND_CHANGES_MAX)).unapplied, INBOUND_CHANGES_MAX);
    assert_rows(w, "SELECT changes, unapplied, json_array_length(reasons) FROM inbound",
                TEXT_OF(INBOUND_CHANGES_MAX) " " TEXT_OF(INBOUND_CHANGES_MAX) //
                " " TEXT_OF(INBOUND_REASONS_MAX));
    struct inbound_outcome o = take_body(w, many(w, INBOUND_CHANGES_MAX + 1));
    assert_int_equal(o.changes, INBOUND_CHANGES_MAX + 1);
    assert_int_equal(o.unapplied, INBOUND_CHANGES_MAX + 1);
    assert_rows(w,
                "SELECT json_array_length(reasons), json_extract(reasons, '$[0].reason') "
                "FROM inbound WHERE id = 2",
                "1 it holds more than 1000 changes");
}

static const char *const fields[] = {
    "phone_number_quality_update",
    "phone_number_name_update",
    "security",
    "business_capability_update",
    "account_update",
    "account_review_update",
    "account_alerts",
    "message_template_status_update",
    "message_template_quality_update",
    "message_template_components_update",
    "template_category_update",
    "messages",
};

/* Members that make the rest of a value be looked at, and one that is of a wrong type. */
static struct str odd_value(struct world *w, const char *key, const char *odd)
{
    return arena_printf(&w->arena,
                        "{\"%s\":%s,\"display_phone_number\":\"" PHONE
                        "\",\"event\":\"E\","
                        "\"decision\":\"D\",\"alert_type\":\"A\",\"new_quality_score\":\"Q\","
                        "\"new_category\":\"C\"," OF_TEMPLATE "}",
                        key, odd);
}

/* Every member of every field, by all that it should not be; json_get sees the first of two. */
static void test_wrong_types(void **state)
{
    struct world *w = *state;
    static const char *const keys[] = {
        "display_phone_number",
        "event",
        "decision",
        "alert_type",
        "alert_info",
        "new_quality_score",
        "new_category",
        "ban_info",
        "restriction_info",
        "violation_info",
        "country",
        "requested_verified_name",
        "entity_id",
        "reason",
        "other_info",
        "message_template_id",
        "current_limit",
        "message_template_name",
        "message_template_language",
        "previous_quality_score",
        "max_daily_conversation_per_phone",
        "max_phone_numbers_per_waba",
    };
    static const char *const odd[] = {
        "null",
        "true",
        "-1",
        "1.5e300",
        "99999999999999999999999999",
        "\"\"",
        "\"\\u202e\\n\"",
        "[]",
        "{}",
        "[[1]]",
        "[{\"restriction_type\":{},\"expiration\":1e99},null,7]",
    };
    int64_t time = NOW_S - 100000;
    for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
        struct buf entries;
        buf_init(&entries, MIB);
        for (size_t o = 0; o < ARRAY_LEN(odd); o++) {
            for (size_t f = 0; f < ARRAY_LEN(fields); f++) {
                struct str entry =
                    entry_of(w, "900", time++, fields[f], odd_value(w, keys[k], odd[o]).ptr);
                buf_printf(&entries, "%s%.*s", entries.len ? "," : "", STR_FMT(entry));
            }
        }
        assert_true(buf_ok(&entries));
        struct inbound_outcome outcome = take_body(w, body_of(w, buf_str(&entries)));
        assert_int_equal(outcome.changes, ARRAY_LEN(odd) * ARRAY_LEN(fields));
        assert_true(outcome.unapplied >= (int64_t)ARRAY_LEN(odd)); /* messages */
        assert_true(outcome.unapplied < outcome.changes);
        buf_release(&entries);
    }
    assert_sound(w->fixture->path);
    assert_rows(w, "SELECT count(*) FROM events WHERE NOT json_valid(body)", "0");
}

static void test_wrong_values(void **state)
{
    struct world *w = *state;
    static const char *const values[] = {"null", "true", "7", "\"x\"", "[]", "{}", "[{}]", "1e999"};
    for (size_t f = 0; f < ARRAY_LEN(fields); f++)
        for (size_t v = 0; v < ARRAY_LEN(values); v++)
            assert_int_equal(tell_at(w, NOW_S - 1, fields[f], values[v]).changes, 1);
    /* none at all */
    for (size_t f = 0; f < ARRAY_LEN(fields); f++)
        assert_int_equal(
            take_body(w, arena_printf(&w->arena,
                                      "{\"entry\":[{\"id\":\"900\",\"changes\":[{\"field\":\"%s\"}]"
                                      "}]}",
                                      fields[f]))
                .changes,
            1);
    assert_rows(w, EVENTS, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_number_quality),
        TEST(test_number_quality_of_what_it_speaks),
        TEST(test_number_of_nobody),
        TEST(test_number_name),
        TEST(test_security),
        TEST(test_capability),
        TEST(test_account_update),
        TEST(test_account_review_and_alerts),
        TEST(test_template_status),
        TEST(test_template_others),
        TEST(test_the_same_body),
        TEST(test_late),
        TEST(test_unknown_account),
        TEST(test_the_workspace_of_an_address),
        TEST(test_account_named_by_the_value),
        TEST(test_account_named_by_the_value_to_one_workspace),
        TEST(test_some_of_it),
        TEST(test_kept_alone),
        TEST(test_without_time),
        TEST(test_unreadable),
        TEST(test_many),
        TEST(test_wrong_types),
        TEST(test_wrong_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
