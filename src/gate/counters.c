#include "gate/counters.h"
#include "base/limits.h"

#define REQUESTS_BITS 24
#define REQUESTS_MASK ((UINT64_C(1) << REQUESTS_BITS) - 1)

_Static_assert(COUNTERS_START_MAX == (INT64_C(1) << (64 - REQUESTS_BITS)) - 1,
               "the rest of a word");
_Static_assert(LIMIT_REQUESTS_MAX <= REQUESTS_MASK, "a full window fits its word");

struct counters *counters_new(int64_t client_row_id, size_t n, struct counters_list *list)
{
    struct counters *c;
    size_t each = sizeof(c->windows[0]) + sizeof(c->known[0]) + sizeof(c->window_s[0]);
    c = xcalloc(1, sizeof(*c) + n * each);
    atomic_init(&c->references, 1);
    c->client_row_id = client_row_id;
    c->list = list;
    c->n = n;
    c->known = c->windows + n;
    c->window_s = (_Atomic uint32_t *)(c->known + n);
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

void counters_set_length(struct counters *c, size_t endpoint, const struct limit *limit)
{
    atomic_store_explicit(&c->window_s[endpoint], (uint32_t)limit->window_s, memory_order_relaxed);
}

/* A window that begins up to its length in the future runs too: another loop or replica read its
 * clock a moment later, or the clock was set back a little. Set back further, it would shut a
 * client out for long: a new window begins. */
static bool runs(int64_t start_s, int64_t window_s, int64_t now_s)
{
    return now_s < start_s + window_s && start_s - now_s <= window_s;
}

static void tell(struct limit_state *ret, const struct limit *limit, uint64_t word)
{
    int64_t left = limit->requests - counters_window_requests(word);
    *ret = (struct limit_state){.limit = limit->requests,
                                .remaining = MAX(left - 1, INT64_C(0)),
                                .reset_s = counters_window_start(word) + limit->window_s};
}

/* The word of the window that runs at `now_s`. */
static uint64_t running(struct counters *c, size_t endpoint, uint64_t word,
                        const struct limit *limit, int64_t now_s)
{
    if (runs(counters_window_start(word), limit->window_s, now_s))
        return word;
    counters_set_length(c, endpoint, limit);
    return pack(now_s, 0);
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
    now_s = MIN(MAX(now_s, INT64_C(0)), COUNTERS_START_MAX);
    do {
        word = running(c, endpoint, old, limit, now_s);
        tell(ret, limit, word);
        if (counters_window_requests(word) >= limit->requests)
            return ERR_RATE_LIMIT;
    } while (!atomic_compare_exchange_weak(window, &old, word + 1));
    counters_mark_changed(c);
    return ERR_OK;
}

/* The window's word is read before `known`, and counters_merge writes them in that order: who reads
 * an old `known` sees more requests unreported than there are, and who reads an old word does not
 * get it swapped. */
enum err counters_take_shared(struct counters *c, size_t endpoint, const struct limit *limit,
                              int64_t n, int64_t now_s, struct limit_state *ret)
{
    if (n <= 1 || limit->requests == 0)
        return counters_take(c, endpoint, limit, now_s, ret);
    int64_t share = limit->requests * SHARED_COUNTS_SLACK / (100 * n);
    _Atomic uint64_t *window = &c->windows[endpoint];
    uint64_t word = atomic_load_explicit(window, memory_order_acquire);
    now_s = MIN(MAX(now_s, INT64_C(0)), COUNTERS_START_MAX);
    do {
        uint64_t known = atomic_load_explicit(&c->known[endpoint], memory_order_acquire);
        int64_t start = counters_window_start(word), requests = counters_window_requests(word);
        if (counters_window_start(known) != start || !runs(start, limit->window_s, now_s))
            return ERR_BUSY;
        bool full = requests >= limit->requests;
        if (!full && requests - counters_window_requests(known) >= share)
            return ERR_BUSY;
        tell(ret, limit, word);
        if (full)
            return ERR_RATE_LIMIT;
    } while (!atomic_compare_exchange_weak(window, &word, word + 1));
    counters_mark_changed(c);
    return ERR_OK;
}

/* --- saving ------------------------------------------------------------------------------- */

void counters_restore(struct counters *c, size_t endpoint, int64_t start_s, int64_t requests)
{
    if (start_s < 0 || start_s > COUNTERS_START_MAX || requests < 0 ||
        requests > (int64_t)REQUESTS_MASK)
        return;
    atomic_store(&c->known[endpoint], pack(start_s, requests));
    atomic_store(&c->windows[endpoint], pack(start_s, requests));
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

/* --- the sum over all processes ----------------------------------------------------------- */

struct counters_report counters_make_report(const struct counters *c, size_t endpoint,
                                            uint64_t word)
{
    uint64_t known = atomic_load(&c->known[endpoint]);
    struct counters_report r = {
        .start_s = counters_window_start(word),
        .requests = counters_window_requests(word),
        .window_s = atomic_load_explicit(&c->window_s[endpoint], memory_order_relaxed),
    };
    if (counters_window_start(known) == r.start_s)
        r.requests -= counters_window_requests(known);
    return r;
}

/* Two processes began a window each while they did not know of each other's: it is one, the one
 * that was reported first. What is reported after a window has ended is of no use to the next one.
 */
void counters_add_report(struct counters_sum *sum, const struct counters_report *r, int64_t now_s)
{
    int64_t later = r->start_s - sum->start_s;
    bool is_same = later == 0 || (later < r->window_s && -later < r->window_s);
    bool was_set_back = sum->start_s - now_s > r->window_s; /* some clock, and far */
    if (r->requests == 0)
        return;
    if (sum->requests > 0 && is_same)
        sum->requests += r->requests;
    else if (sum->requests == 0 || later > 0 || was_set_back)
        *sum = (struct counters_sum){r->start_s, r->requests};
}

int64_t counters_grant(struct counters_sum *sum, const struct limit *limit, int64_t asking,
                       int64_t now_s)
{
    if (asking == 0)
        return 0;
    if (sum->requests == 0 || !runs(sum->start_s, limit->window_s, now_s))
        *sum = (struct counters_sum){now_s, 0};
    int64_t granted = MIN(MAX(limit->requests - sum->requests, INT64_C(0)), asking);
    sum->requests += granted;
    return granted;
}

/* What the window has that was not in the report of `word`; -1: it is another window. */
static int64_t counted_since(uint64_t now, uint64_t word, int64_t sum_start_s)
{
    if (counters_window_start(now) == counters_window_start(word))
        return counters_window_requests(now) - counters_window_requests(word);
    return counters_window_start(now) == sum_start_s ? counters_window_requests(now) : -1;
}

/* A process that is alone begins windows by itself: another one than that of the report may run by
 * now. It is left as it is, and reported next. */
void counters_merge(struct counters *c, size_t endpoint, uint64_t word,
                    const struct counters_sum *sum)
{
    _Atomic uint64_t *window = &c->windows[endpoint];
    uint64_t now = atomic_load(window), known, merged;
    do {
        int64_t since = counted_since(now, word, sum->start_s);
        int64_t room = (int64_t)REQUESTS_MASK - MAX(since, INT64_C(0));
        known = pack(sum->start_s, MIN(sum->requests, room));
        if (since < 0)
            break;
        merged = known + (uint64_t)since;
    } while (now != merged && !atomic_compare_exchange_weak(window, &now, merged));
    atomic_store(&c->known[endpoint], known);
}
