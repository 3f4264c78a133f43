#include "gate/saved_counts.h"
#include "gate/undecided.h"
#include "model/authentication_failure.h"
#include "model/rate_window.h"

#define LONGEST_WINDOW_MS (LIMIT_WINDOW_MAX_S * INT64_C(1000))
#define PLACES            (2 * SAVED_COUNTS_MAX) /* so that a search soon meets a free one */

struct saved_window {
    struct counters *counters; /* with a reference */
    size_t endpoint;
    uint64_t word; /* that the report was made of */
    struct counters_report report;
    struct limit limit; /* of the calls that wait for the answer: */
    int64_t asking;
    struct counters_sum sum; /* the answer */
    int64_t granted;         /* of those that asked */
    int64_t passed;          /* of those granted */
};

struct saved_counts {
    struct directory_hub *hub;
    struct failures *failures;
    struct directory_view view;
    struct counters *waiting; /* changed, and not in a write yet; with references */
    struct queue queue;       /* of struct undecided, from all loops */
    struct list undecided;    /* from there, and not in a write yet */
    bool under_way;

    struct store_write write; /* and what it writes */
    int64_t now_ms;
    int64_t sweep_cursor;
    size_t n_windows;
    size_t n_records;
    struct list asking; /* undecided calls that the write is to decide */
    struct saved_window windows[SAVED_COUNTS_MAX];
    uint16_t places[PLACES]; /* hash table: 1 + the place in `windows`; 0: free */
    struct failures_record records[SAVED_FAILURES_MAX];

    struct store_read learning; /* and what it needs */
    int64_t learning_ms;
    int64_t n_learned;
    char learned[HTTP_ADDRESS_TEXT_MAX]; /* the last address; empty: begin anew */
    size_t learned_len;
};

struct saved_counts *saved_counts_new(struct directory_hub *hub, struct failures *failures)
{
    struct saved_counts *s = xcalloc(1, sizeof(*s));
    if (hub->endpoints->n > SAVED_COUNTS_MAX)
        die("more endpoints than SAVED_COUNTS_MAX");
    s->hub = hub;
    s->failures = failures;
    list_init(&s->undecided);
    list_init(&s->asking);
    directory_view_init(&s->view, hub);
    return s;
}

static void drop_waiting(struct saved_counts *s)
{
    while (s->waiting) {
        struct counters *c = s->waiting;
        s->waiting = c->next_changed;
        counters_release(c);
    }
}

void saved_counts_free(struct saved_counts *s)
{
    if (!s)
        return;
    drop_waiting(s);
    if (s->hub->undecided)
        queue_release(&s->queue);
    s->hub->undecided = NULL;
    directory_view_release(&s->view);
    free(s);
}

/* --- at the start ------------------------------------------------------------------------- */

static enum err load_window(void *arg, const struct rate_window *w)
{
    struct saved_counts *s = arg;
    const struct directory_client *client = directory_find(&s->view, w->client_id);
    size_t endpoint = endpoints_find(s->hub->endpoints, w->endpoint);
    if (!client || endpoint == s->hub->endpoints->n) /* an older version may have had others */
        return ERR_OK;
    /* Several replicas together may have passed more than a limit. */
    counters_restore(client->counters, endpoint, w->started_at / 1000,
                     MIN(w->requests, (int64_t)LIMIT_REQUESTS_MAX));
    counters_set_length(client->counters, endpoint, &client->workspace->limits[endpoint]);
    return ERR_OK;
}

static enum err load_failure(void *arg, const struct authentication_failure *f)
{
    struct saved_counts *s = arg;
    struct failures_record record = {.start_s = f->started_at / 1000, .requests = f->requests};
    if (http_address_parse(f->address, &record.address))
        failures_restore(s->failures, &record);
    return ERR_OK;
}

enum err saved_counts_load(struct saved_counts *s, struct store_reader *reader, int64_t now_ms)
{
    struct tx *tx;
    enum err e = store_read_begin(reader, &tx);
    if (e)
        return e;
    e = rate_window_each(tx, now_ms - LONGEST_WINDOW_MS, load_window, s);
    if (!e)
        e = authentication_failure_each(tx, load_failure, s);
    store_read_end(reader);
    return e;
}

