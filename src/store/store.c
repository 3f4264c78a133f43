/* The engine-neutral half: the queue of writes, group commit, and readers. */
#include "base/clock.h"
#include "base/log.h"
#include "store/copy.h"
#include "store/internal.h"
#include "store/migrations.h"

#include <signal.h>

/* --- the writer thread -------------------------------------------------------------------- */

static void hand_back(struct store *s, struct store_write *w)
{
    if (w->reply_to != &s->now) {
        /* A closed queue: nobody waits for it any more, and its memory was never ours. */
        bool taken = queue_push(w->reply_to, &w->node);
        (void)taken;
        return;
    }
    pthread_mutex_lock(&s->now_mutex);
    w->reply_to = NULL;
    pthread_cond_broadcast(&s->now_done);
    pthread_mutex_unlock(&s->now_mutex);
}

/* Under a savepoint of its own. The outcome is in w->err; an error here means that the whole
 * transaction is lost. */
static enum err try_one(struct store *s, struct store_write *w,
                        enum err (*apply)(struct store_write *w, struct tx *tx))
{
    const struct engine *engine = s->engine;
    enum err err = engine->savepoint(s->tx.connection);
    if (err)
        return err;
    w->err = apply(w, &s->tx);
    if (!w->err && engine->settle)
        w->err = engine->settle(s->tx.connection, s->careful);
    if (tx_abandon_rows(&s->tx) && !w->err)
        w->err = ERR_INTERNAL;
    if (s->tx.broken)
        return ERR_UNAVAILABLE;
    return w->err ? engine->rollback_to(s->tx.connection) : engine->release(s->tx.connection);
}

static enum err apply_one(struct store *s, struct store_write *w)
{
    enum err err = try_one(s, w, w->apply);
    return !err && w->err && w->otherwise ? try_one(s, w, w->otherwise) : err;
}

static bool is_too_late(const struct store *s, const struct store_write *w, int64_t now_us)
{
    int64_t since = MAX(w->submitted_us, s->alone_us); /* what runs alone may last: no fault */
    return s->engine->shared && store_is_too_late(since, now_us);
}

static struct store_write *first_of(struct list *waiting)
{
    return CONTAINER_OF(waiting->next, struct store_write, node);
}

static enum err apply_in_time(struct store *s, struct store_write *w, size_t *good)
{
    enum err err = ERR_OK;
    w->err = ERR_UNAVAILABLE;
    if (!is_too_late(s, w, clock_monotonic_us()))
        err = apply_one(s, w);
    *good += !err && !w->err;
    return err;
}

/* The next one, unless it may not be with those in the batch. */
static struct store_write *take_write(struct store *s, struct list *waiting, struct list *batch)
{
    if (list_empty(waiting))
        queue_take_all(&s->queue, waiting);
    if (list_empty(waiting) || first_of(waiting)->alone ||
        (first_of(waiting)->single && !list_empty(batch)))
        return NULL;
    struct list *node = list_take(waiting);
    atomic_fetch_sub_explicit(&s->waiting, 1, memory_order_relaxed);
    list_add(batch, node);
    return CONTAINER_OF(node, struct store_write, node);
}

static enum err settle_all(struct store *s)
{
    return s->engine->settle ? s->engine->settle(s->tx.connection, true) : ERR_OK;
}

/* Applies from `waiting` until the batch is full; what was taken is in `batch`, *ret_good of them
 * without an error. What arrives meanwhile joins in. *ret_again: it may be tried once more. */
static enum err apply_batch(struct store *s, struct list *waiting, struct list *batch,
                            size_t *ret_good, bool *ret_again)
{
    enum err err = tx_begin(&s->tx);
    bool begun = !err; /* else all that waits is refused at once */
    int64_t until = clock_monotonic_us() + STORE_BATCH_MS * INT64_C(1000);
    *ret_again = begun;
    for (size_t n = 0; n < s->engine->batch_rows && clock_monotonic_us() < until; n++) {
        struct store_write *w = take_write(s, waiting, batch);
        if (!w)
            break;
        s->careful = w->single;
        *ret_again = *ret_again && !w->single;
        if (begun)
            err = apply_in_time(s, w, ret_good);
        if ((begun && err) || w->single)
            break;
    }
    return err ? err : settle_all(s);
}

static bool any_in_time(const struct store *s, const struct list *batch)
{
    int64_t now = clock_monotonic_us();
    list_for_each (node, batch)
        if (!is_too_late(s, CONTAINER_OF(node, struct store_write, node), now))
            return true;
    return false;
}

