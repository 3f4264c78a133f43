/* Rotating the key: whole, under writers, with failing disks, cut short, and refused. */
#include "base/clock.h"
#include "unit/model/sealed_world.h"
#include "unit/store/fault_vfs.h"

static enum err rotate(struct world *w, struct rotation *ret)
{
    struct fixture *f = &w->fixture;
    error_init(&f->error, &f->arena);
    return rotation_run(f->store, &w->keyring, w->key_path, ret, &f->error);
}

static size_t keys_in(const char *path, struct error *error)
{
    struct keyring k = {0};
    uint32_t ids[KEYRING_MAX];
    assert_int_equal(keyring_load(&k, path, error), ERR_OK);
    size_t n = keyring_ids(&k, ids);
    keyring_release(&k);
    return n;
}

static void assert_one_key(struct world *w)
{
    struct sealed_counts counts = counts_of(w);
    assert_int_equal(counts.n, 1);
    assert_int_equal(counts.keys[0].key_id, keyring_current(&w->keyring));
    assert_int_equal(counts.unreadable, 0);
    assert_int_equal(keys_in(w->key_path, &w->fixture.error), 1);
}

static void test_a_rotation(void **state)
{
    struct world w;
    struct rotation r;
    world_init(&w);
    uint32_t old = keyring_current(&w.keyring);
    assert_int_equal(rotate(&w, &r), ERR_OK);
    assert_int_equal(r.old_id, old);
    assert_int_equal(r.new_id, keyring_current(&w.keyring));
    assert_int_equal(r.renewed, 4); /* the check, two of the client, one of the account */
    assert_int_equal(r.unreadable, 0);
    assert_false(r.unfinished);
    assert_one_key(&w);
    assert_readable_by_file(&w, 1, 1);
    struct keyring kept = {0};
    assert_int_equal(keyring_load(&kept, arena_cstr(&w.fixture.arena, r.kept), &w.fixture.error),
                     ERR_OK);
    assert_int_equal(keyring_current(&kept), old);
    keyring_release(&kept);
    for (int i = 0; i < 2 * KEYRING_MAX; i++)
        assert_int_equal(rotate(&w, &r), ERR_OK);
    assert_one_key(&w);
    assert_readable_by_file(&w, 1, 1);
    world_release(&w);
}

/* --- under writers ------------------------------------------------------------------------ */

#define WRITERS 3
#define CLIENTS 60

struct writer {
    struct world *world;
    int number;
    pthread_t thread;
    bool failed;
};

static void *write_clients(void *arg)
{
    struct writer *w = arg;
    for (int i = 0; i < CLIENTS; i++) {
        char name[32];
        snprintf(name, sizeof(name), "w%d-%d", w->number, i);
        w->failed = w->failed || add_now(w->world, name, i % 2) != ERR_OK;
    }
    return NULL;
}

static void test_under_writers(void **state)
{
    struct world w;
    struct writer writers[WRITERS];
    struct rotation r;
    world_init(&w);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.world = &w, .number = i};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_clients, &writers[i]), 0);
    }
    for (int i = 0; i < 10; i++)
        assert_int_equal(rotate(&w, &r), ERR_OK);
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        assert_false(writers[i].failed);
    }
    assert_one_key(&w);
    assert_readable_by_file(&w, 1 + WRITERS * CLIENTS / 2, 1 + WRITERS * CLIENTS / 2);
    world_release(&w);
}

/* --- failing disks ------------------------------------------------------------------------ */

static bool rotate_with_fault(enum fault fault, int at, bool lasting)
{
    struct world w;
    struct rotation r;
    world_init(&w);
    uint32_t old = keyring_current(&w.keyring);
    fault_arm(fault, at, lasting);
    enum err e = rotate(&w, &r);
    /* What seals from now on is what the file has, whether the rotation went through or not. */
    bool fired = fault_disarm() > 0;
    assert_true(e == ERR_OK || e == ERR_UNAVAILABLE);
    assert_int_equal(keyring_current(&w.keyring) == old, e != ERR_OK);
    assert_one_key(&w);
    assert_readable_by_file(&w, 1, 1);
    assert_int_equal(add_now(&w, "c1", false), ERR_OK);
    assert_one_key(&w);
    assert_readable_by_file(&w, 2, 1);
    assert_int_equal(rotate(&w, &r), ERR_OK);
    assert_one_key(&w);
    fixture_close(&w.fixture);
    fixture_open(&w.fixture, false);
    assert_readable_by_file(&w, 2, 1);
    world_release(&w);
    return fired;
}

static void test_writes_and_syncs_fail(void **state)
{
    static const struct {
        enum fault fault;
        bool lasting;
    } kinds[] = {{FAULT_WRITE, false}, {FAULT_SYNC, false}, {FAULT_FULL, true}};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        int at = 1;
        while (rotate_with_fault(kinds[i].fault, at, kinds[i].lasting))
            at++;
        assert_true(at > 1);
    }
}

