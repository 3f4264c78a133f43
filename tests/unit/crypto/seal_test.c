#include "base/file.h"
#include "crypto/seal.h"

#include "unit/base/test.h"

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

static struct arena arena;
static struct error error;
static char folder[64], path[96];

static int setup(void **state)
{
    arena_init(&arena, 16 * MIB);
    error_init(&error, &arena);
    snprintf(folder, sizeof(folder), "/tmp/hudhud-seal-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/key", folder);
    return 0;
}

static int teardown(void **state)
{
    unlink(path);
    rmdir(folder);
    arena_release(&arena);
    return 0;
}

static struct keyring test_key(void)
{
    struct keyring k = {0};
    unsigned char key[SEAL_KEY_LEN];
    memset(key, 'k', sizeof(key));
    keyring_add(&k, 0x01020304, key);
    return k;
}

static void assert_says(const char *part)
{
    if (!memmem(error.message.ptr, error.message.len, part, strlen(part)))
        fail_msg("'%.*s' does not say '%s'", STR_FMT(error.message), part);
}

static void assert_opens(const struct keyring *k, struct str context, struct str record,
                         struct str want)
{
    _cleanup_(secret_release)
    struct secret got = {0};
    assert_int_equal(seal_open(k, context, record, &got), ERR_OK);
    assert_true(str_eq(secret_reveal(&got), want));
}

static void assert_refused(const struct keyring *k, struct str context, struct str record)
{
    _cleanup_(secret_release)
    struct secret got = {0};
    assert_int_equal(seal_open(k, context, record, &got), ERR_AUTHENTICATION);
    assert_null(got.bytes);
}

static void test_round_trip(void **state)
{
    _cleanup_(keyring_release)
    struct keyring k = test_key();
    char text[300];
    uint64_t seed = 1;
    for (size_t len = 0; len <= sizeof(text); len++) {
        for (size_t i = 0; i < len; i++)
            text[i] = (char)test_random(&seed);
        struct str record = seal(&k, STR("a.b:1"), str_make(text, len), &arena);
        assert_int_equal(record.len, len + SEAL_OVERHEAD);
        assert_memory_equal(record.ptr, "\x01\x01\x02\x03\x04", 5);
        assert_opens(&k, STR("a.b:1"), record, str_make(text, len));
    }
}

static void test_the_same_text_twice_differs(void **state)
{
    _cleanup_(keyring_release)
    struct keyring k = test_key();
    struct str a = seal(&k, STR("c"), STR("token"), &arena);
    struct str b = seal(&k, STR("c"), STR("token"), &arena);
    assert_memory_not_equal(a.ptr + 5, b.ptr + 5, 12);
    assert_memory_not_equal(a.ptr + 17, b.ptr + 17, 5);
    assert_null(memmem(a.ptr, a.len, "token", 5));
}

static void test_another_place(void **state)
{
    _cleanup_(keyring_release)
    struct keyring k = test_key();
    struct str record = seal(&k, STR("clients.secret:17"), STR("x"), &arena);
    assert_refused(&k, STR("clients.secret:18"), record);
    assert_refused(&k, STR("clients.secret:1"), record);
    assert_refused(&k, STR(""), record);
    record = seal(&k, STR(""), STR("x"), &arena);
    assert_opens(&k, STR(""), record, STR("x"));
    assert_refused(&k, STR("x"), record);
}

