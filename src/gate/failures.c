#include "gate/failures.h"
#include "base/limits.h"
#include "base/random.h"

#include <pthread.h>

#define WAYS 8 /* places of one set */
#define SETS (AUTH_FAILURE_ADDRESSES / WAYS)

_Static_assert((SETS & (SETS - 1)) == 0, "a set is found by a mask");

struct place {
    struct http_address address;
    int64_t start_s;
    uint32_t requests; /* 0: free */
    bool full;         /* reached its limit, and is not saved yet */
};

struct failures {
    pthread_mutex_t mutex;
    uint64_t key[2];  /* random: nobody can choose addresses that crowd one set */
    int64_t window_s; /* of the limit that was last asked for */
    size_t n_full;    /* an upper bound: places that are full may have made room since */
    struct place places[SETS][WAYS];
};

struct failures *failures_new(void)
{
    struct failures *f = xcalloc(1, sizeof(*f));
    random_bytes(f->key, sizeof(f->key));
    f->key[0] |= 1; /* a factor of zero would send all addresses to one set */
    f->key[1] |= 1;
    if (pthread_mutex_init(&f->mutex, NULL) != 0)
        die("cannot make a mutex");
    return f;
}

void failures_free(struct failures *f)
{
    if (!f)
        return;
    pthread_mutex_destroy(&f->mutex);
    free(f);
}

/* Multiply-add with random odd factors, of which the high bits are good (Dietzfelbinger). */
static struct place *set_of(struct failures *f, const struct http_address *a)
{
    uint64_t words[2];
    memcpy(words, a->bytes, sizeof(words));
    uint64_t hash = (words[0] * f->key[0] ^ words[0] >> 29) * f->key[1];
    hash = ((hash ^ hash >> 32) + words[1]) * f->key[0];
    hash = (hash ^ hash >> 29) * f->key[1];
    return f->places[hash >> 32 & (SETS - 1)];
}

static bool is_ended(const struct place *p, const struct limit *limit, int64_t now_s)
{
    int64_t gone = now_s - p->start_s;
    return p->requests == 0 || gone >= limit->window_s || gone < -limit->window_s;
}

static bool is_of(const struct place *p, const struct http_address *a)
{
    return p->requests && memcmp(&p->address, a, sizeof(*a)) == 0;
}

/* The address's place, or else the best one for it: one whose window has ended, or the one that
 * failed least. *ret_found tells which. */
static struct place *find(struct failures *f, const struct http_address *a,
                          const struct limit *limit, int64_t now_s, bool *ret_found)
{
    struct place *set = set_of(f, a), *best = set;
    *ret_found = false;
    for (struct place *p = set; p < set + WAYS; p++) {
        if (is_of(p, a)) {
            *ret_found = true;
            return p;
        }
        if (is_ended(best, limit, now_s))
            continue;
        if (is_ended(p, limit, now_s) || p->requests < best->requests)
            best = p;
    }
    return best;
}

static enum err count(struct failures *f, const struct http_address *a, const struct limit *limit,
                      int64_t now_s, int *ret_retry_after)
{
    bool found;
    struct place *p = find(f, a, limit, now_s, &found);
    f->window_s = limit->window_s;
    if (!found || is_ended(p, limit, now_s))
        *p = (struct place){.address = *a, .start_s = now_s};
    if (p->requests >= limit->requests) {
        *ret_retry_after = (int)MAX(p->start_s + limit->window_s - now_s, INT64_C(1));
        return ERR_RATE_LIMIT;
    }
    if (++p->requests == limit->requests) {
        p->full = true;
        f->n_full++;
    }
    return ERR_OK;
}

enum err failures_count(struct failures *f, const struct http_address *a, const struct limit *limit,
                        int64_t now_s, int *ret_retry_after)
{
    if (limit->requests == 0)
        return ERR_OK;
    pthread_mutex_lock(&f->mutex);
    enum err e = count(f, a, limit, now_s, ret_retry_after);
    pthread_mutex_unlock(&f->mutex);
    return e;
}

/* --- saving ------------------------------------------------------------------------------- */

size_t failures_take_full(struct failures *f, struct failures_record *records, size_t max)
{
    size_t n = 0;
    struct place *const end = &f->places[0][0] + AUTH_FAILURE_ADDRESSES;
    pthread_mutex_lock(&f->mutex);
    for (struct place *p = &f->places[0][0]; f->n_full && n < max && p < end; p++) {
        if (!p->full)
            continue;
        p->full = false;
        records[n++] = (struct failures_record){p->address, p->start_s, p->requests};
    }
    if (n < max) /* all were seen */
        f->n_full = 0;
    pthread_mutex_unlock(&f->mutex);
    return n;
}

void failures_ask_again(struct failures *f, const struct http_address *a)
{
    pthread_mutex_lock(&f->mutex);
    struct place *set = set_of(f, a);
    for (struct place *p = set; p < set + WAYS; p++) {
        if (!is_of(p, a) || p->full)
            continue;
        p->full = true;
        f->n_full++;
    }
    pthread_mutex_unlock(&f->mutex);
}

/* Into a free place of its set. There is none only in a crowd, where one less does not matter. */
void failures_restore(struct failures *f, const struct failures_record *record)
{
    if (record->requests < 1 || record->requests > LIMIT_REQUESTS_MAX)
        return;
    pthread_mutex_lock(&f->mutex);
    struct place *p = set_of(f, &record->address), *end = p + WAYS;
    while (p < end && p->requests)
        p++;
    if (p < end)
        *p = (struct place){record->address, record->start_s, (uint32_t)record->requests, false};
    pthread_mutex_unlock(&f->mutex);
}

/* In place of its own counts here when those are fewer, or in a place where it may be counted at
 * all. Before anything failed here the length of a window is not known: a record that has ended may
 * then take a place, until that is needed. */
void failures_learn(struct failures *f, const struct failures_record *record, int64_t now_s)
{
    if (record->requests < 1 || record->requests > LIMIT_REQUESTS_MAX)
        return;
    pthread_mutex_lock(&f->mutex);
    const struct limit limit = {record->requests, f->window_s ? f->window_s : LIMIT_WINDOW_MAX_S};
    const struct place there = {record->address, record->start_s, (uint32_t)record->requests,
                                false};
    bool found;
    struct place *p = find(f, &record->address, &limit, now_s, &found);
    bool is_free = is_ended(p, &limit, now_s) || p->requests < there.requests;
    if (is_free && !is_ended(&there, &limit, now_s))
        *p = there;
    pthread_mutex_unlock(&f->mutex);
}

int64_t failures_window_s(struct failures *f)
{
    pthread_mutex_lock(&f->mutex);
    int64_t window_s = f->window_s;
    pthread_mutex_unlock(&f->mutex);
    return window_s;
}
