/* Group commit, completions, savepoints, readers' snapshots. */
#include "unit/store/fixture.h"

#include <semaphore.h>

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

/* Holds the writer inside a batch: what is submitted meanwhile joins this batch. */
struct gate {
    struct store_write write;
    sem_t entered, go;
    struct queue back;
};

static enum err gate_apply(struct store_write *w, struct tx *tx)
{
    struct gate *g = CONTAINER_OF(w, struct gate, write);
    sem_post(&g->entered);
    sem_wait(&g->go);
    return ERR_OK;
}

static void gate_enter(struct gate *g, struct store *s)
{
    sem_init(&g->entered, 0, 0);
    sem_init(&g->go, 0, 0);
    queue_init(&g->back, NULL, NULL);
    g->write = (struct store_write){.apply = gate_apply, .reply_to = &g->back};
    assert_int_equal(store_submit(s, &g->write), ERR_OK);
    sem_wait(&g->entered);
}

static void gate_leave(struct gate *g)
{
    sem_post(&g->go);
}

static void gate_release(struct gate *g)
{
    sem_destroy(&g->entered);
    sem_destroy(&g->go);
    queue_release(&g->back);
}

static void wait_for(struct queue *q, size_t n)
{
    struct list got;
    list_init(&got);
    while (n > 0 && queue_wait(q, &got)) {
        while (list_take(&got))
            n--;
    }
    assert_int_equal(n, 0);
}

static int64_t count_settings(struct store *s)
{
    struct store_reader *r;
    struct tx *tx;
    struct arena arena;
    struct error error;
    int64_t count = -1;
    arena_init(&arena, KIB);
    error_init(&error, &arena);
    assert_int_equal(store_reader_open(s, &r, &error), ERR_OK);
    assert_int_equal(store_read_begin(r, &tx), ERR_OK);
    assert_int_equal(tx_i64(tx, "SELECT count(*) FROM settings", NO_PARAMS, &count), ERR_OK);
    store_reader_close(r);
    arena_release(&arena);
    return count;
}

static void test_a_write_is_there_after_its_reply(void **state)
{
    struct fixture *f = *state;
    struct store_reader *r;
    struct tx *tx;
    char value[32], name[32];
    assert_int_equal(store_reader_open(f->store, &r, &f->error), ERR_OK);
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        assert_int_equal(put_now(f->store, name, name), ERR_OK);
        assert_int_equal(store_read_begin(r, &tx), ERR_OK);
        assert_string_equal(get_setting(tx, name, value, sizeof(value)).ptr, name);
    }
    store_reader_close(r);
    fixture_close(f);
    assert_int_equal(raw_i64(f->path, "SELECT count(*) FROM settings"), 200);
}

static void test_one_batch_is_one_commit_and_a_failure_is_its_own(void **state)
{
    struct fixture *f = *state;
    struct put puts[10];
    char names[10][16];
    struct queue back;
    struct gate gate;
    queue_init(&back, NULL, NULL);
    uint64_t generation = store_generation(f->store);
    gate_enter(&gate, f->store);
    for (int i = 0; i < 10; i++) {
        snprintf(names[i], sizeof(names[i]), "n%d", i);
        puts[i] = (struct put){.write = {.apply = put_apply, .reply_to = &back},
                               .name = str_from(names[i]),
                               .value = STR("v"),
                               .then = i % 3 == 0 ? ERR_NOT_FOUND : ERR_OK};
        assert_int_equal(store_submit(f->store, &puts[i].write), ERR_OK);
    }
    gate_leave(&gate);
    wait_for(&back, 10);
    for (int i = 0; i < 10; i++)
        assert_int_equal(puts[i].write.err, i % 3 == 0 ? ERR_NOT_FOUND : ERR_OK);
    assert_int_equal(count_settings(f->store), 6);
    assert_int_equal(store_generation(f->store), generation + 1);
    assert_int_equal(store_stats(f->store).commits, 1);
    assert_int_equal(store_stats(f->store).batches.buckets[3], 1); /* 5 to 8 in one commit */
    assert_int_equal(store_stats(f->store).batches.sum, 7);
    assert_true(store_stats(f->store).times.sum > 0);
    assert_true(store_stats(f->store).committed_us > 0);
    assert_false(store_stats(f->store).failing);
    assert_int_equal(store_stats(f->store).waiting, 0);
    assert_int_equal(store_stats(f->store).writes, 7); /* with the gate */
    gate_release(&gate);
    queue_release(&back);
}

/* The bytes of the database and of its WAL. */
static int64_t disk_size(const struct fixture *f)
{
    char wal[128];
    struct stat st;
    int64_t size = 0;
    snprintf(wal, sizeof(wal), "%s-wal", f->path);
    if (stat(f->path, &st) == 0)
        size += st.st_size;
    if (stat(wal, &st) == 0)
        size += st.st_size;
    return size;
}

