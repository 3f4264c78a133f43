#include "sim/scenario.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;
static struct error error;

static int set_up(void **unused)
{
    arena_init(&arena, 4 * MIB);
    error_init(&error, &arena);
    return 0;
}

static int tear_down(void **unused)
{
    arena_release(&arena);
    return 0;
}

static struct sim_state *read_text(struct str text)
{
    struct sim_state *state = NULL;
    enum err e = sim_scenario_read(text, &state, &error);
    if (e != ERR_OK)
        print_error("%.*s\n", STR_FMT(error.message));
    assert_int_equal(e, ERR_OK);
    return state;
}

static void demo_text(int n, struct buf *out)
{
    struct json_writer w;
    buf_init(out, SIM_SCENARIO_MAX);
    json_writer_init(&w, out);
    sim_demo_write(n, &w);
    assert_true(buf_ok(out));
}

static struct buf written(const struct sim_state *state)
{
    struct buf out;
    struct json_writer w;
    buf_init(&out, SIM_SCENARIO_MAX);
    json_writer_init(&w, &out);
    sim_scenario_write(state, &w);
    assert_true(buf_ok(&out));
    return out;
}

#define APP    "\"app\":{\"id\":\"1\",\"name\":\"A\"}"
#define NUMBER "{\"id\":\"7\",\"verified_name\":\"N\",\"display_phone_number\":\"+1 631-555-0000\"}"

/* The scenario is refused, with exactly this complaint among the details. */
static void check_refused(const char *text, const char *field, const char *problem)
{
    struct sim_state *state = NULL;
    error_init(&error, &arena);
    assert_int_equal(sim_scenario_read(str_from(text), &state, &error), ERR_VALIDATION);
    assert_null(state);
    for (const struct error_detail *d = error.details; d; d = d->next)
        if (str_eq(d->field, str_from(field)) && str_eq(d->problem, str_from(problem)))
            return;
    for (const struct error_detail *d = error.details; d; d = d->next)
        print_error("%.*s: %.*s\n", STR_FMT(d->field), STR_FMT(d->problem));
    fail_msg("%s: %s", field, problem);
}

static void test_writes_what_it_reads(void **unused)
{
    struct buf demo;
    demo_text(30, &demo);
    struct sim_state *first = read_text(buf_str(&demo));
    struct buf once = written(first);
    struct sim_state *second = read_text(buf_str(&once));
    struct buf twice = written(second);
    assert_true(str_eq(buf_str(&once), buf_str(&twice)));
    sim_state_free(first);
    sim_state_free(second);
    buf_release(&demo);
    buf_release(&once);
    buf_release(&twice);
}

static void test_keeps_faults_tokens_and_codes(void **unused)
{
    struct sim_state *state = read_text(
        STR("{" APP ",\"accounts\":[{\"id\":5,\"name\":\"W\"}],\"tokens\":[{\"token\":\"t\","
            "\"expired\":true,\"scopes\":[],\"accounts\":[\"5\"]}],\"codes\":[{\"code\":\"c\","
            "\"token\":\"t\"}],\"limits\":{\"calls\":3},\"faults\":[{\"kind\":\"html\",\"times\":2,"
            "\"match\":{\"method\":\"GET\",\"account\":\"5\"}}]}"));
    struct buf out = written(state);
    struct sim_state *again = read_text(buf_str(&out));
    const struct sim_token *token = sim_state_find_token(again, STR("t"));
    assert_non_null(token);
    assert_true(token->expired && token->limited && !token->management && !token->messaging);
    assert_true(sim_token_sees(token, sim_state_find_account(again, STR("5"))));
    assert_int_equal(again->limits.calls, 3);
    assert_int_equal(again->limits.active_calls, 5000);
    const struct sim_fault *fault = CONTAINER_OF(again->faults.next, struct sim_fault, link);
    assert_int_equal(fault->kind, SIM_FAULT_HTML);
    assert_int_equal(fault->status, 200);
    assert_int_equal(fault->times, 2);
    assert_string_equal(fault->account, "5");
    sim_state_free(state);
    sim_state_free(again);
    buf_release(&out);
}

static void test_the_demo_is_deterministic_and_varied(void **unused)
{
    struct buf a, b;
    demo_text(12, &a);
    demo_text(12, &b);
    assert_true(str_eq(buf_str(&a), buf_str(&b)));
    struct sim_state *state = read_text(buf_str(&a));
    size_t numbers = 0, templates = 0, arabic = 0;
    struct sim_account *account =
        sim_account_of_node(CONTAINER_OF(state->accounts.next, struct sim_node, link));
    list_for_each (it, &account->numbers) {
        struct str name = sim_node_value(CONTAINER_OF(it, struct sim_node, link), "verified_name");
        numbers++;
        arabic += (unsigned char)name.ptr[1] == 0xD8 || (unsigned char)name.ptr[1] == 0xD9;
    }
    list_for_each (it, &account->templates)
        templates++;
    assert_int_equal(numbers, 12);
    assert_true(arabic >= 3 && arabic < numbers);
    assert_true(templates >= 25);
    sim_state_free(state);
    buf_release(&a);
    buf_release(&b);
}

