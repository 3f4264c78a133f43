/* Arenas, buffers, lists and secrets. */
#include "base/buf.h"
#include "base/list.h"
#include "base/secret.h"

#include "unit/base/test.h"

static void test_arena_aligned_and_apart(void **state)
{
    struct arena a;
    arena_init(&a, MIB);
    uint64_t seed = 1;
    char *pieces[500];
    size_t sizes[500];
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        sizes[i] = test_below(&seed, 100);
        pieces[i] = arena_alloc(&a, sizes[i]);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        memset(pieces[i], (int)(i & 0xFF), sizes[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++)
        for (size_t j = 0; j < sizes[i]; j++)
            assert_int_equal((unsigned char)pieces[i][j], i & 0xFF);
    arena_release(&a);
}

static void test_arena_max(void **state)
{
    struct arena a;
    arena_init(&a, 1024);
    assert_null(arena_alloc(&a, 1025));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_calloc(&a, SIZE_MAX / 2, 3));
    assert_non_null(arena_alloc(&a, 1024));
    assert_null(arena_alloc(&a, 1));
    assert_null(arena_dup(&a, STR("x")).ptr);
    assert_null(arena_cstr(&a, STR("")));
    assert_null(arena_printf(&a, "x").ptr);
    arena_clear(&a);
    /* However small the pieces are: what they cost beside themselves counts too. */
    size_t n = 0;
    while (n <= 1024 && arena_alloc(&a, 0))
        n++;
    assert_true(n > 0 && n <= 1024);
    arena_release(&a);
    assert_int_equal(a.max, 1024);
    assert_non_null(arena_alloc(&a, 1000));
    arena_release(&a);
    arena_release(&a);
}

static void test_arena_big_and_clear(void **state)
{
    struct arena a;
    arena_init(&a, 8 * MIB);
    for (int round = 0; round < 3; round++) {
        char *small = arena_calloc(&a, 3, 7);
        for (int i = 0; i < 21; i++)
            assert_int_equal(small[i], 0);
        memset(small, 'x', 21);
        char *big = arena_alloc(&a, MIB);
        assert_non_null(big);
        memset(big, 'y', MIB);
        assert_int_equal(small[20], 'x');
        arena_clear(&a);
        assert_int_equal(a.used, 0);
    }
    arena_release(&a);
}

static void test_arena_strings(void **state)
{
    struct arena a;
    arena_init(&a, MIB);
    assert_non_null(arena_dup(&a, (struct str){NULL, 0}).ptr); /* empty is not "full" */
    assert_str(arena_dup(&a, STR("abc")), "abc");
    assert_string_equal(arena_cstr(&a, STR("abc")), "abc");
    struct str s = arena_printf(&a, "%d-%s", 5, "x");
    assert_str(s, "5-x");
    assert_int_equal(s.ptr[s.len], '\0');
    arena_release(&a);
}

static void test_buf_max(void **state)
{
    _cleanup_(buf_release)
    struct buf b;
    buf_init(&b, 10);
    assert_str(buf_str(&b), "");
    buf_add(&b, STR("12345"));
    buf_printf(&b, "%d", 67890); /* fits exactly */
    assert_true(buf_ok(&b));
    assert_str(buf_str(&b), "1234567890");
    buf_add(&b, STR(""));
    assert_true(buf_ok(&b));
    buf_add_char(&b, 'x');
    assert_false(buf_ok(&b));
    buf_drop(&b, 8);
    buf_add_char(&b, 'x'); /* there is room again, but something is missing before it */
    assert_str(buf_str(&b), "90");
    assert_false(buf_ok(&b));
    buf_clear(&b);
    assert_true(buf_ok(&b));
    buf_printf(&b, "%s", "12345678901");
    assert_false(buf_ok(&b));
    assert_int_equal(b.len, 0);
    buf_clear(&b);
    assert_null(buf_reserve(&b, SIZE_MAX));
}

