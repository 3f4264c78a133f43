/* This process among others that share one store: it says that it lives, looks whether they do, and
 * hears what they changed.
 *
 * No clock is compared with another machine's: a replica counts its own heartbeats, and who sees
 * the count stand still for STORE_DEAD_MS on his own clock removes its row. What referred to the
 * row (leases) is free from then on. A replica whose heartbeats do not get through stops to use its
 * leases long before that (STORE_DOUBT_MS). */
#include "base/clock.h"
#include "base/log.h"
#include "store/internal.h"
#include "store/transfer.h"

#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct neighbour {
    struct list node;
    int64_t id, beat;
    int64_t seen_us; /* monotonic; when its count last moved */
    bool listed;     /* in the look that goes on */
};

/* --- transactions -------------------------------------------------------------------------- */

typedef enum err work_fn(struct store *s, struct tx *tx);

/* On the watcher's connection; before its thread runs, and after, on the writer's: a command that
 * ends within a moment makes no other. */
static enum err in_transaction(struct store *s, struct tx *tx, work_fn *work)
{
    bool wrote;
    enum err err = tx_begin_own(tx);
    if (!err)
        err = work(s, tx);
    tx_abandon_rows(tx);
    if (!err)
        err = tx->engine->commit(tx->connection, &wrote);
    if (err)
        tx->engine->rollback(tx->connection);
    return err;
}

/* --- heartbeats --------------------------------------------------------------------------- */

static enum err register_us(struct store *s, struct tx *tx)
{
    struct replica *r = &s->replica;
    int64_t id, n_alive;
    enum err err = tx_i64(
        tx,
        "INSERT INTO replicas (name, holder, beat, batch, started_at) "
        "VALUES ($1, $2, 0, 0, $3) RETURNING id",
        PARAMS(p_text(str_from(r->name)), p_opt(str_from(r->holder)), p_i64(clock_now_ms())), &id);
    if (!err)
        err = tx_i64(tx, "SELECT count(*) FROM replicas", NO_PARAMS, &n_alive);
    if (err)
        return err;
    atomic_store(&r->facts.id, id);
    atomic_store(&r->facts.n_alive,
                 n_alive); /* before the first look: nobody may take us for alone */
    return ERR_OK;
}

/* Whoever was registered under our holder is gone, or we would not have it: nobody has to wait
 * until that one's heartbeats are missed. */
static enum err register_first(struct store *s, struct tx *tx)
{
    enum err err = tx_exec(tx, "DELETE FROM replicas WHERE holder = $1",
                           PARAMS(p_text(str_from(s->replica.holder))), NULL);
    return err ? err : register_us(s, tx);
}

static struct neighbour *find_neighbour(struct replica *r, int64_t id)
{
    list_for_each (node, &r->others) {
        struct neighbour *n = CONTAINER_OF(node, struct neighbour, node);
        if (n->id == id)
            return n;
    }
    struct neighbour *n = xcalloc(1, sizeof(*n));
    *n = (struct neighbour){.id = id, .beat = -1};
    list_add(&r->others, &n->node);
    return n;
}

static void forget_neighbours(struct replica *r, bool all)
{
    list_for_each_safe (node, &r->others) {
        struct neighbour *n = CONTAINER_OF(node, struct neighbour, node);
        if (!all && n->listed)
            continue;
        list_remove(&n->node);
        free(n);
    }
}

static enum err look_at_neighbours(struct replica *r, struct tx *tx, int64_t now_us)
{
    struct rows rows;
    enum err err = tx_query(tx, "SELECT id, beat FROM replicas WHERE id <> $1",
                            PARAMS(p_i64(atomic_load(&r->facts.id))), &rows);
    if (err)
        return err;
    list_for_each (node, &r->others)
        CONTAINER_OF(node, struct neighbour, node)->listed = false;
    while (rows_next(&rows)) {
        struct neighbour *n = find_neighbour(r, row_i64(&rows, 0));
        n->listed = true;
        if (n->beat == row_i64(&rows, 1))
            continue;
        n->beat = row_i64(&rows, 1);
        n->seen_us = now_us;
    }
    err = rows_close(&rows);
    if (!err)
        forget_neighbours(r, false);
    return err;
}

