#include "cli/help.h"

#include "base/limits.h"
#include "unit/base/test.h"

static void test_every_command_is_whole(void **state)
{
    const struct command *c;
    for (size_t i = 0; (c = command_at(i)); i++) {
        assert_true(c->path[0] && c->run);
        assert_true(c->summary[0] >= 'A' && c->summary[0] <= 'Z'); /* "cannot <summary>" */
        assert_false(str_ends(str_from(c->summary), STR(".")));
        assert_ptr_equal(command_find(str_from(c->path)), c);
    }
}

static void test_every_help_has_usage_and_an_example_of_its_own(void **state)
{
    const struct command *c;
    for (size_t i = 0; (c = command_at(i)); i++) {
        _cleanup_(buf_release)
        struct buf text;
        buf_init(&text, CLI_HELP_MAX);
        help_command(c, &text);
        buf_add_char(&text, '\0');
        assert_true(buf_ok(&text));
        char wanted[64];
        snprintf(wanted, sizeof(wanted), "usage: hudhud %s", c->path);
        assert_non_null(strstr(text.ptr, wanted));
        const char *example = strstr(text.ptr, "\nexample:\n");
        assert_non_null(example);
        snprintf(wanted, sizeof(wanted), "hudhud %s", c->path);
        assert_non_null(strstr(example, wanted));
    }
}

static void test_refused_options_are_not_shown(void **state)
{
    _cleanup_(buf_release)
    struct buf text;
    buf_init(&text, CLI_HELP_MAX);
    help_command(command_find(STR("number link")), &text);
    buf_add_char(&text, '\0');
    assert_null(strstr(text.ptr, "--token "));
    assert_non_null(strstr(text.ptr, "--token-file FILE"));
}

static void test_overview(void **state)
{
    _cleanup_(buf_release)
    struct buf text;
    buf_init(&text, CLI_HELP_MAX);
    help_overview(STR("client"), &text);
    buf_add_char(&text, '\0');
    assert_non_null(strstr(text.ptr, "client rotate"));
    assert_null(strstr(text.ptr, "number link"));
}

static void test_operand_counts(void **state)
{
    static const struct {
        const char *operands;
        size_t min, max;
    } cases[] = {{NULL, 0, 0},
                 {"NAME", 1, 1},
                 {"METHOD PATH [BODY]", 2, 3},
                 {"[ID...]", 0, SIZE_MAX},
                 {"ID...", 1, SIZE_MAX}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct command c = {.operands = cases[i].operands};
        size_t min, max;
        command_operand_counts(&c, &min, &max);
        assert_int_equal(min, cases[i].min);
        assert_true(max == cases[i].max);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_command_is_whole),
        cmocka_unit_test(test_every_help_has_usage_and_an_example_of_its_own),
        cmocka_unit_test(test_refused_options_are_not_shown),
        cmocka_unit_test(test_overview),
        cmocka_unit_test(test_operand_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
