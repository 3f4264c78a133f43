#include "cli/args.h"

#include "base/limits.h"
#include "unit/base/test.h"

struct line {
    struct arena arena;
    struct error error;
    struct args args;
    enum err err;
};

/* Parses words that end with a NULL. */
static void parse(struct line *l, ...)
{
    char name[] = "hudhud";
    char *argv[32] = {name};
    int argc = 1;
    va_list words;
    va_start(words, l);
    while ((argv[argc] = va_arg(words, char *)))
        argc++;
    va_end(words);
    arena_init(&l->arena, MIB);
    error_init(&l->error, &l->arena);
    l->err = args_parse(&l->args, argc, argv, &l->arena, &l->error);
}

static void assert_refused(struct line *l, const char *part_of_message)
{
    assert_int_equal(l->err, ERR_USAGE);
    char *message = arena_cstr(&l->arena, l->error.message);
    if (!strstr(message, part_of_message))
        fail_msg("\"%s\" is not in \"%s\"", part_of_message, message);
    arena_release(&l->arena);
}

static void test_options_and_operands(void **state)
{
    struct line l;
    parse(&l, "call", "-d", "{}", "POST", "--header=A: b", "-HC: d", "/x", "-i", NULL);
    assert_int_equal(l.err, ERR_OK);
    assert_string_equal(l.args.command->path, "call");
    assert_string_equal(args_get(&l.args, "body"), "{}");
    assert_int_equal(l.args.n_operands, 2);
    assert_string_equal(l.args.operands[0], "POST");
    assert_string_equal(l.args.operands[1], "/x");
    assert_true(args_has(&l.args, "include"));
    assert_false(args_has(&l.args, "curl"));
    assert_int_equal(l.args.n_given, 4);
    arena_release(&l.arena);
}

static void test_global_options_before_and_behind(void **state)
{
    struct line l;
    parse(&l, "--data", "/a", "number", "--config=/c", "list", "--domain", "acme", NULL);
    assert_int_equal(l.err, ERR_OK);
    assert_string_equal(l.args.command->path, "number list");
    assert_string_equal(args_get(&l.args, "data"), "/a");
    assert_string_equal(args_get(&l.args, "config"), "/c");
    arena_release(&l.arena);
}

static void test_values(void **state)
{
    struct line l;
    parse(&l, "number", "list", "--domain=", NULL); /* empty is a value: the server refuses it */
    assert_int_equal(l.err, ERR_OK);
    assert_string_equal(args_get(&l.args, "domain"), "");
    arena_release(&l.arena);
    parse(&l, "call", "--body=a=b", "GET", "/x", NULL);
    assert_string_equal(args_get(&l.args, "body"), "a=b");
    arena_release(&l.arena);
    parse(&l, "serve", "--compression", "false", "--threads", "2", NULL);
    assert_int_equal(l.err, ERR_OK);
    assert_string_equal(l.args.given[0].value, "false");
    assert_int_equal(l.args.n_given, 2);
    arena_release(&l.arena);
    parse(&l, "serve", "--compression", "--threads", "2", NULL);
    assert_int_equal(l.err, ERR_OK);
    assert_string_equal(l.args.given[0].value, "true");
    arena_release(&l.arena);
    parse(&l, "serve", "--compression", "no", NULL);
    assert_refused(&l, "takes options only, no other words");
    parse(&l, "number", "list", "--domain", NULL);
    assert_refused(&l, "--domain needs a value");
    parse(&l, "number", "list", "--domain", "--json", NULL);
    assert_refused(&l, "--domain needs a value");
    parse(&l, "number", "list", "--domain", "a", "--json=yes", NULL);
    assert_refused(&l, "--json takes no value");
    parse(&l, "number", "list", "--domain", "a", "--domain", "b", NULL);
    assert_refused(&l, "--domain is given twice");
}

static void test_only_operands_behind_two_dashes(void **state)
{
    struct line l;
    parse(&l, "sign", "--", "GET", "/x", "--json", NULL);
    assert_int_equal(l.err, ERR_OK);
    assert_int_equal(l.args.n_operands, 3);
    assert_string_equal(l.args.operands[2], "--json");
    arena_release(&l.arena);
}

static void test_unknown_names_the_nearest(void **state)
{
    struct line l;
    parse(&l, "nubmer", "list", NULL);
    assert_refused(&l, "did you mean \"number\"?");
    parse(&l, "number", "lsit", NULL);
    assert_refused(&l, "did you mean \"number list\"?");
    parse(&l, "number", "list", "--doman", "x", NULL);
    assert_refused(&l, "did you mean --domain?");
    parse(&l, "serve", "--lisen", "x", NULL);
    assert_refused(&l, "did you mean --listen?");
    parse(&l, "xyzzy", NULL);
    assert_refused(&l, "there is no command \"xyzzy\"");
    parse(&l, "number", "list", "-x", NULL);
    assert_refused(&l, "there is no option -x");
    parse(&l, NULL);
    assert_refused(&l, "a command is missing");
    parse(&l, "client", NULL);
    assert_refused(&l, "create, list, rotate, disable, enable");
}

