#include "serve/upkeep.h"
#include "base/clock.h"
#include "base/limits.h"
#include "model/idempotency.h"
#include "serve/systemd.h"

/* --- counts ------------------------------------------------------------------------------- */

static void counts_done(struct upkeep *u)
{
    u->counting = NULL;
    saved_counts_end(u->counts);
}

static void write_counts(struct upkeep *u)
{
    struct store_write *w = saved_counts_begin(u->counts, clock_now_ms());
    if (!w)
        return;
    w->reply_to = &u->written;
    u->counting = w;
    enum err e = store_submit(u->store, w);
    if (!e)
        return; /* it is the store's now */
    w->err = e;
    counts_done(u);
}

/* --- expired answers ---------------------------------------------------------------------- */

static enum err apply_purge(struct store_write *w, struct tx *tx)
{
    struct upkeep_purge *p = CONTAINER_OF(w, struct upkeep_purge, write);
    return idempotency_purge(tx, p->now_ms, &p->n);
}

static void purge(struct upkeep *u)
{
    if (u->purging || u->ending)
        return;
    u->purge = (struct upkeep_purge){
        .write.apply = apply_purge, .write.reply_to = &u->written, .now_ms = clock_now_ms()};
    u->purging = store_submit(u->store, &u->purge.write) == ERR_OK;
}

/* A batch that was full has more behind it. */
static void purge_done(struct upkeep *u)
{
    u->purging = false;
    if (!u->purge.write.err && u->purge.n >= UPKEEP_PURGE_ROWS)
        purge(u);
}

/* --- the loop ----------------------------------------------------------------------------- */

static bool is_idle(const struct upkeep *u)
{
    return !u->counting && !u->purging;
}

static void on_written(uv_async_t *wake)
{
    struct upkeep *u = wake->data;
    struct list written;
    list_init(&written);
    queue_take_all(&u->written, &written);
    for (struct list *node; (node = list_take(&written));) {
        if (CONTAINER_OF(node, struct store_write, node) == u->counting)
            counts_done(u);
        else
            purge_done(u);
    }
    if (u->ending && is_idle(u))
        u->idle(u->idle_arg);
}

static void on_tick(uv_timer_t *tick)
{
    struct upkeep *u = tick->data;
    systemd_feed_watchdog();
    if (!u->counting)
        write_counts(u);
    if (u->n_ticks++ % UPKEEP_PURGE_S == 0)
        purge(u);
}

static void wake_loop(void *arg)
{
    uv_async_send(arg);
}

void upkeep_open(struct upkeep *u, uv_loop_t *loop, struct store *store,
                 struct saved_counts *counts)
{
    *u = (struct upkeep){.store = store, .counts = counts};
    if (uv_async_init(loop, &u->wake, on_written) != 0)
        die("cannot make a wake-up");
    uv_timer_init(loop, &u->tick);
    u->wake.data = u->tick.data = u;
    queue_init(&u->written, wake_loop, &u->wake);
    uv_timer_start(&u->tick, on_tick, 1000, 1000);
}

bool upkeep_end(struct upkeep *u, void (*idle)(void *arg), void *arg)
{
    u->ending = true;
    u->idle = idle;
    u->idle_arg = arg;
    uv_timer_stop(&u->tick);
    return is_idle(u);
}

void upkeep_close(struct upkeep *u)
{
    uv_close((uv_handle_t *)&u->wake, NULL);
    uv_close((uv_handle_t *)&u->tick, NULL);
}

void upkeep_release(struct upkeep *u)
{
    queue_release(&u->written);
}
