#include "gate/counters.h"
#include "base/limits.h"

#define REQUESTS_BITS 24
#define REQUESTS_MASK ((UINT64_C(1) << REQUESTS_BITS) - 1)
#define START_MAX     ((INT64_C(1) << (64 - REQUESTS_BITS)) - 1)

_Static_assert(LIMIT_REQUESTS_MAX <= REQUESTS_MASK, "a full window fits its word");

struct counters *counters_new(int64_t client_row_id, size_t n, struct counters_list *list)
{
    struct counters *c = xcalloc(1, sizeof(*c) + n * (sizeof(c->windows[0]) + sizeof(c->saved[0])));
    atomic_init(&c->references, 1);
    c->client_row_id = client_row_id;
    c->list = list;
    c->n = n;
    c->saved = (uint64_t *)(c->windows + n);
    return c;
}

struct counters *counters_retain(struct counters *c)
{
    atomic_fetch_add(&c->references, 1);
    return c;
}

void counters_release(struct counters *c)
{
    if (c && atomic_fetch_sub(&c->references, 1) == 1)
        free(c);
}

int64_t counters_window_start(uint64_t word)
{
    return (int64_t)(word >> REQUESTS_BITS);
}

int64_t counters_window_requests(uint64_t word)
{
    return (int64_t)(word & REQUESTS_MASK);
}

static uint64_t pack(int64_t start_s, int64_t requests)
{
    return (uint64_t)start_s << REQUESTS_BITS | (uint64_t)requests;
}

/* The window that runs at `now_s`. One that begins up to its length in the future runs too: another
 * loop read the clock a moment later, or the clock was set back a little. Set back further, it
 * would shut a client out for long: a new window begins. */
static uint64_t running(uint64_t word, const struct limit *limit, int64_t now_s)
{
    int64_t start = counters_window_start(word);
    bool runs = now_s < start + limit->window_s && start - now_s <= limit->window_s;
    return runs ? word : pack(now_s, 0);
}

enum err counters_take(struct counters *c, size_t endpoint, const struct limit *limit,
                       int64_t now_s, struct limit_state *ret)
{
    if (limit->requests == 0) {
        *ret = (struct limit_state){.unlimited = true};
        return ERR_OK;
    }
    _Atomic uint64_t *window = &c->windows[endpoint];
    uint64_t old = atomic_load_explicit(window, memory_order_relaxed), word;
    now_s = MIN(MAX(now_s, INT64_C(0)), START_MAX);
    do {
        word = running(old, limit, now_s);
        int64_t left = limit->requests - counters_window_requests(word);
        *ret = (struct limit_state){.limit = limit->requests,
                                    .remaining = MAX(left - 1, INT64_C(0)),
                                    .reset_s = counters_window_start(word) + limit->window_s};
        if (left <= 0)
            return ERR_RATE_LIMIT;
    } while (!atomic_compare_exchange_weak(window, &old, word + 1));
    counters_mark_changed(c);
    return ERR_OK;
}

/* --- saving ------------------------------------------------------------------------------- */

void counters_restore(struct counters *c, size_t endpoint, int64_t start_s, int64_t requests)
{
    if (start_s < 0 || start_s > START_MAX || requests < 0 || requests > (int64_t)REQUESTS_MASK)
        return;
    c->saved[endpoint] = pack(start_s, requests);
    atomic_store(&c->windows[endpoint], c->saved[endpoint]);
}

/* Looked at before it is written: the loops of a busy client then share the line without a fight.
 * We count first and look then; the saver unmarks first and reads then: one of us sees the other,
 * as all four are in one order (seq_cst). */
void counters_mark_changed(struct counters *c)
{
    if (atomic_load(&c->changed) || atomic_exchange(&c->changed, true))
        return;
    counters_retain(c);
    struct counters *first = atomic_load(&c->list->first);
    do
        c->next_changed = first;
    while (!atomic_compare_exchange_weak(&c->list->first, &first, c));
}

struct counters *counters_list_take_all(struct counters_list *list)
{
    return atomic_exchange(&list->first, NULL);
}

void counters_unmark(struct counters *c)
{
    atomic_store(&c->changed, false);
}

void counters_list_release(struct counters_list *list)
{
    for (struct counters *c = counters_list_take_all(list), *next; c; c = next) {
        next = c->next_changed;
        counters_release(c);
    }
}