static void test_operand_counts(void **state)
{
    struct line l;
    parse(&l, "workspace", "list", "x", NULL);
    assert_refused(&l, "takes options only, no other words");
    parse(&l, "call", "GET", NULL);
    assert_refused(&l, "takes METHOD PATH, and got 1");
    parse(&l, "sign", "GET", "/x", "{}", "more", NULL);
    assert_refused(&l, "and got 4; quote a value with spaces");
    parse(&l, "number", "sync", "--domain", "a", "1", "2", "3", NULL);
    assert_int_equal(l.err, ERR_OK);
    assert_int_equal(l.args.n_operands, 3);
    arena_release(&l.arena);
}

static void test_required(void **state)
{
    struct line l;
    parse(&l, "number", "link", NULL);
    assert_refused(&l, "--domain DOMAIN and --waba-id ID");
    parse(&l, "number", "link", "--help", NULL); /* help asks for nothing */
    assert_int_equal(l.err, ERR_OK);
    assert_true(l.args.help);
    arena_release(&l.arena);
    parse(&l, "number", "--help", NULL);
    assert_int_equal(l.err, ERR_OK);
    assert_true(str_eq(l.args.group, STR("number")));
    arena_release(&l.arena);
}

/* What was typed might be a secret in the wrong place: no message repeats it. */
static void test_no_message_repeats_a_value(void **state)
{
    struct line l;
    parse(&l, "number", "link", "--token", "EAAGsecret", NULL);
    assert_null(memmem(l.error.message.ptr, l.error.message.len, "EAAG", 4));
    assert_refused(&l, "--token is not taken");
    parse(&l, "number", "link", "--tokn=EAAGsecret", NULL);
    assert_null(memmem(l.error.message.ptr, l.error.message.len, "EAAG", 4));
    assert_refused(&l, "--tokn");
    parse(&l, "number", "link", "--domain", "a", "--waba-id", "1", "EAAGsecret", NULL);
    assert_null(memmem(l.error.message.ptr, l.error.message.len, "EAAG", 4));
    assert_refused(&l, "takes options only, no other words");
}

static void test_environment(void **state)
{
    struct line l;
    setenv("HUDHUD_DATA", "/from/env", 1);
    parse(&l, "workspace", "list", NULL);
    assert_string_equal(args_get(&l.args, "data"), "/from/env");
    assert_false(args_has(&l.args, "data"));
    arena_release(&l.arena);
    parse(&l, "workspace", "list", "--data", "/given", NULL);
    assert_string_equal(args_get(&l.args, "data"), "/given");
    arena_release(&l.arena);
    setenv("HUDHUD_DATA", "", 1);
    parse(&l, "workspace", "list", NULL);
    assert_null(args_get(&l.args, "data"));
    arena_release(&l.arena);
    unsetenv("HUDHUD_DATA");
}

static void test_settings_are_flags_of_serve(void **state)
{
    struct line l;
    parse(&l, "serve", "--listen", "127.0.0.1:0", NULL);
    assert_int_equal(l.err, ERR_OK);
    assert_int_equal(l.args.n_given, 1);
    assert_string_equal(l.args.given[0].setting->name, "listen");
    assert_string_equal(l.args.given[0].value, "127.0.0.1:0");
    arena_release(&l.arena);
    parse(&l, "number", "list", "--listen", "x", NULL);
    assert_refused(&l, "there is no option --listen");
}

static void test_numbers(void **state)
{
    struct line l;
    int64_t n;
    parse(&l, "number", "history", "--domain", "a", "--limit", "5", "1", NULL);
    assert_int_equal(args_i64(&l.args, "limit", 1, 100, 20, &n, &l.error), ERR_OK);
    assert_int_equal(n, 5);
    assert_int_equal(args_i64(&l.args, "page", 1, 100, 7, &n, &l.error), ERR_OK);
    assert_int_equal(n, 7);
    assert_int_equal(args_i64(&l.args, "limit", 6, 100, 20, &n, &l.error), ERR_USAGE);
    arena_release(&l.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_and_operands),
        cmocka_unit_test(test_global_options_before_and_behind),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_only_operands_behind_two_dashes),
        cmocka_unit_test(test_unknown_names_the_nearest),
        cmocka_unit_test(test_operand_counts),
        cmocka_unit_test(test_required),
        cmocka_unit_test(test_no_message_repeats_a_value),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_settings_are_flags_of_serve),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
