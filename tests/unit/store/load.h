/* Writers and readers beside a copy or a replacement: two values change in one write, and nobody
 * ever sees them differ. */
#pragma once

#include "unit/store/fixture.h"

#include <pthread.h>
#include <stdatomic.h>

struct load {
    struct store *store;
    pthread_t threads[4];
    _Atomic bool stop;
    _Atomic int failed, done;
};

static inline enum err pair_apply(struct store_write *write, struct tx *tx)
{
    struct put *p = CONTAINER_OF(write, struct put, write);
    p->name = STR("left");
    enum err e = put_apply(write, tx);
    p->name = STR("right");
    return e ? e : put_apply(write, tx);
}

static inline void *write_pairs(void *arg)
{
    struct load *l = arg;
    for (int i = 0; !l->stop; i++) {
        char value[32];
        snprintf(value, sizeof(value), "%d", i);
        struct put p = {.write.apply = pair_apply, .value = str_from(value)};
        l->failed += store_write_now(l->store, &p.write) != ERR_OK;
        l->done++;
    }
    return NULL;
}

static inline void *read_pairs(void *arg)
{
    struct load *l = arg;
    struct arena arena;
    struct error error;
    struct store_reader *reader;
    arena_init(&arena, MIB);
    error_init(&error, &arena);
    l->failed += store_reader_open(l->store, &reader, &error) != ERR_OK;
    while (!l->stop) {
        struct tx *tx;
        char left[32], right[32];
        if (store_read_begin(reader, &tx)) {
            l->failed++;
            continue;
        }
        get_setting(tx, "left", left, sizeof(left));
        get_setting(tx, "right", right, sizeof(right));
        l->failed += strcmp(left, right) != 0;
        l->done++;
        store_read_end(reader);
    }
    store_reader_close(reader);
    arena_release(&arena);
    return NULL;
}

static inline void load_start(struct load *l, struct store *s)
{
    l->store = s;
    for (size_t i = 0; i < ARRAY_LEN(l->threads); i++)
        assert_int_equal(pthread_create(&l->threads[i], NULL, i % 2 ? read_pairs : write_pairs, l),
                         0);
}

/* Nothing of it failed. */
static inline void load_stop(struct load *l)
{
    l->stop = true;
    for (size_t i = 0; i < ARRAY_LEN(l->threads); i++)
        pthread_join(l->threads[i], NULL);
    assert_int_equal(l->failed, 0);
    assert_true(l->done > 0);
}