static void test_every_bit_and_every_length(void **state)
{
    _cleanup_(keyring_release)
    struct keyring k = test_key();
    struct str record = seal(&k, STR("c"), STR("secret"), &arena);
    struct str changed = arena_dup(&arena, record);
    char *bytes = (char *)changed.ptr;
    for (size_t bit = 0; bit < 8 * record.len; bit++) {
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        assert_refused(&k, STR("c"), changed);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (size_t len = 0; len < record.len; len++)
        assert_refused(&k, STR("c"), str_make(record.ptr, len));
    char longer[64] = {0};
    memcpy(longer, record.ptr, record.len);
    assert_refused(&k, STR("c"), str_make(longer, record.len + 1));
    assert_opens(&k, STR("c"), changed, STR("secret"));
}

static void test_another_key(void **state)
{
    _cleanup_(keyring_release)
    struct keyring k = test_key(), other = {0};
    struct str record = seal(&k, STR("c"), STR("secret"), &arena);
    assert_int_equal(seal_key_id(record), 0x01020304);
    unsigned char key[SEAL_KEY_LEN];
    memset(key, 'k', sizeof(key));
    keyring_add(&other, 0x01020305, key); /* the same key under another name */
    assert_refused(&other, STR("c"), record);
    key[31] ^= 1;
    keyring_add(&other, 0x01020304, key); /* another key under the same name */
    assert_refused(&other, STR("c"), record);
    keyring_release(&other);
    assert_refused(&other, STR("c"), record);
}

/* Sealed with Node's crypto after the layout in seal.h: the format is a promise to old databases.
 */
static void test_known_record(void **state)
{
    _cleanup_(keyring_release)
    struct keyring k = test_key();
    static const char record[] =
        "\x01\x01\x02\x03\x04"
        "nnnnnnnnnnnn"
        "\xe1\x54\x92\xc2\x3c\xdc\xe8\xb8\x2f\x09\x78\x21\xe0\xdb\xc9\xa0"
        "\x8f\x1a\xfe\x7a\xf2\xba\x42\xfb\x0d\xbf\x7a\x19\x61\x53\xbb\xed";
    assert_opens(&k, STR("clients.secret:17"), str_make(record, sizeof(record) - 1),
                 STR("your-hmac-secret"));
}

static void test_full_arena(void **state)
{
    _cleanup_(keyring_release)
    struct keyring k = test_key();
    struct arena small;
    arena_init(&small, 10);
    assert_null(seal(&k, STR("c"), STR("secret"), &small).ptr);
    arena_release(&small);
}

static void test_key_file(void **state)
{
    struct keyring made = {0}, read = {0};
    assert_int_equal(keyring_create(&made, path, &error), ERR_OK);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, 88);
    assert_int_equal(keyring_load(&read, path, &error), ERR_OK);
    assert_int_equal(keyring_current(&read), keyring_current(&made));
    struct str record = seal(&made, STR("c"), STR("secret"), &arena);
    assert_opens(&read, STR("c"), record, STR("secret"));

    struct keyring again = {0};
    assert_int_equal(keyring_create(&again, path, &error), ERR_CONFLICT);
    assert_says("exists already");
    assert_int_equal(keyring_current(&again), 0);
    assert_int_equal(keyring_load(&again, path, &error), ERR_OK);
    assert_opens(&again, STR("c"), record, STR("secret"));
    keyring_release(&again);
    assert_refused(&again, STR("c"), record);
    keyring_release(&made);
    keyring_release(&read);
}

/* A rotation: both open while it goes on, and the current one seals. */
static void test_several_keys(void **state)
{
    struct keyring k = {0}, read = {0};
    assert_int_equal(keyring_create(&k, path, &error), ERR_OK);
    uint32_t old = keyring_current(&k), ids[KEYRING_MAX];
    struct str by_old = seal(&k, STR("c"), STR("old"), &arena);
    uint32_t new = keyring_add_new(&k);
    assert_int_not_equal(new, old);
    assert_int_equal(seal_key_id(seal(&k, STR("c"), STR("x"), &arena)), old);
    assert_int_equal(keyring_save(&k, (uint32_t[]){new, old}, 2, path, &error), ERR_OK);
    assert_int_equal(keyring_load(&read, path, &error), ERR_OK);
    assert_int_equal(keyring_ids(&read, ids), 2);
    assert_int_equal(ids[0], new);
    assert_int_equal(ids[1], old);
    keyring_use(&k, new);
    struct str by_new = seal(&k, STR("c"), STR("new"), &arena);
    assert_int_equal(seal_key_id(by_new), new);
    assert_opens(&read, STR("c"), by_old, STR("old"));
    assert_opens(&read, STR("c"), by_new, STR("new"));
    keyring_drop(&k, new); /* the current one stays */
    keyring_drop(&k, old);
    assert_int_equal(keyring_ids(&k, ids), 1);
    assert_refused(&k, STR("c"), by_old);
    assert_opens(&k, STR("c"), by_new, STR("new"));
    keyring_add_all(&k, &read);
    assert_int_equal(keyring_current(&k), new);
    assert_opens(&k, STR("c"), by_old, STR("old"));
    keyring_release(&k);
    keyring_release(&read);
}

