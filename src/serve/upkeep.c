#include "serve/upkeep.h"
#include "base/clock.h"
#include "base/limits.h"
#include "model/event.h"
#include "model/idempotency.h"
#include "model/inbound.h"
#include "model/job.h"
#include "serve/systemd.h"

/* --- counts ------------------------------------------------------------------------------- */

static void counts_done(struct upkeep *u)
{
    u->counting = NULL;
    saved_counts_end(u->counts);
}

/* All that changed, or only what calls wait for. */
static void write_counts(struct upkeep *u, bool all)
{
    if (u->counting) {
        u->counts_due |= all;
        return;
    }
    struct store_write *w = all ? saved_counts_begin(u->counts, clock_now_ms())
                                : saved_counts_begin_undecided(u->counts, clock_now_ms());
    if (!w)
        return;
    w->reply_to = &u->returned;
    u->counting = w;
    enum err e = store_submit(u->store, w);
    if (!e)
        return; /* it is the store's now */
    w->err = e;
    counts_done(u);
}

/* What came while the last write was under way. */
static void write_more_counts(struct upkeep *u)
{
    bool all = u->counts_due;
    u->counts_due = false;
    if (!u->ending)
        write_counts(u, all);
}

static void learn(struct upkeep *u)
{
    struct store_read *r = u->learning ? NULL : saved_counts_learn(u->counts, clock_now_ms());
    if (!r)
        return;
    r->reply_to = &u->returned;
    if (store_submit_read(u->store, r) == ERR_OK)
        u->learning = r;
}

/* --- what was kept long enough ------------------------------------------------------------- */

static enum err apply_purge(struct store_write *w, struct tx *tx)
{
    struct upkeep_purge *p = CONTAINER_OF(w, struct upkeep_purge, write);
    int64_t before_events = p->now_ms - p->keep.events;
    int64_t n = 0;
    enum err e = idempotency_purge(tx, p->now_ms, &p->n);
    if (!e)
        e = job_drop_stranded(tx, before_events, p->now_ms, &n);
    p->n = MAX(p->n, n);
    if (!e)
        e = job_sweep(tx, before_events, &n);
    p->n = MAX(p->n, n);
    if (!e)
        e = event_sweep(tx, before_events, &n);
    p->n = MAX(p->n, n);
    if (!e)
        e = inbound_sweep(tx, p->now_ms - p->keep.inbound, p->now_ms - p->keep.unapplied, &n);
    p->n = MAX(p->n, n);
    return e;
}

static void purge(struct upkeep *u)
{
    if (u->purging || u->ending)
        return;
    u->purge = (struct upkeep_purge){
        .write.apply = apply_purge,
        .write.reply_to = &u->returned,
        .keep = u->keep,
        .now_ms = clock_now_ms(),
    };
    u->purging = store_submit(u->store, &u->purge.write) == ERR_OK;
}

/* A batch that was full has more behind it. */
static void purge_done(struct upkeep *u)
{
    u->purging = false;
    if (!u->purge.write.err && u->purge.n >= UPKEEP_PURGE_ROWS)
        purge(u);
}

/* --- claims that were left ------------------------------------------------------------------ */

static void claims_done(struct upkeep *u)
{
    u->releasing = NULL;
    left_claims_end(u->claims);
}

static void release_claims(struct upkeep *u)
{
    struct store_write *w = left_claims_begin(u->claims);
    if (!w)
        return;
    w->reply_to = &u->returned;
    u->releasing = w;
    enum err e = store_submit(u->store, w);
    if (!e)
        return; /* it is the store's now */
    w->err = e;
    claims_done(u);
}

/* --- the loop ----------------------------------------------------------------------------- */

static bool is_idle(const struct upkeep *u)
{
    return !u->counting && !u->purging && !u->learning && !u->releasing;
}

static void take_back(struct upkeep *u, struct list *node)
{
    if (u->counting && node == &u->counting->node)
        counts_done(u);
    else if (u->learning && node == &u->learning->node)
        u->learning = NULL;
    else if (u->releasing && node == &u->releasing->node)
        claims_done(u);
    else
        purge_done(u);
}

static void on_wake(uv_async_t *wake)
{
    struct upkeep *u = wake->data;
    struct list returned;
    list_init(&returned);
    queue_take_all(&u->returned, &returned);
    for (struct list *node; (node = list_take(&returned));)
        take_back(u, node);
    write_more_counts(u);
    if (u->ending && is_idle(u))
        u->idle(u->idle_arg);
}

static void on_second(struct upkeep *u, uint64_t second)
{
    systemd_feed_watchdog();
    learn(u);
    release_claims(u);
    if (second % UPKEEP_PURGE_S == 0)
        purge(u);
}

static void on_tick(uv_timer_t *tick)
{
    struct upkeep *u = tick->data;
    bool is_second = u->n_ticks % u->ticks_a_second == 0;
    int64_t n = store_replicas(u->store);
    directory_set_counting(u->hub, n, clock_now_ms() / 1000);
    if (is_second || n > 1)
        write_counts(u, true);
    if (is_second)
        on_second(u, u->n_ticks / u->ticks_a_second);
    u->n_ticks++;
}

static void wake_loop(void *arg)
{
    uv_async_send(arg);
}

void upkeep_open(struct upkeep *u, uv_loop_t *loop, struct store *store, struct directory_hub *hub,
                 struct saved_counts *counts, struct left_claims *claims, struct upkeep_keep keep)
{
    int tick_ms = store_is_shared(store) ? SHARED_COUNTS_TICK_MS : 1000;
    *u = (struct upkeep){.store = store,
                         .hub = hub,
                         .counts = counts,
                         .claims = claims,
                         .keep = keep,
                         .ticks_a_second = 1000 / (uint64_t)tick_ms};
    if (uv_async_init(loop, &u->wake, on_wake) != 0)
        die("cannot make a wake-up");
    uv_timer_init(loop, &u->tick);
    u->wake.data = u->tick.data = u;
    queue_init(&u->returned, wake_loop, &u->wake);
    saved_counts_open(counts, wake_loop, &u->wake);
    directory_set_counting(hub, store_replicas(store), clock_now_ms() / 1000);
    uv_timer_start(&u->tick, on_tick, (uint64_t)tick_ms, (uint64_t)tick_ms);
}

bool upkeep_end(struct upkeep *u, void (*idle)(void *arg), void *arg)
{
    u->ending = true;
    u->idle = idle;
    u->idle_arg = arg;
    uv_timer_stop(&u->tick);
    saved_counts_close(u->counts);
    return is_idle(u);
}

void upkeep_close(struct upkeep *u)
{
    uv_close((uv_handle_t *)&u->wake, NULL);
    uv_close((uv_handle_t *)&u->tick, NULL);
}

void upkeep_release(struct upkeep *u)
{
    queue_release(&u->returned);
}
