#include "graph/number.h"

#include "unit/base/test.h"

static struct arena arena;

static int setup(void **state)
{
    arena_init(&arena, 64 * MIB);
    return 0;
}

static int teardown(void **state)
{
    arena_release(&arena);
    return 0;
}

static struct graph_number *read_text(const char *text, const char **ret_wrong)
{
    struct json v = {NULL};
    struct error error;
    error_init(&error, &arena);
    if (json_parse_loose(str_from(text), &arena, &v, &error) != ERR_OK)
        fail_msg("%s: %.*s", text, STR_FMT(error.message));
    return graph_number_read(v, &arena, ret_wrong);
}

static struct graph_number *number_of(const char *text)
{
    const char *wrong = NULL;
    struct graph_number *n = read_text(text, &wrong);
    if (!n)
        fail_msg("%s: %s", text, wrong);
    return n;
}

static void every_field(void **state)
{
    const struct graph_number *n = number_of(
        "{\"verified_name\":\"\xd9\x85\xd8\xaa\xd8\xac\xd8\xb1 \xd8\xa7\xd9\x84\xd9\x87\xd8\xaf\xd9\x87"
        "\xd8\xaf\",\"display_phone_number\":\"+966 50 000 0000\",\"id\":\"1906385232743451\","
        "\"quality_rating\":\"GREEN\",\"status\":\"CONNECTED\",\"name_status\":\"APPROVED\","
        "\"code_verification_status\":\"VERIFIED\",\"platform_type\":\"CLOUD_API\","
        "\"throughput\":{\"level\":\"HIGH\"},\"messaging_limit_tier\":\"TIER_1K\","
        "\"whatsapp_business_manager_messaging_limit\":\"TIER_2K\",\"certificate\":\"ignored\","
        "\"is_official_business_account\":true,\"health_status\":{\"can_send_message\":\"LIMITED\","
        "\"entities\":[{\"entity_type\":\"PHONE_NUMBER\",\"additional_info\":[\"not approved yet\"]},"
        "{\"entity_type\":\"WABA\",\"can_send_message\":\"BLOCKED\",\"errors\":[{\"error_code\":141006,"
        "\"error_description\":\"payment\",\"possible_solution\":\"pay\"}]},"
        "{\"entity_type\":\"APP\",\"can_send_message\":\"AVAILABLE\"}]}}");
    assert_str(n->id, "1906385232743451");
    assert_str(n->verified_name,
               "\xd9\x85\xd8\xaa\xd8\xac\xd8\xb1 "
               "\xd8\xa7\xd9\x84\xd9\x87\xd8\xaf\xd9\x87\xd8\xaf");
    assert_str(n->display_phone_number, "+966 50 000 0000");
    assert_str(n->quality_rating, "GREEN");
    assert_str(n->status, "CONNECTED");
    assert_str(n->name_status, "APPROVED");
    assert_str(n->code_verification_status, "VERIFIED");
    assert_str(n->platform_type, "CLOUD_API");
    assert_str(n->throughput, "HIGH");
    assert_str(n->messaging_limit, "TIER_2K");
    assert_true(n->is_official_business_account);
    assert_str(n->can_send_message, "LIMITED");
    const struct graph_reason *first = n->reasons, *second = first->next;
    assert_int_equal(first->code, 0);
    assert_str(first->message, "not approved yet");
    assert_str(first->solution, "");
    assert_int_equal(second->code, 141006);
    assert_str(second->message, "payment");
    assert_str(second->solution, "pay");
    assert_null(second->next);
}

static void only_the_id_is_needed(void **state)
{
    const struct graph_number *n = number_of("{\"id\":\"7\"}");
    assert_str(n->id, "7");
    assert_str(n->status, "");
    assert_str(n->messaging_limit, "");
    assert_null(n->reasons);
    assert_str(number_of("{\"id\":1906385232743451}")->id, "1906385232743451");
    assert_str(number_of("{\"id\":9223372036854775807}")->id, "9223372036854775807");
    assert_str(number_of("{\"id\":\"12345678901234567890123456789012\"}")->id,
               "12345678901234567890123456789012");
    assert_str(number_of("{\"id\":\"1\",\"messaging_limit_tier\":\"TIER_250\"}")->messaging_limit,
               "TIER_250");
}

