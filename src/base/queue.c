#include "base/queue.h"

void queue_init(struct queue *q, void (*wake)(void *arg), void *wake_arg)
{
    *q = (struct queue){.wake = wake, .wake_arg = wake_arg};
    list_init(&q->items);
    if (pthread_mutex_init(&q->mutex, NULL) != 0 || pthread_cond_init(&q->not_empty, NULL) != 0)
        die("cannot make a queue");
}

void queue_release(struct queue *q)
{
    pthread_mutex_destroy(&q->mutex);
    pthread_cond_destroy(&q->not_empty);
}

/* With the lock held: once the taker has the item it may be the end of the queue, so the pusher
 * touches nothing of it after unlocking. */
static void wake(struct queue *q)
{
    pthread_cond_signal(&q->not_empty);
    if (q->wake)
        q->wake(q->wake_arg);
}

bool queue_push(struct queue *q, struct list *node)
{
    pthread_mutex_lock(&q->mutex);
    bool closed = q->closed;
    bool was_empty = list_empty(&q->items);
    if (!closed)
        list_add(&q->items, node);
    if (!closed && was_empty)
        wake(q);
    pthread_mutex_unlock(&q->mutex);
    return !closed;
}

void queue_take_all(struct queue *q, struct list *to)
{
    pthread_mutex_lock(&q->mutex);
    list_move_all(to, &q->items);
    pthread_mutex_unlock(&q->mutex);
}

bool queue_wait(struct queue *q, struct list *to)
{
    pthread_mutex_lock(&q->mutex);
    while (list_empty(&q->items) && !q->closed)
        pthread_cond_wait(&q->not_empty, &q->mutex);
    bool any = !list_empty(&q->items);
    list_move_all(to, &q->items);
    pthread_mutex_unlock(&q->mutex);
    return any;
}

void queue_close(struct queue *q)
{
    pthread_mutex_lock(&q->mutex);
    q->closed = true;
    wake(q);
    pthread_mutex_unlock(&q->mutex);
}

bool queue_is_closed(struct queue *q)
{
    pthread_mutex_lock(&q->mutex);
    bool closed = q->closed;
    pthread_mutex_unlock(&q->mutex);
    return closed;
}