/* --- writing ------------------------------------------------------------------------------ */

/* What no version of ours has written is no window. */
static struct counters_sum sum_of(const struct rate_window_count *row)
{
    struct counters_sum sum = {row->started_at / 1000, row->requests};
    bool is_sound = row->started_at >= 0 && sum.start_s <= COUNTERS_START_MAX && row->requests > 0;
    return is_sound ? sum : (struct counters_sum){0, 0};
}

/* No other process writes between the reading and this: writing transactions follow each other. */
static enum err put_window(struct saved_counts *s, struct tx *tx, struct saved_window *w,
                           const struct rate_window_count *row)
{
    w->sum = sum_of(row);
    counters_add_report(&w->sum, &w->report, s->now_ms / 1000);
    w->granted = counters_grant(&w->sum, &w->limit, w->asking, s->now_ms / 1000);
    if (w->sum.start_s * 1000 == row->started_at && w->sum.requests == row->requests)
        return ERR_OK; /* full, or a window that ended */
    return rate_window_put(tx, w->counters->client_row_id,
                           s->hub->endpoints->list[w->endpoint].name, w->sum.start_s * 1000,
                           w->sum.requests);
}

static enum err put_windows(struct saved_counts *s, struct tx *tx)
{
    struct rate_window_key keys[RATE_WINDOWS_READ];
    struct rate_window_count rows[RATE_WINDOWS_READ];
    enum err e = ERR_OK;
    for (size_t from = 0, n; !e && from < s->n_windows; from += n) {
        struct saved_window *w = &s->windows[from];
        n = MIN(s->n_windows - from, (size_t)RATE_WINDOWS_READ);
        for (size_t i = 0; i < n; i++)
            keys[i] = (struct rate_window_key){w[i].counters->client_row_id,
                                               s->hub->endpoints->list[w[i].endpoint].name};
        e = rate_window_find(tx, keys, n, rows);
        for (size_t i = 0; !e && i < n; i++)
            e = put_window(s, tx, &w[i], &rows[i]);
    }
    return e;
}

static enum err put_records(struct saved_counts *s, struct tx *tx)
{
    enum err e = ERR_OK;
    for (size_t i = 0; !e && i < s->n_records; i++) {
        const struct failures_record *r = &s->records[i];
        char text[HTTP_ADDRESS_TEXT_MAX];
        size_t len = http_address_format(&r->address, text);
        const struct authentication_failure f = {str_make(text, len), r->start_s * 1000,
                                                 r->requests};
        e = authentication_failure_put(tx, &f);
    }
    return e;
}

/* On the store thread. */
static enum err apply_undecided(struct store_write *write, struct tx *tx)
{
    return put_windows(CONTAINER_OF(write, struct saved_counts, write), tx);
}

/* On the store thread. Nothing is removed but beside what is written anyway: an idle server does
 * not write. */
static enum err apply(struct store_write *write, struct tx *tx)
{
    struct saved_counts *s = CONTAINER_OF(write, struct saved_counts, write);
    enum err e = put_windows(s, tx);
    if (!e)
        e = put_records(s, tx);
    if (!e)
        e = rate_window_sweep(tx, s->now_ms - LONGEST_WINDOW_MS, &s->sweep_cursor);
    if (!e && s->n_records)
        e = authentication_failure_sweep(tx, s->now_ms -
                                                 failures_window_s(s->failures) * INT64_C(1000));
    return e;
}

/* --- what is in a write ------------------------------------------------------------------- */

static uint16_t *place_of(struct saved_counts *s, const struct counters *c, size_t endpoint)
{
    size_t i = ((uintptr_t)c / sizeof(void *) * 31 + endpoint) % PLACES;
    for (; s->places[i]; i = (i + 1) % PLACES) {
        const struct saved_window *w = &s->windows[s->places[i] - 1];
        if (w->counters == c && w->endpoint == endpoint)
            break;
    }
    return &s->places[i];
}

static struct saved_window *find_window(struct saved_counts *s, const struct counters *c,
                                        size_t endpoint)
{
    uint16_t place = *place_of(s, c, endpoint);
    return place ? &s->windows[place - 1] : NULL;
}