static enum err read_only_apply(struct store_write *w, struct tx *tx)
{
    int64_t count;
    return tx_i64(tx, "SELECT count(*) FROM settings", NO_PARAMS, &count);
}

static void test_nothing_changed_is_nothing_written(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put_now(f->store, "a", "1"), ERR_OK);
    uint64_t generation = store_generation(f->store);
    int64_t size = disk_size(f);
    struct store_write reads = {.apply = read_only_apply};
    assert_int_equal(store_write_now(f->store, &reads), ERR_OK);
    struct put fails = {
        .write.apply = put_apply, .name = STR("b"), .value = STR("2"), .then = ERR_CONFLICT};
    assert_int_equal(store_write_now(f->store, &fails.write), ERR_CONFLICT);
    assert_int_equal(store_generation(f->store), generation);
    assert_int_equal(disk_size(f), size);
    assert_int_equal(put_now(f->store, "a", "2"), ERR_OK); /* the test can see a write */
    assert_true(disk_size(f) > size);
    assert_int_equal(store_generation(f->store), generation + 1);
}

static enum err put_reason(struct store_write *w, struct tx *tx)
{
    struct put *put = CONTAINER_OF(w, struct put, write);
    enum err err =
        tx_exec(tx, "INSERT INTO settings (name, value) VALUES ('why', $1)",
                PARAMS(p_text(w->err == ERR_CONFLICT ? STR("conflict") : STR("other"))), NULL);
    return err ? err : str_eq(put->value, STR("refuse")) ? w->err : ERR_OK;
}

static void test_what_is_written_otherwise(void **state)
{
    struct fixture *f = *state;
    struct put puts[] = {
        {.name = STR("done"), .value = STR("1")},
        {.name = STR("undone"), .value = STR("refuse"), .then = ERR_CONFLICT},
        {.name = STR("undone"), .value = STR("keep"), .then = ERR_CONFLICT},
    };
    struct queue back;
    queue_init(&back, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(puts); i++) {
        puts[i].write =
            (struct store_write){.apply = put_apply, .otherwise = put_reason, .reply_to = &back};
        assert_int_equal(store_submit(f->store, &puts[i].write), ERR_OK);
    }
    wait_for(&back, ARRAY_LEN(puts));
    assert_int_equal(puts[0].write.err, ERR_OK);
    assert_int_equal(puts[1].write.err, ERR_CONFLICT);
    assert_int_equal(puts[2].write.err, ERR_OK);
    assert_int_equal(raw_i64(f->path, "SELECT count(*) FROM settings"), 2);
    assert_int_equal(raw_i64(f->path,
                             "SELECT count(*) FROM settings "
                             "WHERE name = 'done' OR value = 'conflict'"),
                     2);
    queue_release(&back);
}

static void test_a_reader_keeps_its_snapshot(void **state)
{
    struct fixture *f = *state;
    struct store_reader *r;
    struct tx *tx, *again;
    char value[8];
    assert_int_equal(put_now(f->store, "a", "1"), ERR_OK);
    assert_int_equal(store_reader_open(f->store, &r, &f->error), ERR_OK);
    assert_int_equal(store_read_begin(r, &tx), ERR_OK);
    assert_string_equal(get_setting(tx, "a", value, sizeof(value)).ptr, "1");
    assert_int_equal(put_now(f->store, "a", "2"), ERR_OK);
    assert_string_equal(get_setting(tx, "a", value, sizeof(value)).ptr, "1");
    assert_int_equal(store_read_begin(r, &again), ERR_OK);
    assert_string_equal(get_setting(again, "a", value, sizeof(value)).ptr, "2");
    store_read_end(r);
    store_read_end(r);
    store_reader_close(r);
}

static enum err announcing_apply(struct store_write *w, struct tx *tx)
{
    tx_announce(tx);
    return put_apply(w, tx);
}

static void count_told(void *arg)
{
    atomic_fetch_add((_Atomic int *)arg, 1);
}

static void test_all_who_listen_are_told(void **state)
{
    struct fixture *f = *state;
    _Atomic int told[3] = {0};
    struct store_listener l[3] = {{.announced = count_told, .arg = &told[0]},
                                  {.announced = count_told, .arg = &told[1]},
                                  {.announced = count_told, .arg = &told[2]}};
    struct put put = {
        .write.apply = announcing_apply, .name = STR("a"), .value = STR("1"), .then = ERR_OK};
    store_unlisten(f->store, &l[2]); /* it never did */
    for (size_t i = 0; i < 2; i++)
        store_listen(f->store, &l[i]);
    assert_int_equal(put_now(f->store, "a", "0"), ERR_OK);
    assert_int_equal(told[0], 0); /* nothing was announced */
    assert_int_equal(store_write_now(f->store, &put.write), ERR_OK);
    store_unlisten(f->store, &l[0]);
    store_unlisten(f->store, &l[0]);
    put.value = STR("2");
    assert_int_equal(store_write_now(f->store, &put.write), ERR_OK);
    store_unlisten(f->store, &l[1]);
    assert_int_equal(told[0], 1);
    assert_int_equal(told[1], 2);
    assert_int_equal(told[2], 0);
}

