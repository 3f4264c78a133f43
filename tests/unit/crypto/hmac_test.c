#include "crypto/hex.h"
#include "crypto/hmac.h"

#include "unit/base/test.h"

static struct hmac hmac;

static int setup(void **state)
{
    hmac_init(&hmac);
    return 0;
}

static int teardown(void **state)
{
    hmac_release(&hmac);
    return 0;
}

static void assert_hmac(struct str key, const struct str *parts, size_t n, const char *want)
{
    unsigned char mac[HMAC_LEN];
    hmac_sha256(&hmac, key, parts, n, mac);
    char hex[2 * HMAC_LEN];
    hex_encode(mac, HMAC_LEN, hex);
    assert_str(str_make(hex, sizeof(hex)), want);
}

/* `n` bytes of one value: the keys and texts of RFC 4231. */
static struct str repeated(char *room, char byte, size_t n)
{
    memset(room, byte, n);
    return str_make(room, n);
}

static void test_rfc_4231(void **state)
{
    char key[131], text[50], counting[25];
    for (size_t i = 0; i < sizeof(counting); i++)
        counting[i] = (char)(i + 1);
    struct str m1 = STR("Hi There"), m2 = STR("what do ya want for nothing?");
    struct str m6 = STR("Test Using Larger Than Block-Size Key - Hash Key First");
    struct str m7 =
        STR("This is a test using a larger than block-size key and a larger than "
            "block-size data. The key needs to be hashed before being used by the "
            "HMAC algorithm.");
    assert_hmac(repeated(key, 0x0b, 20), &m1, 1,
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    assert_hmac(STR("Jefe"), &m2, 1,
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    struct str m3 = repeated(text, (char)0xdd, 50);
    assert_hmac(repeated(key, (char)0xaa, 20), &m3, 1,
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    struct str m4 = repeated(text, (char)0xcd, 50);
    assert_hmac(str_make(counting, 25), &m4, 1,
                "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
    assert_hmac(repeated(key, (char)0xaa, 131), &m6, 1,
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    assert_hmac(repeated(key, (char)0xaa, 131), &m7, 1,
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

/* developer-api.md §1.2 */
static void test_signed_requests(void **state)
{
    const struct str get[] = {STR("GET"), STR("/waba-numbers"), STR(""), STR("1704124800"),
                              STR("")};
    assert_hmac(STR("your-hmac-secret"), get, ARRAY_LEN(get),
                "f90b85acf2d2a0d679eb8a4d15824a3517e3b15f1354d22c41f35369813151d9");
    const struct str post[] = {STR("POST"), STR("/w/message/text"), STR("?phone_number_id=123"),
                               STR("1704124800"),
                               STR("{\"phone\":\"96650000000\",\"body\":\"Hello\"}")};
    assert_hmac(STR("your-hmac-secret"), post, ARRAY_LEN(post),
                "3d3a28eb340079ad838c68984ed0977f001b0f54e5cd6aee42bdbc9561e7170d");
}

/* OpenSSL takes an empty key for "the same as before". */
static void test_empty_key_is_not_the_last_key(void **state)
{
    const char *empty = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
    assert_hmac(STR(""), NULL, 0, empty);
    assert_hmac(STR("another"), NULL, 0,
                "6b7a1089c15f47cfee8ae184abfc4684c256703d7ef84040c5827d2ee2282ace");
    assert_hmac((struct str){NULL, 0}, NULL, 0, empty);
    assert_hmac(STR("another"), NULL, 0,
                "6b7a1089c15f47cfee8ae184abfc4684c256703d7ef84040c5827d2ee2282ace");
    assert_hmac(STR(""), NULL, 0, empty);
}

/* Every way to cut a text in two, and every key length about the block size, agree with one call
 * by a fresh context. */
static void test_cut_at_every_byte(void **state)
{
    static const char text[] =
        "POST/w/message/text?phone_number_id=1231704124800{\"a\":\"\\u0645\"}";
    char key[140];
    memset(key, 'k', sizeof(key));
    for (size_t len = 1; len <= sizeof(key); len++) {
        unsigned char want[HMAC_LEN], got[HMAC_LEN];
        struct str whole = str_make(text, sizeof(text) - 1), k = str_make(key, len);
        struct hmac fresh;
        hmac_init(&fresh);
        hmac_sha256(&fresh, k, &whole, 1, want);
        hmac_release(&fresh);
        size_t at = len % whole.len;
        const struct str parts[] = {str_make(text, at), str_skip(whole, at)};
        hmac_sha256(&hmac, k, parts, 2, got);
        assert_memory_equal(got, want, HMAC_LEN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rfc_4231, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signed_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty_key_is_not_the_last_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut_at_every_byte, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