static struct saved_window *add_window(struct saved_counts *s, struct counters *c, size_t endpoint)
{
    *place_of(s, c, endpoint) = (uint16_t)(s->n_windows + 1);
    struct saved_window *w = &s->windows[s->n_windows++];
    *w = (struct saved_window){.counters = counters_retain(c), .endpoint = endpoint};
    return w;
}

static void report(struct saved_window *w)
{
    w->word = atomic_load(&w->counters->windows[w->endpoint]);
    w->report = counters_make_report(w->counters, w->endpoint, w->word);
}

static void answer(struct undecided *u, enum err e)
{
    counters_release(u->counters);
    u->err = e;
    bool taken = queue_push(u->reply_to, &u->node);
    (void)taken; /* it is never closed: who waits keeps its loop from ending */
}

/* A place in the report, unless it can be told by now. False: the report has no more room. */
static bool ask(struct saved_counts *s, struct undecided *u)
{
    int64_t now_s = s->now_ms / 1000, n = directory_counting(s->hub, &u->limit, now_s);
    enum err e = counters_take_shared(u->counters, u->endpoint, &u->limit, n, now_s, &u->state);
    if (e != ERR_BUSY) {
        list_remove(&u->node);
        answer(u, e);
        return true;
    }
    struct saved_window *w = find_window(s, u->counters, u->endpoint);
    if (!w && s->n_windows == SAVED_COUNTS_MAX)
        return false;
    if (!w) {
        w = add_window(s, u->counters, u->endpoint);
        counters_set_length(u->counters, u->endpoint, &u->limit);
        report(w);
    }
    w->limit = u->limit;
    w->asking++;
    u->window = (size_t)(w - s->windows);
    list_remove(&u->node);
    list_add(&s->asking, &u->node);
    return true;
}

/* In the order in which they came. */
static void collect_undecided(struct saved_counts *s)
{
    if (!s->hub->undecided)
        return;
    queue_take_all(&s->queue, &s->undecided);
    list_for_each_safe (node, &s->undecided) {
        if (!ask(s, CONTAINER_OF(node, struct undecided, node)))
            break;
    }
}

static void collect_windows(struct saved_counts *s, struct counters *c)
{
    counters_unmark(c);
    for (size_t i = 0; i < c->n; i++) {
        struct saved_window *w = find_window(s, c, i);
        if (atomic_load(&c->windows[i]) != atomic_load(&c->known[i]))
            report(w ? w : add_window(s, c, i));
    }
}

/* What waits comes first; what changed since then stays in the list meanwhile. */
static void collect_changed(struct saved_counts *s)
{
    if (!s->waiting)
        s->waiting = counters_list_take_all(&s->hub->changed);
    while (s->waiting && s->n_windows + s->waiting->n <= SAVED_COUNTS_MAX) {
        struct counters *c = s->waiting;
        s->waiting = c->next_changed; /* read before it is unmarked, which lists it anew */
        collect_windows(s, c);
        counters_release(c);
    }
}

static struct store_write *begin(struct saved_counts *s, int64_t now_ms, bool all)
{
    if (s->under_way)
        return NULL;
    s->now_ms = MAX(now_ms, INT64_C(0));
    memset(s->places, 0, sizeof(s->places));
    collect_undecided(s);
    if (all) {
        collect_changed(s);
        s->n_records = failures_take_full(s->failures, s->records, SAVED_FAILURES_MAX);
    }
    if (s->n_windows == 0 && s->n_records == 0)
        return NULL;
    s->under_way = true;
    s->write = (struct store_write){.apply = all ? apply : apply_undecided};
    return &s->write;
}

struct store_write *saved_counts_begin(struct saved_counts *s, int64_t now_ms)
{
    return begin(s, now_ms, true);
}

struct store_write *saved_counts_begin_undecided(struct saved_counts *s, int64_t now_ms)
{
    return begin(s, now_ms, false);
}

/* --- and when it is back ------------------------------------------------------------------ */