static void test_a_full_queue_refuses(void **state)
{
    struct fixture *f = *state;
    struct put *puts = xcalloc(STORE_QUEUE_MAX + 1, sizeof(*puts));
    struct queue back;
    struct gate gate;
    queue_init(&back, NULL, NULL);
    gate_enter(&gate, f->store);
    for (int i = 0; i <= STORE_QUEUE_MAX; i++) {
        puts[i] = (struct put){.write = {.apply = read_only_apply, .reply_to = &back}};
        assert_int_equal(store_submit(f->store, &puts[i].write),
                         i < STORE_QUEUE_MAX ? ERR_OK : ERR_UNAVAILABLE);
    }
    gate_leave(&gate);
    wait_for(&back, STORE_QUEUE_MAX);
    assert_int_equal(put_now(f->store, "a", "1"), ERR_OK);
    gate_release(&gate);
    queue_release(&back);
    free(puts);
}

static void test_closing_runs_what_waits_and_a_closed_reply_queue_is_left_alone(void **state)
{
    struct fixture *f = *state;
    struct put puts[300];
    char names[300][16];
    struct queue back;
    struct gate gate;
    queue_init(&back, NULL, NULL);
    gate_enter(&gate, f->store);
    for (int i = 0; i < 300; i++) {
        snprintf(names[i], sizeof(names[i]), "n%d", i);
        puts[i] = (struct put){.write = {.apply = put_apply, .reply_to = &back},
                               .name = str_from(names[i]),
                               .value = STR("v")};
        assert_int_equal(store_submit(f->store, &puts[i].write), ERR_OK);
    }
    queue_close(&back);
    gate_leave(&gate);
    fixture_close(f);
    assert_int_equal(raw_i64(f->path, "SELECT count(*) FROM settings"), 300);
    gate_release(&gate);
    queue_release(&back);
}

/* Two readers that take turns: at every instant one of them holds a snapshot. */
struct overlap {
    struct store_reader *readers[2];
    _Atomic bool stop;
};

static void *overlap_main(void *arg)
{
    struct overlap *o = arg;
    struct tx *tx;
    char out[8];
    for (int i = 0; !o->stop; i++) {
        if (store_read_begin(o->readers[i % 2], &tx))
            break;
        get_setting(tx, "a", out, sizeof(out));
        store_read_end(o->readers[(i + 1) % 2]);
    }
    store_read_end(o->readers[0]);
    store_read_end(o->readers[1]);
    return NULL;
}

static void test_the_log_does_not_grow_without_bound(void **state)
{
    struct fixture *f = *state;
    struct overlap overlap = {.stop = false};
    pthread_t thread;
    char wal[128], value[65536] = "";
    struct stat st;
    snprintf(wal, sizeof(wal), "%s-wal", f->path);
    for (int i = 0; i < 2; i++)
        assert_int_equal(store_reader_open(f->store, &overlap.readers[i], &f->error), ERR_OK);
    assert_int_equal(pthread_create(&thread, NULL, overlap_main, &overlap), 0);
    for (int i = 0; i < 1500; i++) { /* 17 pages each: three times STORE_WAL_PAGES_MAX */
        memset(value, 'a' + i % 26, sizeof(value) - 1);
        assert_int_equal(put_now(f->store, "a", value), ERR_OK);
    }
    overlap.stop = true;
    pthread_join(thread, NULL);
    assert_int_equal(stat(wal, &st), 0);
    /* A reader that the machine holds up for longer than STORE_BUSY_MS costs one try, and a
     * thousand pages; without any wait the log would have all 25,500 by now. */
    assert_true(st.st_size < 2 * STORE_WAL_PAGES_MAX * 4120LL);
    assert_true(store_stats(f->store).checkpoints > 0);
    for (int i = 0; i < 2; i++)
        store_reader_close(overlap.readers[i]);
    fixture_close(f);
    assert_int_not_equal(stat(wal, &st), 0); /* gone: nothing left to recover */
}

static enum err careless_apply(struct store_write *w, struct tx *tx)
{
    static struct rows rows; /* never closed */
    static const char sql[] = "SELECT name FROM settings";
    enum err err = put_apply(w, tx);
    if (!err)
        err = tx_query(tx, sql, NO_PARAMS, &rows);
    (void)rows_next(&rows);
    return err;
}

