/* Writes and syncs that fail one after another, and a disk that is full for a while. After each:
 * what was acknowledged is there, what was refused is not, the database is sound, and the store
 * works again by itself. The same must hold for a copy of the files, as a crash would leave them.
 */
#include "base/file.h"
#include "unit/store/fault_vfs.h"
#include "unit/store/fixture.h"

#define PUTS       4
#define BIG_SIZE   (950 * 4096) /* brings the WAL close to STORE_CHECKPOINT_PAGES */
#define VALUE_SIZE (20 * 4096)

struct torture {
    struct fixture fixture;
    enum err outcome[PUTS];
    char *value; /* VALUE_SIZE letters */
};

static bool is_there(const char *path, int i)
{
    char sql[96];
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM settings WHERE name = 'n%d'", i);
    return raw_i64(path, sql) == 1;
}

/* Opens the files as they are, through a store, so that it recovers them. */
static void check_files(struct torture *t, const char *path)
{
    struct store_options options = {.path = path};
    struct store *s;
    if (store_open(&options, &s, &t->fixture.error))
        fail_msg("%.*s", STR_FMT(t->fixture.error.message));
    store_close(s);
    for (int i = 0; i < PUTS; i++) {
        if (is_there(path, i) != (t->outcome[i] == ERR_OK))
            fail_msg("put %d: answered %s, but %s there", i, err_code(t->outcome[i]),
                     is_there(path, i) ? "it is" : "it is not");
    }
    assert_int_equal(raw_i64(path, "SELECT length(value) FROM settings WHERE name = 'big'"),
                     BIG_SIZE);
    assert_sound(path);
}

static void copy_file(struct fixture *f, const char *from, const char *to)
{
    _cleanup_(buf_release)
    struct buf content;
    buf_init(&content, 64 * MIB);
    assert_int_equal(file_read(from, &content, &f->error), ERR_OK);
    FILE *file = fopen(to, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(content.ptr, 1, content.len, file), content.len);
    assert_int_equal(fclose(file), 0);
}

/* The database and its WAL at this instant, elsewhere: what a crash would leave. */
static void check_crash(struct torture *t)
{
    char copy[128], wal[128], copy_wal[160];
    snprintf(copy, sizeof(copy), "%s/copy.db", t->fixture.folder);
    snprintf(wal, sizeof(wal), "%s-wal", t->fixture.path);
    snprintf(copy_wal, sizeof(copy_wal), "%s-wal", copy);
    copy_file(&t->fixture, t->fixture.path, copy);
    copy_file(&t->fixture, wal, copy_wal);
    check_files(t, copy);
    remove_database(copy);
}

/* One life of a store in which operation number `at` fails. False when there were fewer. */
static bool live_once(struct torture *t, enum fault fault, int at, bool lasting)
{
    struct fixture *f = &t->fixture;
    fixture_init(f);
    fixture_open(f, true);
    fixture_close(f); /* with an empty WAL, however large the schema is */
    fixture_open(f, false);
    char *big = xmalloc(BIG_SIZE + 1);
    memset(big, 'b', BIG_SIZE);
    big[BIG_SIZE] = '\0';
    assert_int_equal(put_now(f->store, "big", big), ERR_OK);
    free(big);
    fault_arm(fault, at, lasting);
    for (int i = 0; i < PUTS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%d", i);
        t->outcome[i] = put_now(f->store, name, t->value);
        assert_true(t->outcome[i] == ERR_OK || t->outcome[i] == ERR_UNAVAILABLE);
    }
    struct store_stats stats = store_stats(f->store);
    bool fired = fault_disarm() > 0;
    if (fired)
        check_crash(t);
    assert_int_equal(put_now(f->store, "after", "recovered"), ERR_OK);
    int refused = 0;
    for (int i = 0; i < PUTS; i++)
        refused += t->outcome[i] != ERR_OK;
    assert_int_equal(stats.failed_commits, refused);
    fixture_close(f);
    check_files(t, f->path);
    assert_int_equal(raw_i64(f->path, "SELECT count(*) FROM settings WHERE name = 'after'"), 1);
    fixture_release(f);
    return fired;
}

/* All operations at the beginning, then ever wider steps through the checkpoint's many writes. */
static void torture(enum fault fault, bool lasting)
{
    struct torture t = {.value = xmalloc(VALUE_SIZE + 1)};
    memset(t.value, 'v', VALUE_SIZE);
    t.value[VALUE_SIZE] = '\0';
    int lives = 0;
    for (int at = 1; live_once(&t, fault, at, lasting); at += 1 + at / 3)
        lives++;
    assert_true(lives > (fault == FAULT_SYNC ? PUTS : 10));
    free(t.value);
}

static void test_a_write_fails(void **state)
{
    torture(FAULT_WRITE, false);
}

static void test_a_sync_fails(void **state)
{
    torture(FAULT_SYNC, false);
}

static void test_every_sync_fails_for_a_while(void **state)
{
    torture(FAULT_SYNC, true);
}

static void test_the_disk_is_full_for_a_while(void **state)
{
    torture(FAULT_FULL, true);
}

/* With other writes in the batch: an apply meets the full disk and the engine gives the whole
 * transaction up. No statement that runs after that may become a transaction of its own. */
static enum err stubborn_apply(struct store_write *w, struct tx *tx)
{
    enum err first = put_apply(w, tx);
    for (int i = 0; i < 3; i++)
        (void)put_apply(w, tx);
    return first ? ERR_OK : first; /* swallows what happened */
}

static void test_a_transaction_lost_inside_apply(void **state)
{
    struct torture t = {.value = NULL};
    struct fixture *f = &t.fixture;
    fixture_init(f);
    fixture_open(f, true);
    size_t size = 16 * MIB; /* over the page cache: written before the commit */
    char *value = xmalloc(size);
    memset(value, 'v', size);
    struct put put = {
        .write.apply = stubborn_apply, .name = STR("huge"), .value = str_make(value, size)};
    fault_arm(FAULT_FULL, 1, true);
    assert_int_equal(store_write_now(f->store, &put.write), ERR_UNAVAILABLE);
    assert_true(fault_disarm() > 0);
    assert_int_equal(raw_i64(f->path, "SELECT count(*) FROM settings"), 0);
    assert_int_equal(store_write_now(f->store, &put.write), ERR_OK);
    assert_int_equal(raw_i64(f->path, "SELECT count(*) FROM settings"), 1);
    free(value);
    fixture_release(f);
}

int main(void)
{
    fault_vfs_register();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_write_fails),
        cmocka_unit_test(test_a_sync_fails),
        cmocka_unit_test(test_every_sync_fails_for_a_while),
        cmocka_unit_test(test_the_disk_is_full_for_a_while),
        cmocka_unit_test(test_a_transaction_lost_inside_apply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