static void wrong_types_are_absent(void **state)
{
    const struct graph_number *n = number_of(
        "{\"id\":\"7\",\"verified_name\":{},\"status\":5,\"quality_rating\":null,\"throughput\":\"HIGH\","
        "\"is_official_business_account\":\"true\",\"health_status\":{\"can_send_message\":[],"
        "\"entities\":[1,{\"errors\":{}},{\"errors\":[null,{},{\"error_code\":\"x\"}],"
        "\"additional_info\":[7,\"\",\"kept\"]}]},\"messaging_limit_tier\":[\"TIER_1K\"]}");
    assert_str(n->verified_name, "");
    assert_str(n->status, "");
    assert_str(n->quality_rating, "");
    assert_str(n->throughput, "");
    assert_str(n->messaging_limit, "");
    assert_false(n->is_official_business_account);
    assert_str(n->can_send_message, "");
    assert_str(n->reasons->message, "kept");
    assert_null(n->reasons->next);
}

static void without_an_id_it_is_nothing(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "\"7\"",
        "null",
        "{\"id\":\"\"}",
        "{\"id\":null}",
        "{\"id\":\"12a\"}",
        "{\"id\":-5}",
        "{\"id\":1.5}",
        "{\"id\":[]}",
        "{\"id\":\"123456789012345678901234567890123\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const char *wrong = NULL;
        if (read_text(texts[i], &wrong))
            fail_msg("%s was taken for a number", texts[i]);
        assert_non_null(strstr(wrong, "\"id\""));
    }
}

static void reasons_are_bounded(void **state)
{
    char text[8192];
    size_t len = (size_t)snprintf(text, sizeof(text),
                                  "{\"id\":\"1\",\"health_status\":{\"entities\":[{"
                                  "\"additional_info\":[\"0\"");
    for (int i = 1; i < 200; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, ",\"%d\"", i);
    snprintf(text + len, sizeof(text) - len, "]}]}}");
    size_t n = 0;
    for (const struct graph_reason *r = number_of(text)->reasons; r; r = r->next)
        n++;
    assert_int_equal(n, GRAPH_REASONS_MAX);
}

static struct str fields_without(uint32_t dropped)
{
    struct buf out;
    buf_init(&out, 1024);
    graph_number_fields(dropped, &out);
    struct str copy = arena_dup(&arena, buf_str(&out));
    buf_release(&out);
    return copy;
}

static bool drop(const char *message, uint32_t *dropped)
{
    struct graph_answer a = {.outcome = GRAPH_REFUSED, .code = 100, .message = str_from(message)};
    return graph_number_drop_field(&a, dropped);
}

static void a_refused_field_is_dropped_once(void **state)
{
    static const char refusal[] =
        "(#100) Tried accessing nonexisting field (messaging_limit_tier) on node type (WhatsApp"
        "BusinessPhoneNumber)";
    uint32_t dropped = 0;
    assert_str(fields_without(0),
               "id,display_phone_number,verified_name,quality_rating,status,name_status,"
               "code_verification_status,platform_type,throughput,"
               "whatsapp_business_manager_messaging_limit,messaging_limit_tier,"
               "is_official_business_account,health_status");
    assert_true(drop(refusal, &dropped));
    assert_str(fields_without(dropped),
               "id,display_phone_number,verified_name,quality_rating,status,name_status,"
               "code_verification_status,platform_type,throughput,"
               "whatsapp_business_manager_messaging_limit,is_official_business_account,"
               "health_status");
    assert_false(drop(refusal, &dropped)); /* so that asking again comes to an end */
}

static void other_refusals_drop_nothing(void **state)
{
    uint32_t dropped = 0;
    assert_false(
        drop("(#100) Tried accessing nonexisting field (status) on node type (X)", &dropped));
    assert_false(drop("(#100) Tried accessing nonexisting field (foo) on node type (X)", &dropped));
    assert_false(drop("(#100) Tried accessing nonexisting field (health_status", &dropped));
    assert_false(drop("(#100) Tried accessing nonexisting field ()", &dropped));
    assert_false(drop("", &dropped));
    struct graph_answer a = {.outcome = GRAPH_OK,
                             .message = STR("nonexisting field (health_status)")};
    assert_false(graph_number_drop_field(&a, &dropped));
    assert_int_equal(dropped, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_field),
        TEST(only_the_id_is_needed),
        TEST(wrong_types_are_absent),
        TEST(without_an_id_it_is_nothing),
        TEST(reasons_are_bounded),
        TEST(a_refused_field_is_dropped_once),
        TEST(other_refusals_drop_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
