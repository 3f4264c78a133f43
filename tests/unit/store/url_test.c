/* Addresses of databases on a server: which are taken, and what of them is shown. */
#include "store/store.h"

#include "unit/base/test.h"

static void test_what_is_an_address(void **state)
{
    static const char *const right[] = {
        "postgres://",
        "postgres://db.example/hudhud",
        "postgresql://u@[::1]:5432/hudhud?sslmode=verify-full",
        "postgres://u:p%40ss%2F@a,b:1,2/d?target_session_attrs=read-write",
        "postgres:///d?host=/run/postgresql&user=u",
    };
    static const char *const wrong[] = {
        "",
        "hudhud.db",
        "mysql://h/d",
        "postgres:/h/d",
        "postgres://u:p@ss@h/d",  /* a host ss@h */
        "postgres://u:pa/ss@h/d", /* a port pa */
        "postgres://u:12/ss@h/d", /* a database ss@h/d */
        "postgres://u:%zz@h/d",
        "postgres://h/d?no_such_parameter=1",
        "postgres://[::1/d",
    };
    for (size_t i = 0; i < ARRAY_LEN(right); i++)
        if (!store_url_is_valid(str_from(right[i])))
            fail_msg("%s was not taken", right[i]);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        if (store_url_is_valid(str_from(wrong[i])))
            fail_msg("%s was taken", wrong[i]);
}

static void test_a_long_address(void **state)
{
    char url[STORE_URL_MAX + 2] = "postgres://h/";
    memset(url + strlen(url), 'x', sizeof(url) - strlen(url));
    assert_true(store_url_is_valid(str_make(url, STORE_URL_MAX)));
    assert_false(store_url_is_valid(str_make(url, STORE_URL_MAX + 1)));
}

static void test_passwords(void **state)
{
    assert_true(store_url_has_password(STR("postgres://u:secret@h/d")));
    assert_true(store_url_has_password(STR("postgres://h/d?password=secret")));
    assert_true(store_url_has_password(STR("postgres://h/d?sslpassword=secret")));
    assert_false(store_url_has_password(STR("postgres://u@h:1/d?sslmode=require")));
    assert_false(store_url_has_password(STR("postgres://u:@h/d")));
}

static void test_what_is_shown(void **state)
{
    static const struct {
        const char *url, *shown;
    } cases[] = {
        {"postgres://u:secret@h:1/d?sslpassword=secret", "postgres://u@h:1/d"},
        {"postgres:///d?password=secret&host=/run/pg", "postgres:///run/pg/d"},
        {"postgresql://h", "postgres://h/"},
        {"postgres://u:sec@ret@h/d", "postgres://..."},
        {"hudhud-data/hudhud.db", "hudhud-data/hudhud.db"},
    };
    struct arena arena;
    arena_init(&arena, ARENA_BLOCK_SIZE);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_str(store_show(str_from(cases[i].url), &arena), cases[i].shown);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_an_address),
        cmocka_unit_test(test_a_long_address),
        cmocka_unit_test(test_passwords),
        cmocka_unit_test(test_what_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