/* Only with the count that we saw stand still: it may be back just now. */
static enum err remove_dead(struct store *s, struct tx *tx)
{
    struct replica *r = &s->replica;
    int64_t now_us = clock_monotonic_us();
    enum err err = ERR_OK;
    list_for_each (node, &r->others) {
        const struct neighbour *n = CONTAINER_OF(node, struct neighbour, node);
        if (err || now_us - n->seen_us < STORE_DEAD_MS * INT64_C(1000))
            continue;
        int64_t removed = 0;
        err = tx_exec(tx, "DELETE FROM replicas WHERE id = $1 AND beat = $2",
                      PARAMS(p_i64(n->id), p_i64(n->beat)), &removed);
        if (!err && removed)
            log_event(LOG_WARN, "replica_lost", LOG_INT("replica", n->id),
                      LOG_CSTR("effect", "what it held is taken over"));
    }
    return err;
}

static enum err beat(struct store *s, struct tx *tx)
{
    struct replica *r = &s->replica;
    int64_t now = clock_monotonic_us(), there = 0;
    enum err err = tx_exec(tx, "UPDATE replicas SET beat = beat + 1 WHERE id = $1",
                           PARAMS(p_i64(atomic_load(&r->facts.id))), &there);
    if (!err && !there) {
        log_event(
            LOG_WARN, "replica_was_taken_for_dead",
            LOG_CSTR("effect", "what it held is another's now; it goes on under a new number"));
        err = register_us(s, tx);
    }
    return err ? err : look_at_neighbours(r, tx, now);
}

static bool has_dead(const struct replica *r)
{
    int64_t now = clock_monotonic_us();
    list_for_each (node, &r->others)
        if (now - CONTAINER_OF(node, struct neighbour, node)->seen_us >=
            STORE_DEAD_MS * INT64_C(1000))
            return true;
    return false;
}

/* Two transactions: the rows of accounts that a removal frees may be another's who waits for ours.
 */
static void beat_and_bury(struct store *s)
{
    struct replica *r = &s->replica;
    if (in_transaction(s, &r->tx, beat) != ERR_OK)
        return; /* the engine said why */
    atomic_store(&r->beat_us, clock_monotonic_us());
    if (has_dead(r) && in_transaction(s, &r->tx, remove_dead) != ERR_OK)
        log_event(LOG_WARN, "replica_not_removed", LOG_CSTR("effect", "it is tried again"));
}

/* --- news --------------------------------------------------------------------------------- */

static void tell(struct store *s, struct store_reader *reader, int64_t directory)
{
    struct replica *r = &s->replica;
    pthread_mutex_lock(&r->mutex);
    if (r->watch && r->directory != directory &&
        r->watch->directory_changed(r->watch->arg, reader) == ERR_OK)
        r->directory = directory;
    pthread_mutex_unlock(&r->mutex);
}

static enum err read_state(struct store *s, struct tx *tx)
{
    struct replica_state *state = &s->replica.state;
    struct rows rows;
    enum err err = tx_query(tx,
                            "SELECT generation, directory, (SELECT count(*) FROM replicas) "
                            "FROM store_state WHERE id = 1",
                            NO_PARAMS, &rows);
    if (err)
        return err;
    if (rows_next(&rows))
        *state = (struct replica_state){row_i64(&rows, 0), row_i64(&rows, 1), row_i64(&rows, 2)};
    return rows_close(&rows);
}

/* `reader` connects only when there is something to tell. */
static void look(struct store *s, struct store_reader *reader)
{
    struct replica *r = &s->replica;
    int64_t generation = r->state.generation;
    if (in_transaction(s, &r->tx, read_state) != ERR_OK)
        return; /* the engine said why */
    atomic_store(&r->facts.n_alive, MAX(r->state.n_replicas, INT64_C(1)));
    if (r->state.generation != generation) {
        atomic_fetch_add(&s->generation, 1);
        store_tell_listeners(s);
    }
    tell(s, reader, r->state.directory);
}

enum err replica_directory_changed(struct connection *c)
{
    return transfer_number(c, "UPDATE store_state SET directory = directory + 1 WHERE id = 1", NULL,
                           0, NULL);
}

enum err replica_beats(struct tx *tx, int64_t *ret)
{
    enum err err = tx_begin(tx);
    if (!err)
        err = tx_i64(tx, "SELECT CAST(coalesce(sum(beat + id), 0) AS bigint) FROM replicas",
                     NO_PARAMS, ret);
    tx->engine->rollback(tx->connection);
    return err;
}

/* --- the thread --------------------------------------------------------------------------- */

static bool is_due(const struct replica *r, int64_t tried_us)
{
    return clock_monotonic_us() - tried_us >= STORE_BEAT_MS * INT64_C(1000);
}

