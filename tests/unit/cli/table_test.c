#include "cli/table.h"

#include "unit/base/test.h"

static const struct column columns[] = {{"ID", "id"}, {"NAME", "name"}, {"OK", "deep.ok"}};

static struct json parse(struct arena *arena, const char *text)
{
    struct error error;
    struct json json;
    error_init(&error, arena);
    assert_int_equal(json_parse(str_from(text), arena, &json, &error), ERR_OK);
    return json;
}

static void assert_prints(const char *json, bool terminal, const char *expected)
{
    struct arena arena;
    arena_init(&arena, MIB);
    struct table table;
    table_init(&table, columns, ARRAY_LEN(columns), &arena);
    json_for_each (item, parse(&arena, json))
        table_add_object(&table, item);
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_int_equal(table_print(&table, out, terminal), ERR_OK);
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
    arena_release(&arena);
}

static void test_columns_are_aligned(void **state)
{
    assert_prints(
        "[{\"id\":1,\"name\":\"a\",\"deep\":{\"ok\":true}},"
        "{\"id\":12345,\"name\":\"long name\",\"deep\":{\"ok\":false}}]",
        false,
        "ID     NAME       OK\n"
        "1      a          yes\n"
        "12345  long name  no\n");
}

static void test_absent_and_null(void **state)
{
    assert_prints("[{\"id\":null,\"deep\":{}},{\"name\":\"\",\"deep\":7}]", false,
                  "ID  NAME  OK\n"
                  "-   -     -\n"
                  "-         -\n");
}

/* Seven letters and a combining mark are seven columns. */
static void test_arabic_is_aligned_by_columns(void **state)
{
    assert_prints(
        "[{\"id\":1,\"name\":\"\\u0645\\u0637\\u0639\\u0651\\u0645\"},"
        "{\"id\":2,\"name\":\"abcdef\"}]",
        false,
        "ID  NAME    OK\n"
        "1   \xD9\x85\xD8\xB7\xD8\xB9\xD9\x91\xD9\x85    -\n"
        "2   abcdef  -\n");
}

static void test_right_to_left_is_isolated_on_a_terminal(void **state)
{
    assert_prints("[{\"id\":1,\"name\":\"\\u0645\\u0645\"},{\"id\":2,\"name\":\"abc\"}]", true,
                  "ID  NAME  OK\n"
                  "1   \xE2\x81\xA8\xD9\x85\xD9\x85\xE2\x81\xA9    -\n"
                  "2   abc   -\n");
}

/* A name comes from Meta: it must neither steer the terminal nor reach out of its cell. */
static void test_control_characters_are_replaced(void **state)
{
    assert_prints("[{\"id\":1,\"name\":\"a\\u001b[2J\\u009b\\n\\u202eb\\u2069\"}]", true,
                  "ID  NAME      OK\n"
                  "1   a\xEF\xBF\xBD[2J\xEF\xBF\xBD\xEF\xBF\xBD"
                  "b  -\n");
}

static void test_record(void **state)
{
    struct arena arena;
    arena_init(&arena, MIB);
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    struct json object = parse(&arena, "{\"id\":7,\"deep\":{\"ok\":[1,\"b\"]}}");
    enum err e = record_print(object, columns, ARRAY_LEN(columns), out, false, &arena);
    fclose(out);
    assert_int_equal(e, ERR_OK);
    assert_string_equal(text, "ID    7\nNAME  -\nOK    1, b\n");
    free(text);
    arena_release(&arena);
}

/* A body that came from outside, line by line. */
static void test_lines_are_as_clean_as_cells(void **state)
{
    struct arena arena;
    arena_init(&arena, MIB);
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    enum err e = text_print(STR("{\n  \"a\": \"\xC2\x9B\x1B[2J\"\n\n}\n"), out, true, &arena);
    fclose(out);
    assert_int_equal(e, ERR_OK);
    assert_string_equal(text, "{\n  \"a\": \"\xEF\xBF\xBD\xEF\xBF\xBD[2J\"\n\n}\n");
    free(text);
    arena_release(&arena);
}

static void test_without_memory(void **state)
{
    struct arena big, small;
    arena_init(&big, MIB);
    arena_init(&small, 16);
    struct table table;
    table_init(&table, columns, ARRAY_LEN(columns), &small);
    table_add_object(&table, parse(&big, "{\"id\":\"12345678901234567890\"}"));
    assert_int_equal(table_print(&table, stdout, false), ERR_NO_MEMORY);
    arena_release(&small);
    arena_release(&big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_are_aligned),
        cmocka_unit_test(test_absent_and_null),
        cmocka_unit_test(test_arabic_is_aligned_by_columns),
        cmocka_unit_test(test_right_to_left_is_isolated_on_a_terminal),
        cmocka_unit_test(test_control_characters_are_replaced),
        cmocka_unit_test(test_record),
        cmocka_unit_test(test_lines_are_as_clean_as_cells),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