static void test_refuses_with_the_path(void **unused)
{
    check_refused("[]", "", "must be an object");
    check_refused("{}", "app", "must be an object");
    check_refused("{" APP ",\"acounts\":[]}", "acounts", "unknown field; did you mean 'accounts'?");
    check_refused("{\"app\":{\"id\":\"x\",\"name\":\"A\"}}", "app.id",
                  "must be decimal digits, as text");
    check_refused("{" APP ",\"accounts\":[{\"id\":\"5\",\"name\":\"W\",\"numbers\":[" NUMBER
                  ",{\"id\":\"8\",\"verified_name\":\"\",\"display_phone_number\":\"+1\"}]}]}",
                  "accounts[0].numbers[1].verified_name", "must be text, not empty");
    check_refused("{" APP
                  ",\"accounts\":[{\"id\":\"5\",\"name\":\"W\",\"numbers\":[{\"id\":\"8\","
                  "\"verified_name\":\"a\",\"display_phone_number\":\"+1\",\"quality_rating\":"
                  "\"BLUE\"}]}]}",
                  "accounts[0].numbers[0].quality_rating",
                  "must be one of GREEN, YELLOW, RED, UNKNOWN, NA");
    check_refused("{" APP ",\"accounts\":[{\"id\":\"5\",\"name\":\"W\",\"numbers\":[" NUMBER
                  "," NUMBER "]}]}",
                  "accounts[0].numbers[1].id", "7 belongs to another object already");
    check_refused("{" APP ",\"accounts\":[{\"name\":\"W\"}]}", "accounts[0].id", "is required");
    check_refused("{" APP ",\"accounts\":[7]}", "accounts[0]", "must be an object");
    check_refused("{" APP ",\"tokens\":[{\"token\":\"t\"},{\"token\":\"t\"}]}", "tokens[1].token",
                  "stands in the scenario twice");
    check_refused("{" APP ",\"tokens\":[{\"token\":\"t\",\"accounts\":[\"9\"]}]}",
                  "tokens[0].accounts", "must be ids of accounts of this scenario");
    check_refused("{" APP ",\"limits\":{\"calls\":0}}", "limits.calls",
                  "must be from 1 to 2147483647");
    check_refused("{" APP ",\"faults\":[{\"kind\":\"html\",\"match\":{\"host\":\"x\"}}]}",
                  "faults[0].match.host", "unknown field");
}

static void test_counts_every_complaint(void **unused)
{
    struct sim_state *state = NULL;
    enum err e = sim_scenario_read(
        STR("{" APP ",\"accounts\":[{\"id\":\"5\",\"numbers\":[{\"id\":\"a\"}]}]}"), &state,
        &error);
    assert_int_equal(e, ERR_VALIDATION);
    size_t n = 0;
    for (const struct error_detail *d = error.details; d; d = d->next)
        n++;
    assert_int_equal(n, 4); /* name; id, verified_name, display_phone_number of the number */
}

static struct json parsed(const char *text)
{
    struct json v = {NULL};
    assert_int_equal(json_parse(str_from(text), &arena, &v, &error), ERR_OK);
    return v;
}

static void test_patches_whole_or_not_at_all(void **unused)
{
    struct buf demo;
    demo_text(1, &demo);
    struct sim_state *state = read_text(buf_str(&demo));
    struct sim_node *number = sim_state_find(state, STR("106540352242922"));
    assert_int_equal(sim_node_patch(number,
                                    parsed("{\"quality_rating\":\"RED\",\"status\":\"BLUE\"}"),
                                    &arena, &error),
                     ERR_VALIDATION);
    assert_true(str_eq(sim_node_word(number, "quality_rating"), STR("GREEN")));
    error_init(&error, &arena);
    assert_int_equal(sim_node_patch(number, parsed("{\"id\":\"9\"}"), &arena, &error),
                     ERR_VALIDATION);
    error_init(&error, &arena);
    assert_int_equal(
        sim_node_patch(number,
                       parsed("{\"quality_rating\":\"RED\",\"messaging_limit\":\"TIER_2K\"}"),
                       &arena, &error),
        ERR_OK);
    assert_true(str_eq(sim_node_word(number, "quality_rating"), STR("RED")));
    assert_true(
        str_eq(sim_node_word(number, "whatsapp_business_manager_messaging_limit"), STR("TIER_2K")));
    sim_state_free(state);
    buf_release(&demo);
}

static void test_nodes_come_and_go(void **unused)
{
    struct buf demo;
    demo_text(1, &demo);
    struct sim_state *state = read_text(buf_str(&demo));
    struct sim_account *account = sim_state_find_account(state, STR("102290129340398"));
    struct sim_node *node = NULL;
    struct json object =
        parsed("{\"verified_name\":\"N\",\"display_phone_number\":\"+1 631-555-0000\"}");
    assert_int_equal(sim_node_join(account, SIM_NUMBER, object, &arena, &node, &error), ERR_OK);
    struct str id = arena_dup(&arena, sim_node_id(node));
    assert_true(str_is_digits(id));
    assert_ptr_equal(sim_state_find(state, id), node);
    sim_node_delete(node);
    assert_null(sim_state_find(state, id));
    sim_state_free(state);
    buf_release(&demo);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_writes_what_it_reads),
        TEST(test_keeps_faults_tokens_and_codes),
        TEST(test_the_demo_is_deterministic_and_varied),
        TEST(test_refuses_with_the_path),
        TEST(test_counts_every_complaint),
        TEST(test_patches_whole_or_not_at_all),
        TEST(test_nodes_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
