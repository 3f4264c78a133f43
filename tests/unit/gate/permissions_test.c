#include "base/limits.h"
#include "gate/permissions.h"
#include "unit/base/test.h"

static struct arena arena;
static struct error error;
static struct permissions p;

static enum err parse(const char *json)
{
    error_init(&error, &arena);
    return permissions_parse(str_from(json), &arena, &p, &error);
}

static enum err check(bool writes, const char *resource)
{
    error_init(&error, &arena);
    return permissions_check(&p, writes, str_from(resource), &error);
}

static void test_everything(void **state)
{
    static const char *const everything[] = {"", "{}"};
    for (size_t i = 0; i < ARRAY_LEN(everything); i++) {
        assert_int_equal(parse(everything[i]), ERR_OK);
        assert_int_equal(check(true, "waba-numbers"), ERR_OK);
        assert_int_equal(check(false, "orders"), ERR_OK);
        assert_true(permissions_have_number(&p, 1));
        assert_ptr_equal(permissions_copy(&p, &arena), &permissions_everything);
        assert_int_equal(permissions_format(&p, &arena).len, 0);
    }
}

static void test_read_only(void **state)
{
    assert_int_equal(parse("{\"access\":\"read\"}"), ERR_OK);
    assert_int_equal(check(false, "waba-numbers"), ERR_OK);
    assert_int_equal(check(true, "waba-numbers"), ERR_PERMISSION_DENIED);
    assert_true(str_starts(error.message, STR("This client may only read")));
}

static void test_resources(void **state)
{
    assert_int_equal(parse("{\"resources\":[\"waba-numbers\",\"orders\"]}"), ERR_OK);
    assert_int_equal(check(true, "orders"), ERR_OK);
    assert_int_equal(check(true, "order"), ERR_PERMISSION_DENIED);
    assert_int_equal(check(false, "contacts"), ERR_PERMISSION_DENIED);
    assert_true(str_ends(error.message, STR("for the resource contacts")));
    assert_int_equal(parse("{\"resources\":[]}"), ERR_OK);
    assert_int_equal(check(false, "contacts"), ERR_PERMISSION_DENIED);
}

static void test_numbers(void **state)
{
    assert_int_equal(parse("{\"numbers\":[2,9007199254740993]}"), ERR_OK);
    assert_true(permissions_have_number(&p, 2));
    assert_true(permissions_have_number(&p, 9007199254740993));
    assert_false(permissions_have_number(&p, 1));
    assert_int_equal(parse("{\"numbers\":[]}"), ERR_OK);
    assert_false(permissions_have_number(&p, 0));
}

static void test_copied_and_written_they_are_the_same(void **state)
{
    static const char text[] =
        "{\"access\":\"read\",\"resources\":[\"a\",\"b\"],\"numbers\":[3,1]}";
    assert_int_equal(parse(text), ERR_OK);
    struct arena other;
    arena_init(&other, 4 * KIB);
    const struct permissions *copy = permissions_copy(&p, &other);
    assert_non_null(copy);
    assert_true(str_eq(permissions_format(copy, &other), str_from(text)));
    arena_release(&other);
    arena_init(&other, 64); /* whatever does not fit is refused, not left out */
    assert_null(permissions_copy(&p, &other));
    arena_release(&other);
}

/* What this version does not know may have been meant as a restriction. */
static void test_what_is_refused(void **state)
{
    static const char *const wrong[] = {
        "[]",
        "{\"access\":\"write\"}",
        "{\"access\":7}",
        "{\"resources\":\"all\"}",
        "{\"resources\":[1]}",
        "{\"numbers\":[\"1\"]}",
        "{\"numbers\":[1.5]}",
        "{\"numbers\":7}",
        "{\"branches\":[1]}",
        "{\"access\":\"read\",\"access\":\"read\"}",
        "nothing",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        if (parse(wrong[i]) == ERR_OK)
            fail_msg("%s was taken", wrong[i]);
}

static void test_lists_have_an_end(void **state)
{
    struct arena big;
    arena_init(&big, PERMISSIONS_ARENA_MAX);
    char *text = arena_alloc(&big, 4 * PERMISSIONS_NUMBERS_MAX);
    size_t len = (size_t)snprintf(text, 32, "{\"numbers\":[1");
    for (size_t i = 0; i < PERMISSIONS_NUMBERS_MAX; i++)
        len += (size_t)snprintf(text + len, 4, ",1");
    memcpy(text + len, "]}", 3);
    assert_int_equal(parse(text), ERR_VALIDATION);
    memcpy(text + len - 2, "]}", 3);
    assert_int_equal(parse(text), ERR_OK);
    arena_release(&big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_read_only),
        cmocka_unit_test(test_resources),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_copied_and_written_they_are_the_same),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_lists_have_an_end),
    };
    arena_init(&arena, PERMISSIONS_ARENA_MAX);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_release(&arena);
    return failed;
}
