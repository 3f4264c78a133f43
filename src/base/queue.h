/* The one place where threads meet: many threads push, one thread takes everything there is.
 *
 * `wake` is called by the pusher, with the lock held, when the queue went from empty to not empty;
 * for a libuv loop it is uv_async_send. A thread without a loop waits with queue_wait instead.
 * Nodes are intrusive and belong to the taker once pushed. */
#pragma once

#include "base/list.h"
#include <pthread.h>

struct queue {
    pthread_mutex_t mutex;
    pthread_cond_t not_empty;
    struct list items;
    bool closed; /* pushes are refused */
    void (*wake)(void *arg);
    void *wake_arg;
};

void queue_init(struct queue *q, void (*wake)(void *arg), void *wake_arg);
void queue_release(struct queue *q);
/* False when the queue is closed; the node then still belongs to the caller. */
bool queue_push(struct queue *q, struct list *node) MUST_USE;
/* Moves all items to the end of `to`, at once, in their order. Never waits. */
void queue_take_all(struct queue *q, struct list *to);
/* The same, but waits until there is an item or the queue is closed. False when it is closed and
 * empty: the taker is done. */
bool queue_wait(struct queue *q, struct list *to) MUST_USE;
/* No more pushes; what is in it can still be taken. */
void queue_close(struct queue *q);
bool queue_is_closed(struct queue *q);
