#include "api/left_claims.h"
#include "model/idempotency.h"

void left_claims_init(struct left_claims *l)
{
    *l = (struct left_claims){0};
    if (pthread_mutex_init(&l->mutex, NULL) != 0)
        die("cannot make a mutex");
}

void left_claims_release(struct left_claims *l)
{
    pthread_mutex_destroy(&l->mutex);
}

void left_claims_add(struct left_claims *l, int64_t row)
{
    pthread_mutex_lock(&l->mutex);
    if (l->n < LEFT_CLAIMS_MAX)
        l->rows[l->n++] = row;
    pthread_mutex_unlock(&l->mutex);
}

/* On the store thread. */
static enum err apply(struct store_write *w, struct tx *tx)
{
    struct left_claims *l = CONTAINER_OF(w, struct left_claims, write);
    enum err e = ERR_OK;
    for (size_t i = 0; !e && i < l->n_writing; i++)
        e = idempotency_release(tx, l->writing[i]);
    return e;
}

struct store_write *left_claims_begin(struct left_claims *l)
{
    if (l->under_way)
        return NULL;
    pthread_mutex_lock(&l->mutex);
    l->n_writing = l->n;
    memcpy(l->writing, l->rows, l->n * sizeof(l->rows[0]));
    pthread_mutex_unlock(&l->mutex);
    if (l->n_writing == 0)
        return NULL;
    l->under_way = true;
    l->write = (struct store_write){.apply = apply};
    return &l->write;
}

void left_claims_end(struct left_claims *l)
{
    l->under_way = false;
    if (l->write.err)
        return;
    pthread_mutex_lock(&l->mutex);
    l->n -= l->n_writing;
    memmove(l->rows, l->rows + l->n_writing, l->n * sizeof(l->rows[0]));
    pthread_mutex_unlock(&l->mutex);
}