static void test_rows_left_open_fail_the_write(void **state)
{
    struct fixture *f = *state;
    struct put put = {.write.apply = careless_apply, .name = STR("a"), .value = STR("1")};
    assert_int_equal(store_write_now(f->store, &put.write), ERR_INTERNAL);
    assert_int_equal(count_settings(f->store), 0);
    assert_int_equal(store_write_now(f->store, &put.write), ERR_INTERNAL);
    assert_int_equal(put_now(f->store, "a", "1"), ERR_OK);
}

/* --- a model beside the store ------------------------------------------------------------- */

#define MODEL_KEYS  40
#define MODEL_BATCH 32

/* Random puts, some of which fail after their statement, some before, in random batches: after each
 * batch the store holds what a plain array holds. */
static void test_the_store_agrees_with_a_model(void **state)
{
    struct fixture *f = *state;
    int model[MODEL_KEYS] = {0};
    struct put puts[MODEL_BATCH];
    char names[MODEL_BATCH][16], values[MODEL_BATCH][16], value[16];
    struct queue back;
    struct store_reader *r;
    struct tx *tx;
    unsigned seed = 20240115;
    queue_init(&back, NULL, NULL);
    assert_int_equal(store_reader_open(f->store, &r, &f->error), ERR_OK);
    for (int round = 0, version = 1; round < 150; round++) {
        size_t n = 1 + (size_t)rand_r(&seed) % MODEL_BATCH;
        for (size_t i = 0; i < n; i++, version++) {
            int key = rand_r(&seed) % MODEL_KEYS;
            bool fails = rand_r(&seed) % 4 == 0;
            snprintf(names[i], sizeof(names[i]), "k%d", key);
            snprintf(values[i], sizeof(values[i]), "%d", version);
            puts[i] = (struct put){.write = {.apply = put_apply, .reply_to = &back},
                                   .name = str_from(names[i]),
                                   .value = str_from(values[i]),
                                   .then = fails ? ERR_CONFLICT : ERR_OK};
            if (!fails)
                model[key] = version;
            assert_int_equal(store_submit(f->store, &puts[i].write), ERR_OK);
        }
        wait_for(&back, n);
        assert_int_equal(store_read_begin(r, &tx), ERR_OK);
        for (int key = 0; key < MODEL_KEYS; key++) {
            char name[16], expected[16] = "";
            snprintf(name, sizeof(name), "k%d", key);
            if (model[key])
                snprintf(expected, sizeof(expected), "%d", model[key]);
            assert_string_equal(get_setting(tx, name, value, sizeof(value)).ptr, expected);
        }
        store_read_end(r);
    }
    store_reader_close(r);
    queue_release(&back);
    assert_sound(f->path);
}

/* --- many threads ------------------------------------------------------------------------- */

#define THREADS     8
#define WRITES_EACH 100

struct worker {
    struct store *store;
    int number;
    int bad; /* cmocka's asserts are for the main thread only */
};

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct store_reader *r;
    struct tx *tx;
    struct arena arena;
    struct error error;
    char name[24], value[24];
    arena_init(&arena, KIB);
    error_init(&error, &arena);
    if (store_reader_open(w->store, &r, &error)) {
        w->bad++;
        return NULL;
    }
    for (int i = 0; i < WRITES_EACH; i++) {
        snprintf(name, sizeof(name), "t%d-%d", w->number, i);
        w->bad += put_now(w->store, name, name) != ERR_OK;
        w->bad += store_read_begin(r, &tx) != ERR_OK;
        w->bad += strcmp(get_setting(tx, name, value, sizeof(value)).ptr, name) != 0;
        if (i % 3 == 0)
            store_read_end(r);
    }
    store_reader_close(r);
    arena_release(&arena);
    return NULL;
}

static void test_eight_threads_write_and_read_their_own_writes(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[THREADS];
    struct worker workers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.store = f->store, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, worker_main, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].bad, 0);
    }
    struct store_stats stats = store_stats(f->store);
    assert_int_equal(stats.writes, THREADS * WRITES_EACH);
    assert_int_equal(stats.commits, store_generation(f->store));
    assert_int_equal(count_settings(f->store), THREADS * WRITES_EACH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_write_is_there_after_its_reply),
        TEST(test_one_batch_is_one_commit_and_a_failure_is_its_own),
        TEST(test_nothing_changed_is_nothing_written),
        TEST(test_what_is_written_otherwise),
        TEST(test_a_reader_keeps_its_snapshot),
        TEST(test_all_who_listen_are_told),
        TEST(test_a_full_queue_refuses),
        TEST(test_closing_runs_what_waits_and_a_closed_reply_queue_is_left_alone),
        TEST(test_the_log_does_not_grow_without_bound),
        TEST(test_rows_left_open_fail_the_write),
        TEST(test_the_store_agrees_with_a_model),
        TEST(test_eight_threads_write_and_read_their_own_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
