/* Inside the store: what its files share of a struct store. */
#pragma once

#include "store/tx.h"

#include <pthread.h>
#include <stdatomic.h>

/* A thread that reads. */
struct pool_thread {
    struct pool *pool;
    pthread_t id;
    pthread_cond_t woken;
    bool called;               /* it idles no more */
    struct pool_thread *below; /* who idles for longer */
};

/* Threads that read, a connection each: pool.c. */
struct pool {
    struct store *store;
    pthread_mutex_t mutex;    /* guards the next four, and what says of a thread that it idles */
    struct pool_thread *idle; /* who began last */
    struct list waiting;      /* of struct store_read */
    size_t n_waiting;
    bool closed;
    bool started;
    struct pool_thread threads[STORE_CONNECTIONS_MAX];
    size_t n_threads;
};

/* What all processes on the store have in common. */
struct replica_state {
    int64_t generation, directory, n_replicas;
};

/* This process among those that share the store: replica.c. The watcher thread's, but for what is
 * atomic. */
struct replica {
    struct replica_facts facts;
    struct tx tx; /* on a connection of the watcher's own */
    char name[REPLICA_NAME_MAX];
    pthread_t thread;
    bool has_thread;
    _Atomic bool ends;
    int wake;                          /* an eventfd: the end is not waited for */
    char holder[STORE_HOLDER_LEN + 1]; /* of the options; empty: none */
    _Atomic int64_t beat_us;           /* monotonic; when a heartbeat last got through */
    struct list others;                /* of struct neighbour */
    struct replica_state state;        /* as it was seen last */
    int64_t directory;     /* as it was when we joined, or was told last without an error */
    pthread_mutex_t mutex; /* guards the watch, and is held while it is being told */
    const struct store_watch *watch;
};

struct store {
    const struct engine *engine;
    struct store_options options; /* its text is ours */
    struct secret password;
    pthread_t thread;
    bool has_thread;
    struct queue queue;     /* of struct store_write, by their node */
    struct tx tx;           /* the writer thread's */
    bool careful;           /* each write's errors are waited for before the next; its too */
    int64_t alone_us;       /* monotonic; when a write that runs alone last ended; its too */
    _Atomic bool failing;   /* the last commit failed; the writer thread's */
    _Atomic size_t waiting; /* submitted, and not yet in a batch */
    _Atomic int copies;     /* being made: they hold a snapshot each */
    _Atomic uint64_t generation;
    _Atomic uint64_t commits, writes, failed_commits, checkpoints;
    _Atomic int64_t committed_us; /* as in store_stats */
    struct histogram batches, times;
    /* store_write_now waits here and not in a queue on its own stack: the writer may still be
     * inside queue_push when the waiter has its write and is gone. */
    struct queue now;               /* only its address is used, as the reply_to of such a write */
    pthread_mutex_t listener_mutex; /* guards the next one, and is held while they are told */
    struct list listeners;
    pthread_mutex_t now_mutex;
    pthread_cond_t now_done;

    _Atomic(struct tx *) spare; /* of a shared store: a reader's that was closed, for another one */
    struct pool pool;           /* of a shared store */
    struct replica replica;     /* of a shared store */
};

/* Starts a thread that takes no signals: those are for the thread that started us. */
enum err store_thread_start(pthread_t *thread, void *(*run)(void *arg), void *arg, const char *name,
                            struct error *error) MUST_USE;
struct store_reader {
    struct store *store;
    struct tx *tx; /* NULL: not used yet */
    bool begun;
    uint64_t generation; /* of the snapshot */
};

/* Something was announced, by us or perhaps by another process. */
void store_tell_listeners(struct store *s);

/* Who waits for a server that does not answer is to hear so, and not after all who came before. */
static inline bool store_is_too_late(int64_t since_us, int64_t now_us)
{
    return now_us - since_us > STORE_PATIENCE_MS * INT64_C(1000);
}

/* pool.c */
enum err pool_start(struct pool *p, struct store *s, struct error *error) MUST_USE;
void pool_stop(struct pool *p); /* fine when it was not started */

const struct engine *store_engine(struct str path);

/* copy.c: of a connection that is in no transaction. */
enum err copy_connection(struct connection *c, const struct store_copy *copy,
                         struct error *error) MUST_USE;

/* replica.c: in a transaction that changes all that there is: every replica, ours too, looks again
 * who may sign. */
enum err replica_directory_changed(struct connection *c) MUST_USE;
/* In a transaction of its own: a number that moves with each heartbeat of any replica, and is 0
 * where there is none. */
enum err replica_beats(struct tx *tx, int64_t *ret) MUST_USE;
/* Registers this process with a row in `replicas`, and starts to watch the others. */
enum err replica_start(struct store *s, struct error *error) MUST_USE;
/* Takes the row away, so that nobody waits for its leases. Fine when it was not started. */
void replica_stop(struct store *s);