/* The whole batch once more, now each write with its own errors: one that was told too late to be
 * its write's, or a session that the server ended, is no other write's fault. `err` is how it
 * ended before, and is left so when nobody would hear of a better end in time. */
static enum err apply_again(struct store *s, struct list *batch, enum err err, size_t *ret_good)
{
    if (!any_in_time(s, batch))
        return err;
    s->engine->rollback(s->tx.connection);
    *ret_good = 0;
    s->careful = true;
    err = tx_begin(&s->tx);
    list_for_each (node, batch)
        if (!err)
            err = apply_in_time(s, CONTAINER_OF(node, struct store_write, node), ret_good);
    return err;
}

static enum err commit(struct store *s, size_t good, bool *ret_wrote)
{
    int64_t begun = clock_monotonic_us();
    enum err err = s->engine->commit(s->tx.connection, ret_wrote);
    int64_t now = clock_monotonic_us();
    if (err || !*ret_wrote)
        return err;
    atomic_store_explicit(&s->committed_us, now, memory_order_relaxed);
    histogram_add(&s->times, &histogram_times, (uint64_t)(now - begun));
    histogram_add(&s->batches, &histogram_sizes, good);
    return ERR_OK;
}

/* Durable when it returns 0. A batch in which nothing succeeded is rolled back rather than
 * committed: pages that were changed and changed back would be written. */
static enum err finish_batch(struct store *s, enum err err, size_t good)
{
    bool wrote = false;
    if (!err && good > 0)
        err = commit(s, good, &wrote);
    if (err || good == 0)
        s->engine->rollback(s->tx.connection);
    if (err) {
        atomic_fetch_add(&s->failed_commits, 1);
        s->failing = true;
        return err;
    }
    if (wrote) {
        atomic_fetch_add(&s->generation, 1);
        atomic_fetch_add(&s->commits, 1);
        if (s->failing)
            log_event(LOG_INFO, "store_recovered");
        s->failing = false;
    }
    atomic_fetch_add(&s->writes, good);
    if (wrote && s->tx.announced)
        store_tell_listeners(s);
    return ERR_OK;
}

static void settle(struct store *s, struct store_write *w)
{
    if (w->settled)
        w->settled(w, w->err);
    hand_back(s, w);
}

static void tidy(struct store *s)
{
    enum checkpoint kind = atomic_load(&s->copies) ? CHECKPOINT_PATIENT : CHECKPOINT_USUAL;
    if (s->engine->checkpoint(s->tx.connection, kind))
        atomic_fetch_add(&s->checkpoints, 1);
}

static void run_batch(struct store *s, struct list *waiting)
{
    struct list batch;
    list_init(&batch);
    size_t good = 0;
    bool again;
    s->tx.announced = false;
    enum err err = apply_batch(s, waiting, &batch, &good, &again);
    if (again && ((err && s->engine->shared) || s->options.rehearses))
        err = apply_again(s, &batch, err, &good);
    err = finish_batch(s, err, good);
    struct list *node;
    while ((node = list_take(&batch))) {
        struct store_write *w = CONTAINER_OF(node, struct store_write, node);
        if (err)
            w->err = err == ERR_IN_DOUBT && !w->err ? err : ERR_UNAVAILABLE;
        settle(s, w);
    }
    tidy(s);
}

/* It commits by itself; what it wrote, it wrote durably. */
static void run_alone(struct store *s, struct store_write *w)
{
    atomic_fetch_sub_explicit(&s->waiting, 1, memory_order_relaxed);
    w->err = w->apply(w, &s->tx);
    s->alone_us = clock_monotonic_us();
    if (!w->err) {
        atomic_fetch_add(&s->generation, 1);
        atomic_fetch_add(&s->commits, 1);
        atomic_fetch_add(&s->writes, 1);
        store_tell_listeners(s); /* it may have changed everything */
    }
    settle(s, w);
    tidy(s);
}

static void *writer_main(void *arg)
{
    struct store *s = arg;
    struct list waiting;
    list_init(&waiting);
    while (!list_empty(&waiting) || queue_wait(&s->queue, &waiting))
        if (first_of(&waiting)->alone)
            run_alone(s, CONTAINER_OF(list_take(&waiting), struct store_write, node));
        else
            run_batch(s, &waiting);
    if (s->engine->checkpoint(s->tx.connection, CHECKPOINT_CLOSING))
        atomic_fetch_add(&s->checkpoints, 1);
    return NULL;
}

enum err store_thread_start(pthread_t *thread, void *(*run)(void *arg), void *arg, const char *name,
                            struct error *error)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(thread, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0)
        return error_set(error, ERR_UNAVAILABLE, "cannot start a thread of the store: %s",
                         strerror(code));
    pthread_setname_np(*thread, name);
    return ERR_OK;
}

