/* What is compressed comes back the same by zlib's own inflate, byte for byte. */
#include "http/gzip.h"

#include <zlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* --- Accept-Encoding ---------------------------------------------------------------------- */

static bool accepts(const char *one, const char *two)
{
    static struct http_request r;
    r.n_headers = 0;
    r.headers[r.n_headers++] = (struct http_header){STR("Host"), STR("gzip")};
    if (one)
        r.headers[r.n_headers++] = (struct http_header){STR("accept-Encoding"), str_from(one)};
    if (two)
        r.headers[r.n_headers++] = (struct http_header){STR("Accept-Encoding"), str_from(two)};
    return http_accepts_gzip(&r);
}

static void test_accepts(void **state)
{
    static const struct {
        const char *field;
        bool want;
    } cases[] = {
        {"gzip", true},
        {"x-gzip", true},
        {"GZIP", true},
        {"gzip, deflate, br, zstd", true}, /* browsers */
        {"deflate, gzip", true},           /* curl --compressed */
        {"br, gzip;q=0.5", true},
        {"br , gzip ; q=0.001 ,", true},
        {",,gzip", true},
        {"gzip;Q=1.000", true},
        {"gzip;q=1.", true},
        {"*", true},
        {"br, *;q=0.1", true},
        {"identity, gzip", true},
        {"identity;q=0.5, gzip;q=0.5", true},
        {"identity;q=0, gzip;q=0.1", true},
        {"", false},
        {"br", false},
        {"gzipped", false},
        {"gzi", false},
        {"gzip;q=0", false},
        {"gzip;q=0.000", false},
        {"*;q=0", false},
        {"gzip;q=0, *", false}, /* the one that is named says more than the star */
        {"identity", false},
        {"identity;q=1, gzip;q=0.5", false},
        {"identity, *;q=0.5", false},
        /* malformed weights are no yes */
        {"gzip;q=", false},
        {"gzip;q=2", false},
        {"gzip;q=1.001", false},
        {"gzip;q=0.1234", false},
        {"gzip;q=0,1", false},
        {"gzip;q=01", false},
        {"gzip;q=-1", false},
        {"gzip;q= 1", false},
        {"gzip;q=0.x", false},
        {"gzip;level=1", false},
        {"gzip;q", false},
        {"gzip q=1", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (accepts(cases[i].field, NULL) != cases[i].want)
            fail_msg("Accept-Encoding: %s", cases[i].field);
}

/* Several fields of one name are one list (RFC 9110 §5.3). */
static void test_accepts_over_fields(void **state)
{
    assert_false(accepts(NULL, NULL));
    assert_true(accepts("br", "gzip"));
    assert_true(accepts("gzip", "br"));
    assert_false(accepts("gzip;q=0.5", "identity"));
}

/* --- compressing -------------------------------------------------------------------------- */

static void inflate_all(struct str packed, struct buf *out)
{
    z_stream stream = {0};
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)packed.ptr;
    stream.avail_in = (uInt)packed.len;
    int status;
    do {
        char *to = buf_reserve(out, 64 * KIB);
        assert_non_null(to);
        stream.next_out = (Bytef *)to;
        stream.avail_out = 64 * KIB;
        status = inflate(&stream, Z_NO_FLUSH);
        out->len += 64 * KIB - stream.avail_out;
    } while (status == Z_OK);
    assert_int_equal(status, Z_STREAM_END);
    assert_int_equal(stream.avail_in, 0);
    inflateEnd(&stream);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* Text-like bytes: `letters` of them, so that few compress well and 256 not at all. */
static void fill(struct buf *b, size_t size, uint32_t letters, uint32_t *seed)
{
    buf_clear(b);
    char *to = buf_reserve(b, size);
    assert_non_null(to);
    for (size_t i = 0; i < size; i++)
        to[i] = (char)(next_random(seed) % letters);
    b->len = size;
}

/* One stream for all, as a loop has it: nothing of one body is left in the next. */
static void test_round_trip(void **state)
{
    struct http_gzip z;
    struct buf body, packed, back;
    uint32_t seed = 7;
    size_t n_packed = 0;
    http_gzip_init(&z);
    buf_init(&body, 8 * MIB);
    buf_init(&packed, 8 * MIB);
    buf_init(&back, 8 * MIB);
    for (int i = 0; i < 300; i++) {
        size_t size = next_random(&seed) % (i % 10 ? 20000 : 400000);
        fill(&body, size, i % 3 ? 1 + next_random(&seed) % 64 : 256, &seed);
        buf_clear(&packed);
        buf_clear(&back);
        if (!http_gzip_compress(&z, buf_str(&body), &packed)) {
            assert_int_equal(packed.len, 0);
            assert_true(buf_ok(&packed));
            assert_true(size < HTTP_GZIP_MIN || i % 3 == 0);
            continue;
        }
        n_packed++;
        assert_true(size >= HTTP_GZIP_MIN);
        assert_true(packed.len < body.len);
        inflate_all(buf_str(&packed), &back);
        assert_true(str_eq(buf_str(&back), buf_str(&body)));
    }
    assert_true(n_packed > 150);
    http_gzip_release(&z);
    buf_release(&body);
    buf_release(&packed);
    buf_release(&back);
}

static void test_not_worth_it(void **state)
{
    struct http_gzip z;
    struct buf body, packed;
    uint32_t seed = 7;
    http_gzip_init(&z);
    buf_init(&body, MIB);
    buf_init(&packed, MIB);
    fill(&body, HTTP_GZIP_MIN - 1, 1, &seed);
    assert_false(http_gzip_compress(&z, buf_str(&body), &packed));
    assert_null(z.stream); /* zlib's memory is not taken for nothing */
    fill(&body, HTTP_GZIP_MIN, 1, &seed);
    assert_true(http_gzip_compress(&z, buf_str(&body), &packed));
    buf_clear(&packed);
    fill(&body, 100 * KIB, 256, &seed); /* came out larger */
    assert_false(http_gzip_compress(&z, buf_str(&body), &packed));
    assert_int_equal(packed.len, 0);
    assert_true(buf_ok(&packed));
    http_gzip_release(&z);
    http_gzip_release(&z); /* twice is fine */
    buf_release(&body);
    buf_release(&packed);
}

/* Every size of `out` but enough: false, and empty. */
static void test_does_not_fit(void **state)
{
    struct http_gzip z;
    struct buf body, packed;
    uint32_t seed = 7;
    http_gzip_init(&z);
    buf_init(&body, MIB);
    buf_init(&packed, MIB);
    fill(&body, 2000, 16, &seed);
    assert_true(http_gzip_compress(&z, buf_str(&body), &packed));
    size_t enough = packed.len;
    buf_release(&packed);
    for (size_t max = 0; max <= enough; max++) {
        buf_init(&packed, max);
        assert_int_equal(http_gzip_compress(&z, buf_str(&body), &packed), max == enough);
        assert_int_equal(packed.len, max == enough ? enough : 0);
        assert_true(buf_ok(&packed));
        buf_release(&packed);
    }
    http_gzip_release(&z);
    buf_release(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),      cmocka_unit_test(test_accepts_over_fields),
        cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_not_worth_it),
        cmocka_unit_test(test_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
