#include "sim/params.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;
static struct error error;
static struct sim_params params;

static int set_up(void **unused)
{
    arena_init(&arena, MIB);
    error_init(&error, &arena);
    return 0;
}

static int tear_down(void **unused)
{
    arena_release(&arena);
    return 0;
}

static enum err read_params(const char *query, const char *type, const char *body)
{
    return sim_params_read(&params, str_from(query), str_from(type), str_from(body), &arena,
                           &error);
}

static void check(const char *name, const char *value)
{
    assert_true(str_eq(sim_params_get(&params, name), str_from(value)));
}

static void test_reads_all_three_places(void **unused)
{
    assert_int_equal(read_params("?a=1&b=%7Bx%7D+y", "", ""), ERR_OK);
    check("a", "1");
    check("b", "{x} y");
    assert_int_equal(read_params("?a=1", "application/x-www-form-urlencoded", "c=%D9%85"), ERR_OK);
    check("c", "م");
    assert_int_equal(
        read_params("", "application/json; charset=utf-8", "{\"a\":\"t\",\"b\":[1,\"x\"],\"c\":7}"),
        ERR_OK);
    check("a", "t");
    check("b", "[1,\"x\"]");
    check("c", "7");
    assert_null(sim_params_get(&params, "d").ptr);
}

static void test_refuses_what_is_malformed(void **unused)
{
    assert_int_equal(read_params("?a=%zz", "", ""), ERR_BAD_REQUEST);
    assert_int_equal(read_params("?a=%ff", "", ""), ERR_BAD_REQUEST);
    assert_int_equal(read_params("", "application/json", "[1]"), ERR_BAD_REQUEST);
    assert_int_equal(read_params("", "application/json", "{"), ERR_BAD_REQUEST);
    struct buf many;
    buf_init(&many, KIB);
    for (int i = 0; i <= SIM_PARAMS_MAX; i++)
        buf_printf(&many, "p%d=1&", i);
    buf_add_char(&many, '\0');
    assert_int_equal(read_params(many.ptr, "", ""), ERR_BAD_REQUEST);
    buf_release(&many);
}

static void test_lists_in_every_form(void **unused)
{
    static const char *const forms[] = {
        "status=approved",
        "status[]=APPROVED",
        "status%5B%5D=x&status[]=Approved",
        "status[0]=x&status[1]=approved",
        "status=[\"PENDING\",\"APPROVED\"]",
        "other=x",
    };
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        assert_int_equal(read_params(forms[i], "", ""), ERR_OK);
        assert_true(sim_params_allow(&params, "status", STR("APPROVED"), &arena));
    }
    assert_int_equal(read_params("status=[\"PENDING\"]&statuses=APPROVED", "", ""), ERR_OK);
    assert_false(sim_params_allow(&params, "status", STR("APPROVED"), &arena));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_reads_all_three_places),
        TEST(test_refuses_what_is_malformed),
        TEST(test_lists_in_every_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