/* --- cut short ---------------------------------------------------------------------------- */

/* As a crash leaves it before the commit, and behind it. */
static void test_the_next_start_ends_it(void **state)
{
    for (int committed = 0; committed < 2; committed++) {
        struct world w;
        world_init(&w);
        struct fixture *f = &w.fixture;
        uint32_t old = keyring_current(&w.keyring), new = keyring_add_new(&w.keyring);
        assert_int_equal(keyring_save(&w.keyring, (uint32_t[]){new, old}, 2, w.key_path, &f->error),
                         ERR_OK);
        if (committed) {
            struct rotation ignored;
            uint32_t ids[KEYRING_MAX];
            size_t n = keyring_ids(&w.keyring, ids);
            assert_int_equal(rotate(&w, &ignored), ERR_OK);
            ids[0] = keyring_current(&w.keyring);
            assert_int_equal(keyring_save(&w.keyring, ids, n, w.key_path, &f->error), ERR_OK);
        }
        keyring_release(&w.keyring);
        assert_int_equal(keyring_load(&w.keyring, w.key_path, &f->error), ERR_OK);
        assert_readable_by_file(&w, 1, 1);
        rotation_finish(f->store, &w.keyring, w.key_path, &f->error);
        assert_one_key(&w);
        assert_readable_by_file(&w, 1, 1);
        world_release(&w);
    }
}

/* --- refused, damaged ---------------------------------------------------------------------- */

static void test_a_key_file_from_elsewhere(void **state)
{
    struct world w;
    struct rotation r;
    char elsewhere[128];
    world_init(&w);
    uint32_t old = keyring_current(&w.keyring);
    snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", w.fixture.folder);
    assert_int_equal(rename(w.key_path, elsewhere), 0);
    assert_int_equal(symlink(elsewhere, w.key_path), 0);
    assert_int_equal(rotate(&w, &r), ERR_CONFLICT);
    struct str says = w.fixture.error.message;
    assert_non_null(memmem(says.ptr, says.len, "nothing was changed", 19));
    assert_non_null(memmem(says.ptr, says.len, "stop the server", 15));
    assert_int_equal(keyring_current(&w.keyring), old);
    assert_one_key(&w);
    world_release(&w);
}

static enum err damage_apply(struct store_write *write, struct tx *tx)
{
    return tx_exec(tx, "UPDATE clients SET previous_secret = $1",
                   PARAMS(p_blob(STR("no record at all"))), NULL);
}

static void test_a_value_that_does_not_open(void **state)
{
    struct world w;
    struct rotation r;
    world_init(&w);
    struct store_write damage = {.apply = damage_apply};
    assert_int_equal(store_write_now(w.fixture.store, &damage), ERR_OK);
    assert_int_equal(rotate(&w, &r), ERR_OK);
    assert_int_equal(r.renewed, 3);
    assert_int_equal(r.unreadable, 1);
    struct sealed_counts counts = counts_of(&w);
    assert_int_equal(counts.values, 4);
    assert_int_equal(counts.unreadable, 1);
    world_release(&w);
}

static enum err many_apply(struct store_write *write, struct tx *tx)
{
    struct add *a = CONTAINER_OF(write, struct add, write);
    enum err e = ERR_OK;
    for (int i = 0; i < 10000 && !e; i++) {
        char name[16];
        snprintf(name, sizeof(name), "m%d", i);
        struct add one = {.world = a->world, .name = name};
        e = add_apply(&one.write, tx);
    }
    return e;
}

/* Its time is printed, not judged: writes wait for it. */
static void test_ten_thousand_clients(void **state)
{
    struct world w;
    struct rotation r;
    world_init(&w);
    struct add many = {.write.apply = many_apply, .world = &w};
    assert_int_equal(store_write_now(w.fixture.store, &many.write), ERR_OK);
    int64_t began = clock_monotonic_us();
    assert_int_equal(rotate(&w, &r), ERR_OK);
    int64_t rotated = clock_monotonic_us();
    assert_int_equal(r.renewed, 20004);
    assert_readable_by_file(&w, 10001, 1);
    print_message("10,000 clients: rotated in %lld ms, read and opened in %lld ms\n",
                  (long long)(rotated - began) / 1000,
                  (long long)(clock_monotonic_us() - rotated) / 1000);
    world_release(&w);
}

int main(void)
{
    fault_vfs_register();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_rotation),
        cmocka_unit_test(test_under_writers),
        cmocka_unit_test(test_writes_and_syncs_fail),
        cmocka_unit_test(test_the_next_start_ends_it),
        cmocka_unit_test(test_a_key_file_from_elsewhere),
        cmocka_unit_test(test_a_value_that_does_not_open),
        cmocka_unit_test(test_ten_thousand_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