static void test_a_full_ring(void **state)
{
    struct keyring k = {0};
    uint32_t all[2 * KEYRING_MAX], ids[KEYRING_MAX];
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        all[i] = keyring_add_new(&k);
    assert_int_equal(keyring_ids(&k, ids), KEYRING_MAX);
    assert_int_equal(ids[0], all[0]); /* it is the current one */
    assert_int_equal(ids[KEYRING_MAX - 1], all[ARRAY_LEN(all) - 1]);
    assert_int_equal(ids[1], all[ARRAY_LEN(all) - KEYRING_MAX + 1]);
    assert_int_equal(keyring_save(&k, ids, KEYRING_MAX, path, &error), ERR_OK);
    struct keyring read = {0};
    assert_int_equal(keyring_load(&read, path, &error), ERR_OK);
    uint32_t again[KEYRING_MAX];
    assert_int_equal(keyring_ids(&read, again), KEYRING_MAX);
    assert_memory_equal(again, ids, sizeof(ids));
    keyring_release(&read);
    keyring_release(&k);
}

static void test_a_key_file_that_cannot_be_replaced(void **state)
{
    struct keyring k = {0};
    char elsewhere[112];
    assert_int_equal(keyring_create(&k, path, &error), ERR_OK);
    uint32_t id = keyring_current(&k);
    snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", folder);
    assert_int_equal(rename(path, elsewhere), 0);
    assert_int_equal(symlink(elsewhere, path), 0);
    assert_int_equal(keyring_save(&k, &id, 1, path, &error), ERR_IO);
    assert_says("not an ordinary file");
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(unlink(elsewhere), 0);
    keyring_release(&k);
}

/* Threads seal and open while another one rotates: each record opens, now and later. */
struct sealer {
    const struct keyring *keyring;
    pthread_t thread;
    bool failed;
};

static void *seal_and_open(void *arg)
{
    struct sealer *s = arg;
    struct arena own;
    arena_init(&own, MIB);
    for (int i = 0; i < 2000 && !s->failed; i++) {
        _cleanup_(secret_release)
        struct secret got = {0};
        struct str record = seal(s->keyring, STR("c"), STR("text"), &own);
        s->failed = seal_open(s->keyring, STR("c"), record, &got) != ERR_OK;
        arena_clear(&own);
    }
    arena_release(&own);
    return NULL;
}

static void test_threads(void **state)
{
    struct keyring k = {0};
    keyring_add(&k, 7, (const unsigned char[SEAL_KEY_LEN]){7});
    struct sealer sealers[3];
    for (size_t i = 0; i < ARRAY_LEN(sealers); i++) {
        sealers[i] = (struct sealer){.keyring = &k};
        assert_int_equal(pthread_create(&sealers[i].thread, NULL, seal_and_open, &sealers[i]), 0);
    }
    uint32_t last = 7;
    for (int i = 0; i < 2; i++) {
        last = keyring_add_new(&k);
        keyring_use(&k, last);
    }
    for (size_t i = 0; i < ARRAY_LEN(sealers); i++) {
        pthread_join(sealers[i].thread, NULL);
        assert_false(sealers[i].failed);
    }
    assert_int_equal(keyring_current(&k), last);
    keyring_release(&k);
}

