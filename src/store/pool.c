/* Threads that read from a server, a connection each. What waits is shared out among them, and what
 * one of them takes at once it reads in one snapshot. */
#include "base/clock.h"
#include "store/internal.h"

static int connections_of(const struct store *s)
{
    return s->options.connections ? s->options.connections : STORE_CONNECTIONS;
}

/* Who idles last is woken first: where few read at once, few threads ever connect. */
static void wait_idle(struct pool_thread *t)
{
    struct pool *p = t->pool;
    t->called = false;
    t->below = p->idle;
    p->idle = t;
    while (!t->called)
        pthread_cond_wait(&t->woken, &p->mutex);
}

static void call_idler(struct pool *p)
{
    struct pool_thread *top = p->idle;
    if (!top)
        return;
    p->idle = top->below;
    top->called = true;
    pthread_cond_signal(&top->woken);
}

/* False when the pool is closed and empty. */
static bool take_reads(struct pool_thread *t, struct list *ret)
{
    struct pool *p = t->pool;
    pthread_mutex_lock(&p->mutex);
    while (list_empty(&p->waiting) && !p->closed)
        wait_idle(t);
    size_t share = MIN(MAX(p->n_waiting / p->n_threads, (size_t)1), (size_t)STORE_READS_AT_ONCE);
    bool any = !list_empty(&p->waiting);
    for (size_t i = 0; i < share && !list_empty(&p->waiting); i++, p->n_waiting--)
        list_add(ret, list_take(&p->waiting));
    pthread_mutex_unlock(&p->mutex);
    return any;
}

static void run_reads(struct store_reader *reader, struct list *reads)
{
    for (struct list *node; (node = list_take(reads));) {
        struct store_read *r = CONTAINER_OF(node, struct store_read, node);
        struct tx *tx;
        r->err = store_is_too_late(r->submitted_us, clock_monotonic_us())
                     ? ERR_UNAVAILABLE
                     : store_read_begin(reader, &tx);
        if (!r->err)
            r->err = r->run(r, tx);
        if (list_empty(reads))
            store_read_end(reader); /* before the last one is answered: nothing idles open */
        bool taken = queue_push(r->reply_to, &r->node);
        (void)taken; /* a closed queue: nobody waits for it any more */
    }
}

static void *reader_main(void *arg)
{
    struct pool_thread *t = arg;
    struct store_reader *reader;
    struct arena arena;
    struct error error;
    struct list reads;
    list_init(&reads);
    arena_init(&arena, ARENA_BLOCK_SIZE);
    error_init(&error, &arena);
    if (store_reader_open(t->pool->store, &reader, &error) != ERR_OK)
        die("cannot make a reader");
    while (take_reads(t, &reads))
        run_reads(reader, &reads);
    store_reader_close(reader);
    arena_release(&arena);
    return NULL;
}

static enum err start_thread(struct pool *p, struct error *error)
{
    struct pool_thread *t = &p->threads[p->n_threads];
    t->pool = p;
    if (pthread_cond_init(&t->woken, NULL) != 0)
        die("cannot make the pool's locks");
    enum err err = store_thread_start(&t->id, reader_main, t, "store-read", error);
    if (err)
        pthread_cond_destroy(&t->woken);
    else
        p->n_threads++;
    return err;
}

enum err pool_start(struct pool *p, struct store *s, struct error *error)
{
    p->store = s;
    list_init(&p->waiting);
    if (pthread_mutex_init(&p->mutex, NULL) != 0)
        die("cannot make the pool's locks");
    p->started = true;
    size_t wanted = MIN((size_t)connections_of(s), (size_t)STORE_CONNECTIONS_MAX);
    enum err err = ERR_OK;
    pthread_mutex_lock(&p->mutex); /* the threads look at their number */
    while (!err && p->n_threads < wanted)
        err = start_thread(p, error);
    pthread_mutex_unlock(&p->mutex);
    return err;
}

void pool_stop(struct pool *p)
{
    if (!p->started)
        return;
    pthread_mutex_lock(&p->mutex);
    p->closed = true;
    while (p->idle)
        call_idler(p);
    pthread_mutex_unlock(&p->mutex);
    for (size_t i = 0; i < p->n_threads; i++) {
        pthread_join(p->threads[i].id, NULL);
        pthread_cond_destroy(&p->threads[i].woken);
    }
    pthread_mutex_destroy(&p->mutex);
    p->started = false;
}

enum err store_submit_read(struct store *s, struct store_read *r)
{
    struct pool *p = &s->pool;
    enum err err = ERR_OK;
    r->err = ERR_OK;
    r->submitted_us = clock_monotonic_us();
    pthread_mutex_lock(&p->mutex);
    if (p->closed || p->n_waiting >= STORE_QUEUE_MAX) {
        err = ERR_UNAVAILABLE;
    } else {
        list_add(&p->waiting, &r->node);
        p->n_waiting++;
        call_idler(p);
    }
    pthread_mutex_unlock(&p->mutex);
    return err;
}
