#include "gate/saved_counts.h"
#include "model/authentication_failure.h"
#include "model/rate_window.h"

#define LONGEST_WINDOW_MS (86400 * INT64_C(1000)) /* "N/day" */

struct saved_window {
    struct counters *counters; /* with a reference */
    size_t endpoint;
    uint64_t word;
};

struct saved_counts {
    struct directory_hub *hub;
    struct failures *failures;
    struct directory_view view;
    struct counters *waiting; /* changed, and not in a write yet; with references */
    bool under_way;

    struct store_write write; /* and what it writes */
    int64_t now_ms;
    int64_t sweep_cursor;
    size_t n_windows;
    size_t n_records;
    struct saved_window windows[SAVED_COUNTS_MAX];
    struct failures_record records[SAVED_FAILURES_MAX];
};

struct saved_counts *saved_counts_new(struct directory_hub *hub, struct failures *failures)
{
    struct saved_counts *s = xcalloc(1, sizeof(*s));
    if (hub->endpoints->n > SAVED_COUNTS_MAX)
        die("more endpoints than SAVED_COUNTS_MAX");
    s->hub = hub;
    s->failures = failures;
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
    directory_view_release(&s->view);
    free(s);
}

/* --- at the start ------------------------------------------------------------------------- */

static enum err load_window(void *arg, const struct rate_window *w)
{
    struct saved_counts *s = arg;
    const struct directory_client *client = directory_find(&s->view, w->client_id);
    size_t endpoint = endpoints_find(s->hub->endpoints, w->endpoint);
    if (client && endpoint < s->hub->endpoints->n) /* an older version may have had others */
        counters_restore(client->counters, endpoint, w->started_at / 1000, w->requests);
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

static enum err put_windows(struct saved_counts *s, struct tx *tx)
{
    enum err e = ERR_OK;
    for (size_t i = 0; !e && i < s->n_windows; i++) {
        const struct saved_window *w = &s->windows[i];
        e = rate_window_put(
            tx, w->counters->client_row_id, s->hub->endpoints->list[w->endpoint].name,
            counters_window_start(w->word) * 1000, counters_window_requests(w->word));
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

static void collect_windows(struct saved_counts *s, struct counters *c)
{
    counters_unmark(c);
    for (size_t i = 0; i < c->n; i++) {
        uint64_t word = atomic_load(&c->windows[i]);
        if (word != c->saved[i])
            s->windows[s->n_windows++] = (struct saved_window){counters_retain(c), i, word};
    }
}

/* What waits comes first; what changed since then stays in the list meanwhile. */
static void take_changed(struct saved_counts *s)
{
    if (!s->waiting)
        s->waiting = counters_list_take_all(&s->hub->changed);
}

struct store_write *saved_counts_begin(struct saved_counts *s, int64_t now_ms)
{
    if (s->under_way)
        return NULL;
    take_changed(s);
    while (s->waiting && s->n_windows + s->waiting->n <= SAVED_COUNTS_MAX) {
        struct counters *c = s->waiting;
        s->waiting = c->next_changed; /* read before it is unmarked, which lists it anew */
        collect_windows(s, c);
        counters_release(c);
    }
    s->n_records = failures_take_full(s->failures, s->records, SAVED_FAILURES_MAX);
    if (s->n_windows == 0 && s->n_records == 0)
        return NULL;
    s->under_way = true;
    s->now_ms = now_ms;
    s->write = (struct store_write){.apply = apply};
    return &s->write;
}

void saved_counts_end(struct saved_counts *s)
{
    bool failed = s->write.err != ERR_OK;
    for (size_t i = 0; i < s->n_windows; i++) {
        struct counters *c = s->windows[i].counters;
        if (failed)
            counters_mark_changed(c);
        else
            c->saved[s->windows[i].endpoint] = s->windows[i].word;
        counters_release(c);
    }
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