static void test_buf_nothing(void **state)
{
    _cleanup_(buf_release)
    struct buf b;
    buf_init(&b, 0);
    assert_non_null(buf_reserve(&b, 0));
    buf_add(&b, STR(""));
    buf_printf(&b, "%s", "");
    assert_true(buf_ok(&b));
    assert_null(buf_reserve(&b, 1));
}

static void test_buf_grows_and_gives_back(void **state)
{
    _cleanup_(buf_release)
    struct buf b;
    buf_init(&b, MIB);
    for (size_t i = 0; i < MIB; i++)
        buf_add_char(&b, (char)i);
    assert_true(buf_ok(&b));
    for (size_t i = 0; i < MIB; i++)
        assert_int_equal(b.ptr[i], (char)i);
    buf_clear(&b);
    assert_true(b.capacity <= BUF_KEEP_SIZE);
    buf_add(&b, STR("x"));
    assert_str(buf_str(&b), "x");
}

static void test_buf_integers(void **state)
{
    static const int64_t numbers[] = {0, 1, -1, 9, 10, 99, 100, INT64_MAX, INT64_MIN};
    _cleanup_(buf_release)
    struct buf b;
    buf_init(&b, KIB);
    uint64_t seed = 1;
    for (size_t i = 0; i < 1000; i++) {
        int64_t n = (int64_t)test_random(&seed) >> test_below(&seed, 64);
        if (i < ARRAY_LEN(numbers))
            n = numbers[i];
        char want[32];
        snprintf(want, sizeof(want), "%lld", (long long)n);
        buf_clear(&b);
        buf_add_i64(&b, n);
        assert_str(buf_str(&b), want);
    }
}

struct item {
    int number;
    struct list node;
};

static void assert_items(struct list *head, const char *want)
{
    struct list *back = head->prev;
    size_t n = 0;
    list_for_each (node, head)
        assert_int_equal(CONTAINER_OF(node, struct item, node)->number, want[n++] - '0');
    assert_int_equal(n, strlen(want));
    for (; back != head; back = back->prev)
        assert_int_equal(CONTAINER_OF(back, struct item, node)->number, want[--n] - '0');
}

static void test_list(void **state)
{
    struct list a, b;
    struct item items[6];
    list_init(&a);
    list_init(&b);
    assert_true(list_empty(&a));
    assert_null(list_take(&a));
    for (int i = 0; i < 6; i++) {
        items[i].number = i;
        list_init(&items[i].node);
        list_add(i < 4 ? &a : &b, &items[i].node);
    }
    assert_items(&a, "0123");
    list_move_all(&a, &b);
    assert_items(&a, "012345");
    assert_true(list_empty(&b));
    list_move_all(&a, &b);
    assert_items(&a, "012345");
    list_remove(&items[3].node);
    list_remove(&items[3].node); /* safe: it is in no list */
    assert_ptr_equal(list_take(&a), &items[0].node);
    assert_items(&a, "1245");
    list_for_each_safe (node, &a)
        if (CONTAINER_OF(node, struct item, node)->number % 2)
            list_remove(node);
    assert_items(&a, "24");
}

static void test_secret(void **state)
{
    struct secret s = {0};
    assert_str(secret_reveal(&s), "");
    secret_set(&s, STR("a\0b"));
    assert_true(str_eq(secret_reveal(&s), STR("a\0b")));
    assert_int_equal(s.bytes[3], '\0');
    secret_set(&s, str_skip(secret_reveal(&s), 2)); /* from itself */
    assert_str(secret_reveal(&s), "b");
    secret_set(&s, STR(""));
    assert_int_equal(s.len, 0);
    secret_release(&s);
    secret_release(&s);
    assert_null(s.bytes);
    char bytes[4] = "abc";
    wipe(bytes, 3);
    assert_memory_equal(bytes, "\0\0\0", 3);
    wipe(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_aligned_and_apart),
        cmocka_unit_test(test_arena_max),
        cmocka_unit_test(test_arena_big_and_clear),
        cmocka_unit_test(test_arena_strings),
        cmocka_unit_test(test_buf_max),
        cmocka_unit_test(test_buf_nothing),
        cmocka_unit_test(test_buf_grows_and_gives_back),
        cmocka_unit_test(test_buf_integers),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