static void test_modes(void **state)
{
    struct keyring k = {0};
    assert_int_equal(keyring_create(&k, path, &error), ERR_OK);
    keyring_release(&k);
    static const mode_t refused[] = {0640, 0604, 0620, 0602, 0610, 0601, 0644, 0666};
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        assert_int_equal(chmod(path, refused[i]), 0);
        assert_int_equal(keyring_load(&k, path, &error), ERR_IO);
        assert_says("chmod 600 ");
        assert_says(path);
        assert_int_equal(keyring_current(&k), 0);
    }
    assert_int_equal(chmod(path, 0400), 0);
    assert_int_equal(keyring_load(&k, path, &error), ERR_OK);
    keyring_release(&k);
}

static void test_missing(void **state)
{
    struct keyring k = {0};
    assert_int_equal(keyring_load(&k, path, &error), ERR_NOT_FOUND);
    assert_says(path);
    assert_says("restore it from your backup");
    assert_int_equal(keyring_load(&k, folder, &error), ERR_IO);
    assert_says("not an ordinary file");
}

#define KEY64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static enum err load_text(struct str text, struct keyring *k)
{
    unlink(path);
    assert_int_equal(file_create(path, text, 0600, &error), ERR_OK);
    return keyring_load(k, path, &error);
}

static void test_malformed(void **state)
{
    static const struct str texts[] = {
        STR_INIT(""),
        STR_INIT("\n"),
        STR_INIT("hudhud-key-v1 0000000a\n"),
        STR_INIT("hudhud-key-v2 0000000a " KEY64 "\n"),
        STR_INIT("hudhud-key-v1 0000000A " KEY64 "\n"),
        STR_INIT("hudhud-key-v1 0000000a-" KEY64 "\n"),
        STR_INIT("hudhud-key-v1 0000000a " KEY64 "\n\n"),
        STR_INIT("hudhud-key-v1 0000000a " KEY64 " "),
        STR_INIT("hudhud-key-v1 0000000a " KEY64 "\nmore"),
        STR_INIT(" hudhud-key-v1 0000000a " KEY64),
        STR_INIT("hudhud-key-v1  000000a " KEY64),
        STR_INIT(KEY64 KEY64 KEY64 KEY64 KEY64 KEY64),
    };
    struct keyring k = {0};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_int_equal(load_text(texts[i], &k), ERR_PARSE);
        assert_says("is not a sealing key");
        assert_null(memmem(error.message.ptr, error.message.len, "0011", 4));
        assert_int_equal(keyring_current(&k), 0);
    }
    assert_int_equal(load_text(STR("hudhud-key-v1 0000000a " KEY64 "\n"), &k), ERR_OK);
    unsigned char key[SEAL_KEY_LEN];
    assert_int_equal(keyring_current(&k), 10);
    assert_true(keyring_get(&k, 10, key));
    assert_int_equal(key[1], 0x11);
    assert_int_equal(load_text(STR("hudhud-key-v1 0000000a " KEY64), &k), ERR_OK);
    assert_int_equal(
        load_text(STR("hudhud-key-v1 0000000b " KEY64 "\nhudhud-key-v1 0000000a " KEY64), &k),
        ERR_OK);
    assert_int_equal(keyring_current(&k), 11);
    assert_true(keyring_get(&k, 10, key));
    keyring_release(&k);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_round_trip),    TEST(test_the_same_text_twice_differs),
        TEST(test_another_place), TEST(test_every_bit_and_every_length),
        TEST(test_another_key),   TEST(test_known_record),
        TEST(test_full_arena),    TEST(test_key_file),
        TEST(test_modes),         TEST(test_missing),
        TEST(test_malformed),     TEST(test_several_keys),
        TEST(test_a_full_ring),   TEST(test_a_key_file_that_cannot_be_replaced),
        TEST(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