/* A write whose outcome is not known (ERR_IN_DOUBT) is taken for lost and written again: what it
 * may have counted twice is no more than this process's share of the slack and those that asked. */
static void end_windows(struct saved_counts *s, bool failed)
{
    for (size_t i = 0; i < s->n_windows; i++) {
        struct saved_window *w = &s->windows[i];
        if (failed)
            counters_mark_changed(w->counters);
        else
            counters_merge(w->counters, w->endpoint, w->word, &w->sum);
        counters_release(w->counters);
    }
}

/* Those that came first pass, and each is told what it has left. */
static void decide(struct saved_counts *s, struct undecided *u)
{
    struct saved_window *w = &s->windows[u->window];
    bool passes = w->passed < w->granted;
    w->passed += passes;
    int64_t counted = w->sum.requests - w->granted + w->passed;
    u->state = (struct limit_state){
        .limit = u->limit.requests,
        .remaining = MAX(u->limit.requests - counted, INT64_C(0)),
        .reset_s = w->sum.start_s + u->limit.window_s,
    };
    answer(u, passes ? ERR_OK : ERR_RATE_LIMIT);
}

static void end_asking(struct saved_counts *s, bool failed)
{
    for (struct list *node; (node = list_take(&s->asking));) {
        struct undecided *u = CONTAINER_OF(node, struct undecided, node);
        if (failed)
            answer(u, ERR_UNAVAILABLE);
        else
            decide(s, u);
    }
}

void saved_counts_end(struct saved_counts *s)
{
    bool failed = s->write.err != ERR_OK;
    end_windows(s, failed);
    end_asking(s, failed);
    for (size_t i = 0; failed && i < s->n_records; i++)
        failures_ask_again(s->failures, &s->records[i].address);
    s->n_windows = s->n_records = 0;
    s->under_way = false;
}

enum err saved_counts_finish(struct saved_counts *s, struct store *store, int64_t now_ms)
{
    struct store_write *w;
    enum err e = ERR_OK;
    while (!e && (w = saved_counts_begin(s, now_ms))) {
        e = w->err = store_write_now(store, w);
        saved_counts_end(s);
    }
    return e;
}

/* --- calls that wait ---------------------------------------------------------------------- */

void saved_counts_open(struct saved_counts *s, void (*wake)(void *arg), void *arg)
{
    queue_init(&s->queue, wake, arg);
    s->hub->undecided = &s->queue;
}

void saved_counts_close(struct saved_counts *s)
{
    queue_close(&s->queue);
    queue_take_all(&s->queue, &s->undecided);
    for (struct list *node; (node = list_take(&s->undecided));)
        answer(CONTAINER_OF(node, struct undecided, node), ERR_UNAVAILABLE);
}

/* --- failures of authentication elsewhere ------------------------------------------------- */

static enum err learn_failure(void *arg, const struct authentication_failure *f)
{
    struct saved_counts *s = arg;
    struct failures_record record = {.start_s = f->started_at / 1000, .requests = f->requests};
    if (http_address_parse(f->address, &record.address))
        failures_learn(s->failures, &record, s->learning_ms / 1000);
    s->learned_len = MIN(f->address.len, sizeof(s->learned));
    memcpy(s->learned, f->address.ptr, s->learned_len);
    s->n_learned++;
    return ERR_OK;
}

/* On a thread of the store's. By the primary key, some rows at a time, and from the beginning after
 * the last: however many there are, a second's work is bounded. */
static enum err learn(struct store_read *r, struct tx *tx)
{
    struct saved_counts *s = CONTAINER_OF(r, struct saved_counts, learning);
    s->n_learned = 0;
    enum err e = authentication_failure_after(tx, str_make(s->learned, s->learned_len),
                                              SHARED_FAILURES_READ, learn_failure, s);
    if (e || s->n_learned < SHARED_FAILURES_READ)
        s->learned_len = 0;
    return e;
}

struct store_read *saved_counts_learn(struct saved_counts *s, int64_t now_ms)
{
    if (atomic_load(&s->hub->n_counting) <= 1)
        return NULL;
    s->learning = (struct store_read){.run = learn};
    s->learning_ms = now_ms;
    return &s->learning;
}
