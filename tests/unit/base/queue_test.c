#include "base/queue.h"

#include "unit/base/test.h"

#include <stdatomic.h>

enum { PUSHERS = 8, EACH = 5000 };

struct item {
    struct list node;
    int pusher, number;
};

struct pusher {
    struct queue *queue;
    int id;
    struct item items[EACH];
};

static atomic_int wakes;

static void count_wake(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

static void *push_all(void *arg)
{
    struct pusher *p = arg;
    for (int i = 0; i < EACH; i++) {
        p->items[i] = (struct item){.pusher = p->id, .number = i};
        if (!queue_push(p->queue, &p->items[i].node))
            die("the queue is closed");
    }
    return NULL;
}

/* Everything arrives, once, and each pusher's items in the order they were pushed. */
static void test_many_pushers(void **state)
{
    struct queue q;
    queue_init(&q, count_wake, &wakes);
    struct pusher *pushers = xcalloc(PUSHERS, sizeof(*pushers));
    pthread_t threads[PUSHERS];
    for (int i = 0; i < PUSHERS; i++) {
        pushers[i].queue = &q;
        pushers[i].id = i;
        assert_int_equal(pthread_create(&threads[i], NULL, push_all, &pushers[i]), 0);
    }
    int next[PUSHERS] = {0}, total = 0;
    struct list taken;
    list_init(&taken);
    while (total < PUSHERS * EACH) {
        assert_true(queue_wait(&q, &taken));
        for (struct list *node; (node = list_take(&taken)); total++) {
            struct item *item = CONTAINER_OF(node, struct item, node);
            assert_int_equal(item->number, next[item->pusher]++);
        }
    }
    for (int i = 0; i < PUSHERS; i++)
        pthread_join(threads[i], NULL);
    queue_take_all(&q, &taken);
    assert_true(list_empty(&taken));
    assert_true(atomic_load(&wakes) >= 1);
    queue_release(&q);
    free(pushers);
}

/* Woken when the queue stops being empty, not at each push. */
static void test_wakes_once(void **state)
{
    struct queue q;
    atomic_int n = 0;
    queue_init(&q, count_wake, &n);
    struct item items[3];
    struct list taken;
    list_init(&taken);
    assert_true(queue_push(&q, &items[0].node));
    assert_true(queue_push(&q, &items[1].node));
    assert_int_equal(n, 1);
    queue_take_all(&q, &taken);
    assert_ptr_equal(list_take(&taken), &items[0].node);
    assert_ptr_equal(list_take(&taken), &items[1].node);
    assert_true(queue_push(&q, &items[2].node));
    assert_int_equal(n, 2);
    queue_release(&q);
}

static void test_closed(void **state)
{
    struct queue q;
    atomic_int n = 0;
    queue_init(&q, count_wake, &n);
    struct item items[2];
    struct list taken;
    list_init(&taken);
    assert_true(queue_push(&q, &items[0].node));
    assert_false(queue_is_closed(&q));
    queue_close(&q);
    assert_true(queue_is_closed(&q));
    assert_int_equal(n, 2);
    assert_false(queue_push(&q, &items[1].node));
    assert_true(queue_wait(&q, &taken)); /* what is in it can still be taken */
    assert_ptr_equal(list_take(&taken), &items[0].node);
    assert_false(queue_wait(&q, &taken));
    assert_true(list_empty(&taken));
    queue_release(&q);
}

static void *wait_for_close(void *arg)
{
    struct list taken;
    list_init(&taken);
    return queue_wait(arg, &taken) ? arg : NULL;
}

static void test_close_wakes_the_taker(void **state)
{
    struct queue q;
    queue_init(&q, NULL, NULL);
    pthread_t taker;
    assert_int_equal(pthread_create(&taker, NULL, wait_for_close, &q), 0);
    queue_close(&q);
    void *result = &q;
    pthread_join(taker, &result);
    assert_null(result);
    queue_release(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_pushers),
        cmocka_unit_test(test_wakes_once),
        cmocka_unit_test(test_closed),
        cmocka_unit_test(test_close_wakes_the_taker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
