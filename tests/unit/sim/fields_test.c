#include "sim/fields.h"

#include "base/buf.h"
#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Parses, and writes the tree back: "a,b{c}"; an error as "!" and its message. */
static void print_selection(const struct sim_selection *s, struct buf *out)
{
    for (; s; s = s->next) {
        buf_add(out, s->name);
        if (s->inner) {
            buf_add_char(out, '{');
            print_selection(s->inner, out);
            buf_add_char(out, '}');
        }
        if (s->next)
            buf_add_char(out, ',');
    }
}

static void check(const char *text, const char *expected)
{
    struct arena arena;
    arena_init(&arena, MIB);
    struct error error;
    error_init(&error, &arena);
    struct buf out;
    buf_init(&out, MIB);
    struct sim_selection *selection = NULL;
    if (sim_selection_parse(str_from(text), &arena, &selection, &error) == ERR_OK)
        print_selection(selection, &out);
    else
        buf_printf(&out, "!%.*s", STR_FMT(error.message));
    buf_add_char(&out, '\0');
    assert_string_equal(out.ptr, expected);
    buf_release(&out);
    arena_release(&arena);
}

static void test_reads_names_and_braces(void **state)
{
    check("", "");
    check("  ", "");
    check("id", "id");
    check("id,name,status", "id,name,status");
    check(" id ,\n throughput { level } , name", "id,throughput{level},name");
    check("a{b{c{d}},e},f", "a{b{c{d}},e},f");
}

static void test_refuses_what_does_not_follow_the_form(void **state)
{
    check(",", "!Syntax error \"Expected name.\" at character 0: ,");
    check("a,", "!Syntax error \"Expected name.\" at character 2: ");
    check("a,,b", "!Syntax error \"Expected name.\" at character 2: ,b");
    check("a{}", "!Syntax error \"Expected name.\" at character 2: }");
    check("a{b", "!Syntax error \"Expected \"}\".\" at character 3: ");
    check("a}", "!Syntax error \"Expected end of string.\" at character 1: }");
    check("a b", "!Syntax error \"Expected end of string.\" at character 2: b");
    check("a.limit(5)", "!Syntax error \"Expected end of string.\" at character 1: .limit(5)");
    check("a,b,a",
          "!Syntax error \"Field name specified more than once. This is only possible "
          "before version 2.1\" at character 5: ");
}

static void test_limits_the_depth(void **state)
{
    char text[64] = "";
    size_t len = 0;
    for (int i = 0; i <= SIM_SELECTION_DEPTH; i++, len += 2)
        memcpy(text + len, "a{", 2);
    struct arena arena;
    arena_init(&arena, MIB);
    struct error error;
    error_init(&error, &arena);
    struct sim_selection *selection = NULL;
    enum err e = sim_selection_parse(str_make(text, len), &arena, &selection, &error);
    assert_int_equal(e, ERR_PARSE);
    assert_non_null(memmem(error.message.ptr, error.message.len, "nested too deeply", 17));
    arena_release(&arena);
}

static void test_a_nul_is_no_end(void **state)
{
    struct arena arena;
    arena_init(&arena, MIB);
    struct error error;
    error_init(&error, &arena);
    struct sim_selection *selection = NULL;
    assert_int_equal(sim_selection_parse(STR("id\0name"), &arena, &selection, &error), ERR_PARSE);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_names_and_braces),
        cmocka_unit_test(test_refuses_what_does_not_follow_the_form),
        cmocka_unit_test(test_limits_the_depth),
        cmocka_unit_test(test_a_nul_is_no_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
