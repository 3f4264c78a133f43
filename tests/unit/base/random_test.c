#include "base/random.h"

#include "unit/base/test.h"

/* Chi-square over `n` cells with `expected` in each: the bound is some six standard deviations
 * from the mean, so that it never fails by chance. */
static void assert_uniform(const unsigned *cells, size_t n, double expected)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (cells[i] - expected) * (cells[i] - expected) / expected;
    double k = (double)n - 1, distance = sum - k;
    if (distance * distance > 36 * 2 * k + 400)
        fail_msg("chi-square %.1f of %zu cells", sum, n);
}

static void test_bounds(void **state)
{
    static const uint32_t bounds[] = {1, 2, 3, 10, 36, 100, 255, 256, 257};
    for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
        unsigned cells[257] = {0};
        for (uint32_t j = 0; j < 100 * bounds[i]; j++) {
            uint32_t value = random_below(bounds[i]);
            assert_true(value < bounds[i]);
            cells[value]++;
        }
        assert_uniform(cells, bounds[i], 100);
    }
    for (int i = 0; i < 1000; i++)
        assert_true(random_below(0x80000001u) < 0x80000001u);
}

static void test_names(void **state)
{
    unsigned cells[36] = {0};
    char name[361];
    /* So many that 256 % 36 characters too often would be seen. */
    for (int round = 0; round < 1000; round++) {
        name[360] = '#';
        random_name(name, 360);
        assert_int_equal(name[360], '#');
        for (int i = 0; i < 360; i++) {
            char c = name[i];
            assert_true((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'));
            cells[c >= 'a' ? c - 'a' : 26 + c - '0']++;
        }
    }
    assert_uniform(cells, 36, 10000);
    random_name(NULL, 0);
}

static void test_bytes(void **state)
{
    unsigned char bytes[25600 + 1];
    unsigned cells[256] = {0};
    bytes[25600] = 7;
    random_bytes(bytes, 25600);
    assert_int_equal(bytes[25600], 7);
    for (size_t i = 0; i < 25600; i++)
        cells[bytes[i]]++;
    assert_uniform(cells, 256, 100);
    unsigned char a[16], b[16];
    random_bytes(a, sizeof(a));
    random_bytes(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