static void *watcher_main(void *arg)
{
    struct store *s = arg;
    struct replica *r = &s->replica;
    const struct engine *engine = s->engine;
    struct store_reader *reader;
    struct arena arena;
    struct error error;
    arena_init(&arena, ARENA_BLOCK_SIZE);
    error_init(&error, &arena);
    if (store_reader_open(s, &reader, &error) != ERR_OK)
        die("cannot make a reader");
    int64_t tried_us = 0;
    if (s->options.waits) /* it may be over by then */
        engine->wait_for_news(r->tx.connection, r->wake, STORE_BEAT_MS);
    while (!atomic_load(&r->ends)) {
        if (is_due(r, tried_us)) {
            tried_us = clock_monotonic_us();
            beat_and_bury(s);
        }
        look(s, reader);
        engine->wait_for_news(r->tx.connection, r->wake, STORE_WATCH_MS);
    }
    store_reader_close(reader);
    arena_release(&arena);
    return NULL;
}

static void name_us(struct replica *r)
{
    char host[64] = "";
    if (gethostname(host, sizeof(host) - 1) != 0)
        host[0] = '\0';
    snprintf(r->name, sizeof(r->name), "%s:%ld", host, (long)getpid());
}

enum err replica_start(struct store *s, struct error *error)
{
    struct replica *r = &s->replica;
    struct connection *c;
    enum err err = s->engine->open_watcher(&s->options, &c, error);
    if (err)
        return err;
    tx_init(&r->tx, c);
    list_init(&r->others);
    atomic_store(&r->facts.n_alive, 1);
    if (pthread_mutex_init(&r->mutex, NULL) != 0)
        die("cannot make a mutex");
    r->wake = eventfd(0, EFD_CLOEXEC);
    if (r->wake < 0)
        die("cannot make a wake-up");
    name_us(r);
    snprintf(r->holder, sizeof(r->holder), "%s", s->options.holder ? s->options.holder : "");
    s->options.holder = NULL; /* the caller's */
    s->engine->join(c, &r->facts);
    s->engine->join(s->tx.connection, &r->facts);
    err = in_transaction(s, &s->tx, register_first);
    if (!err)
        err = in_transaction(s, &s->tx, read_state);
    if (err)
        return error_set(error, err, "cannot write to the database: see the log for the cause");
    r->directory = r->state.directory;
    atomic_store(&r->beat_us, clock_monotonic_us());
    err = store_thread_start(&r->thread, watcher_main, s, "store-watch", error);
    r->has_thread = !err;
    return err;
}

static enum err take_leave(struct store *s, struct tx *tx)
{
    return tx_exec(tx, "DELETE FROM replicas WHERE id = $1",
                   PARAMS(p_i64(atomic_load(&s->replica.facts.id))), NULL);
}

void replica_stop(struct store *s)
{
    struct replica *r = &s->replica;
    if (!r->tx.connection)
        return;
    atomic_store(&r->ends, true);
    eventfd_write(r->wake, 1);
    if (r->has_thread)
        pthread_join(r->thread, NULL);
    if (atomic_load(&r->facts.id) && in_transaction(s, &s->tx, take_leave) != ERR_OK)
        log_event(LOG_WARN, "replica_not_signed_off",
                  LOG_CSTR("effect", "the others take over what it held in half a minute"));
    forget_neighbours(r, true);
    tx_release(&r->tx);
    close(r->wake);
    pthread_mutex_destroy(&r->mutex);
}

/* --- any thread --------------------------------------------------------------------------- */

bool store_is_shared(const struct store *s)
{
    return s->engine->shared;
}

int64_t store_replica(const struct store *s)
{
    const struct replica *r = &s->replica;
    if (!s->engine->shared)
        return 0;
    int64_t silent_us = clock_monotonic_us() - atomic_load(&r->beat_us);
    return silent_us < STORE_DOUBT_MS * INT64_C(1000) ? atomic_load(&r->facts.id) : 0;
}

int64_t store_replicas(const struct store *s)
{
    return s->engine->shared ? atomic_load(&s->replica.facts.n_alive) : 1;
}

void store_watch(struct store *s, const struct store_watch *w)
{
    struct replica *r = &s->replica;
    if (!s->engine->shared)
        return;
    pthread_mutex_lock(&r->mutex);
    r->watch = w;
    pthread_mutex_unlock(&r->mutex);
}

void store_unwatch(struct store *s)
{
    if (s->engine->shared && s->replica.tx.connection)
        store_watch(s, NULL);
}