/* --- opening and closing ------------------------------------------------------------------ */

const struct engine *store_engine(struct str path)
{
    return store_is_url(path) ? &postgres_engine : &sqlite_engine;
}

static void release(struct store *s)
{
    tx_release(&s->tx);
    queue_release(&s->queue);
    pthread_mutex_destroy(&s->listener_mutex);
    pthread_mutex_destroy(&s->now_mutex);
    pthread_cond_destroy(&s->now_done);
    secret_release(&s->password);
    free((char *)s->options.path);
    free(s);
}

static struct store *make(const struct store_options *options, struct connection *c)
{
    struct store *s = xcalloc(1, sizeof(*s));
    s->engine = c->engine;
    s->options = *options;
    s->options.path = xstrdup(options->path);
    s->options.create = false;
    if (options->password)
        secret_set(&s->password, secret_reveal(options->password));
    s->options.password = &s->password;
    tx_init(&s->tx, c);
    queue_init(&s->queue, NULL, NULL);
    list_init(&s->listeners);
    if (pthread_mutex_init(&s->listener_mutex, NULL) != 0 ||
        pthread_mutex_init(&s->now_mutex, NULL) != 0 || pthread_cond_init(&s->now_done, NULL) != 0)
        die("cannot make the store's locks");
    return s;
}

/* What was started is ended by store_close. */
static enum err start(struct store *s, struct error *error)
{
    enum err err = s->engine->shared ? replica_start(s, error) : ERR_OK;
    if (!err && !store_reads_inline(s))
        err = pool_start(&s->pool, s, error);
    if (!err) {
        err = store_thread_start(&s->thread, writer_main, s, "store", error);
        s->has_thread = !err;
    }
    return err;
}

/* transfer_run.h: not all that belongs together is there. */
static enum err refuse_unfinished(struct store *s, struct str shown, struct error *error)
{
    bool unfinished;
    enum err err = s->engine->has_table(s->tx.connection, "store_copy", &unfinished);
    if (err)
        return error_set(error, err, "cannot look into %.*s: see the log for the cause",
                         STR_FMT(shown));
    if (unfinished)
        return error_set(error, ERR_CONFLICT,
                         "a copy into %.*s was not finished: run the same hudhud store copy again, "
                         "which goes on with it, or take it back with --undo",
                         STR_FMT(shown));
    return ERR_OK;
}

enum err store_open(const struct store_options *options, struct store **ret, struct error *error)
{
    const struct engine *engine = store_engine(str_from(options->path));
    struct connection *c;
    enum err err = engine->open(options, &c, error);
    if (err)
        return err;
    struct store *s = make(options, c);
    struct str shown = store_show(str_from(options->path), error->arena);
    err = refuse_unfinished(s, shown, error);
    if (!err)
        err = migrations_run(&s->tx, migrations, migrations_count, options->create,
                             arena_cstr(error->arena, shown), error);
    if (!err)
        err = start(s, error);
    if (err) {
        store_close(s);
        if (options->create)
            engine->discard(options->path);
        return err;
    }
    *ret = s;
    return ERR_OK;
}

static void free_tx(struct tx *tx)
{
    if (!tx)
        return;
    tx_release(tx);
    free(tx);
}

void store_close(struct store *s)
{
    if (!s)
        return;
    store_unwatch(s);
    queue_close(&s->queue);
    if (s->has_thread)
        pthread_join(s->thread, NULL);
    pool_stop(&s->pool);
    replica_stop(s);
    free_tx(atomic_load(&s->spare));
    release(s);
}

/* --- any thread --------------------------------------------------------------------------- */

enum err store_submit(struct store *s, struct store_write *w)
{
    w->err = ERR_OK;
    w->submitted_us = s->engine->shared ? clock_monotonic_us() : 0;
    size_t before = atomic_fetch_add_explicit(&s->waiting, 1, memory_order_relaxed);
    if (before < STORE_QUEUE_MAX && queue_push(&s->queue, &w->node))
        return ERR_OK;
    atomic_fetch_sub_explicit(&s->waiting, 1, memory_order_relaxed);
    return ERR_UNAVAILABLE;
}

enum err store_write_now(struct store *s, struct store_write *w)
{
    w->reply_to = &s->now;
    enum err err = store_submit(s, w);
    if (err)
        return err;
    pthread_mutex_lock(&s->now_mutex);
    while (w->reply_to)
        pthread_cond_wait(&s->now_done, &s->now_mutex);
    pthread_mutex_unlock(&s->now_mutex);
    return w->err;
}

