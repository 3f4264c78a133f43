/* How fast the store is, in a folder or in an empty database of a PostgreSQL: durable writes with
 * many callers waiting, the latency of one alone, and the reads of a hot path. Prints, judges
 * nothing. Ends after about three seconds.
 *
 * The callers are those of an event loop: one thread, each caller submits its next write when its
 * last came back. Every write has its own savepoint and completion. */
#include "base/clock.h"
#include "base/log.h"
#include "store/store.h"

#include <unistd.h>

#define CALLERS  64
#define PHASE_US 1000000

struct caller {
    struct store_write write;
    int64_t id;
    int64_t submitted_us;
};

static enum err apply(struct store_write *w, struct tx *tx)
{
    struct caller *c = CONTAINER_OF(w, struct caller, write);
    char domain[32];
    int len = snprintf(domain, sizeof(domain), "d%lld", (long long)c->id);
    return tx_exec(
        tx,
        "INSERT INTO workspaces (id, domain, name, created_at, updated_at) "
        "VALUES ($1, $2, 'Benchmark', $3, $3)",
        PARAMS(p_i64(c->id), p_text(str_make(domain, (size_t)len)), p_i64(clock_now_ms())), NULL);
}

static void check(enum err err)
{
    if (err)
        die(err_code(err));
}

static void submit(struct store *s, struct caller *c, int64_t *next_id)
{
    c->id = ++*next_id;
    c->submitted_us = clock_monotonic_us();
    check(store_submit(s, &c->write));
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* `n` callers for one phase. */
static void bench_writes(struct store *s, size_t n, int64_t *next_id)
{
    static int64_t latencies[1000000];
    static struct caller callers[CALLERS];
    struct queue replies;
    struct list done;
    size_t count = 0, flying = 0;
    queue_init(&replies, NULL, NULL);
    list_init(&done);
    struct store_stats before = store_stats(s);
    int64_t start = clock_monotonic_us(), now = start;
    for (; flying < n; flying++) {
        callers[flying].write = (struct store_write){.apply = apply, .reply_to = &replies};
        submit(s, &callers[flying], next_id);
    }
    while (flying > 0 && queue_wait(&replies, &done)) {
        struct list *node;
        now = clock_monotonic_us();
        while ((node = list_take(&done))) {
            struct caller *c = CONTAINER_OF(node, struct caller, write.node);
            check(c->write.err);
            latencies[count++ % ARRAY_LEN(latencies)] = now - c->submitted_us;
            if (now - start < PHASE_US)
                submit(s, c, next_id);
            else
                flying--;
        }
    }
    struct store_stats after = store_stats(s);
    queue_release(&replies);
    size_t kept = MIN(count, ARRAY_LEN(latencies));
    qsort(latencies, kept, sizeof(latencies[0]), compare);
    double seconds = (double)(now - start) / 1e6;
    uint64_t commits = after.commits - before.commits;
    printf(
        "%2zu callers: %8.0f durable writes/s, %6.0f commits/s, %5.1f a batch, "
        "latency p50 %lld us, p99 %lld us\n",
        n, (double)count / seconds, (double)commits / seconds, (double)count / (double)commits,
        (long long)latencies[kept / 2], (long long)latencies[kept * 99 / 100]);
}

static void read_one(struct tx *tx, int64_t id)
{
    struct rows rows;
    check(tx_query(tx, "SELECT name FROM workspaces WHERE id = $1", PARAMS(p_i64(id)), &rows));
    while (rows_next(&rows))
        (void)row_text(&rows, 0);
    check(rows_close(&rows));
}

/* `ends`: with a snapshot of its own for each query. */
static void bench_reads(struct store *s, bool ends, int64_t max_id)
{
    struct arena arena;
    struct error error;
    struct store_reader *r;
    arena_init(&arena, KIB);
    error_init(&error, &arena);
    check(store_reader_open(s, &r, &error));
    int64_t start = clock_thread_cpu_us(), now = start, count = 0;
    while (now - start < PHASE_US / 4) {
        for (int i = 0; i < 100; i++, count++) {
            struct tx *tx;
            check(store_read_begin(r, &tx));
            read_one(tx, 1 + count * 7919 % max_id);
            if (ends)
                store_read_end(r);
        }
        now = clock_thread_cpu_us();
    }
    printf("begin + indexed query%s: %.2f us CPU\n", ends ? " + end" : " in an open snapshot",
           (double)(now - start) / (double)count);
    store_reader_close(r);
    arena_release(&arena);
}

static void remove_database(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        char name[4200];
        snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr,
                "usage: store_bench FOLDER|URL\n"
                "Makes store_bench.db in FOLDER and removes it again, or fills the database.\n");
        return 2;
    }
    char path[4096];
    bool file = !store_is_url(str_from(argv[1]));
    snprintf(path, sizeof(path), file ? "%s/store_bench.db" : "%s", argv[1]);
    if (file)
        remove_database(path);
    struct arena arena;
    struct error error;
    struct store *s;
    arena_init(&arena, 16 * KIB);
    error_init(&error, &arena);
    struct store_options options = {.path = path, .create = true};
    if (store_open(&options, &s, &error)) {
        fprintf(stderr, "store_bench: %.*s\n", STR_FMT(error.message));
        arena_release(&arena);
        return 1;
    }
    int64_t next_id = 0;
    bench_writes(s, CALLERS, &next_id);
    bench_writes(s, 1, &next_id);
    bench_reads(s, true, next_id);
    bench_reads(s, false, next_id);
    store_close(s);
    if (file)
        remove_database(path);
    arena_release(&arena);
    return 0;
}