void store_listen(struct store *s, struct store_listener *l)
{
    pthread_mutex_lock(&s->listener_mutex);
    list_add(&s->listeners, &l->node);
    pthread_mutex_unlock(&s->listener_mutex);
}

void store_unlisten(struct store *s, struct store_listener *l)
{
    pthread_mutex_lock(&s->listener_mutex);
    if (l->node.next)
        list_remove(&l->node);
    pthread_mutex_unlock(&s->listener_mutex);
}

void store_tell_listeners(struct store *s)
{
    pthread_mutex_lock(&s->listener_mutex);
    list_for_each (node, &s->listeners) {
        const struct store_listener *l = CONTAINER_OF(node, struct store_listener, node);
        l->announced(l->arg);
    }
    pthread_mutex_unlock(&s->listener_mutex);
}

bool store_reads_inline(const struct store *s)
{
    return !s->engine->shared || s->options.waits;
}

uint64_t store_generation(const struct store *s)
{
    return atomic_load(&s->generation);
}

const char *store_engine_name(const struct store *s)
{
    return s->engine->name;
}

struct store_stats store_stats(const struct store *s)
{
    struct store_stats stats = {
        .connects = atomic_load(&s->replica.facts.connects),
        .commits = atomic_load(&s->commits),
        .writes = atomic_load(&s->writes),
        .failed_commits = atomic_load(&s->failed_commits),
        .checkpoints = atomic_load(&s->checkpoints),
        .waiting = atomic_load(&s->waiting),
        .failing = atomic_load(&s->failing),
        .committed_us = atomic_load(&s->committed_us),
    };
    histogram_read(&s->batches, &stats.batches);
    histogram_read(&s->times, &stats.times);
    return stats;
}

/* --- whole databases ---------------------------------------------------------------------- */

enum err store_copy(struct store *s, const struct store_copy *copy, struct error *error)
{
    struct connection *c;
    enum err err = s->engine->open_reader(&s->options, &c, error);
    if (err)
        return err;
    atomic_fetch_add(&s->copies, 1);
    err = copy_connection(c, copy, error);
    atomic_fetch_sub(&s->copies, 1);
    s->engine->close(c);
    return err;
}

/* --- readers ------------------------------------------------------------------------------ */

static enum err make_reading_tx(struct store *s, struct tx **ret, struct error *error)
{
    struct connection *c;
    enum err err = s->engine->open_reader(&s->options, &c, error);
    if (err)
        return err;
    *ret = xcalloc(1, sizeof(**ret));
    tx_init(*ret, c);
    if (s->engine->join)
        s->engine->join(c, &s->replica.facts);
    return ERR_OK;
}

/* A connection is a process of the server's, so none is made that is not used. */
enum err store_reader_open(struct store *s, struct store_reader **ret, struct error *error)
{
    struct tx *tx = NULL;
    enum err err = s->engine->shared ? ERR_OK : make_reading_tx(s, &tx, error);
    if (err)
        return err;
    *ret = xcalloc(1, sizeof(**ret));
    **ret = (struct store_reader){.store = s, .tx = tx};
    return ERR_OK;
}

void store_reader_close(struct store_reader *r)
{
    struct tx *none = NULL;
    if (!r)
        return;
    store_read_end(r);
    if (!r->store->engine->shared ||
        !atomic_compare_exchange_strong(&r->store->spare, &none, r->tx))
        free_tx(r->tx);
    free(r);
}

static enum err begin_reading(struct store_reader *r)
{
    enum err err = ERR_OK;
    if (!r->tx)
        r->tx = atomic_exchange(&r->store->spare, NULL);
    if (!r->tx) /* of a shared engine: such a connection is made later, and errors are told then */
        err = make_reading_tx(r->store, &r->tx, NULL);
    return err ? err : tx_begin(r->tx);
}

enum err store_read_begin(struct store_reader *r, struct tx **ret)
{
    /* Read before the snapshot is taken: the snapshot may be newer than this, never older. */
    uint64_t generation = store_generation(r->store);
    if (!r->begun || r->tx->broken || r->generation != generation) {
        store_read_end(r);
        enum err err = begin_reading(r);
        if (err)
            return err;
        r->begun = true;
        r->generation = generation;
    }
    *ret = r->tx;
    return ERR_OK;
}

void store_read_end(struct store_reader *r)
{
    if (!r->begun)
        return;
    tx_abandon_rows(r->tx);
    r->store->engine->rollback(r->tx->connection);
    r->begun = false;
}
