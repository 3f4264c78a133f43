#include "serve/ops.h"
#include "base/clock.h"
#include "base/limits.h"
#include "model/setting.h"
#include "serve/exposition.h"
#include "serve/metrics.h"
#include "serve/server.h"

#define PLAIN STR("text/plain; charset=utf-8")

struct waiter {
    struct list node;
    struct http_request *request;
};

static void answer(struct http_request *r, int status, struct str type, struct str body)
{
    struct http_response response = {.status = status, .content_type = type, .body = body};
    http_response_add(&response, STR("Cache-Control"), STR("no-store"));
    if (status == 405)
        http_response_add(&response, STR("Allow"), STR("GET, HEAD"));
    http_respond(r, &response);
}

/* --- readiness ---------------------------------------------------------------------------- */

struct report {
    struct buf text;
    bool ready;
};

static void check(struct report *report, const char *name, const char *problem)
{
    buf_printf(&report->text, "%s: %s\n", name, problem ? problem : "ok");
    report->ready = report->ready && !problem;
}

static const char *store_problem(const struct ops *o)
{
    if (o->probing)
        return "a commit takes longer than " TEXT_OF(OPS_PROBE_TIMEOUT_S) " s";
    return store_stats(o->serve->store).failing ? "the last commit failed; the log says why" : NULL;
}

static void answer_ready(const struct ops *o, struct http_request *r)
{
    const struct serve *s = o->serve;
    struct report report = {.ready = true};
    buf_init(&report.text, OPS_READY_MAX);
    check(&report, "store", store_problem(o));
    check(&report, "directory", atomic_load(&s->directory.version) ? NULL : "not loaded");
    check(&report, "drain", atomic_load(&s->draining) ? "the server is stopping" : NULL);
    answer(r, report.ready ? 200 : 503, PLAIN, buf_str(&report.text));
    buf_release(&report.text);
}

static void answer_waiting(struct ops *o)
{
    for (struct list *node; (node = list_take(&o->waiting));)
        answer_ready(o, CONTAINER_OF(node, struct waiter, node)->request); /* frees the waiter */
}

/* On the store thread. The time is for people who look at the table. */
static enum err write_probe(struct store_write *w, struct tx *tx)
{
    char now[CLOCK_ISO_MS_LEN];
    clock_format_iso_ms(clock_now_ms(), now);
    return setting_put(tx, STR("written_at"), str_make(now, sizeof(now)));
}

static bool is_proven(const struct ops *o)
{
    struct store_stats stats = store_stats(o->serve->store);
    return !stats.failing && stats.committed_us &&
           clock_monotonic_us() - stats.committed_us < OPS_PROOF_MS * INT64_C(1000);
}

static void start_probe(struct ops *o)
{
    o->probe = (struct store_write){.apply = write_probe, .reply_to = &o->probed};
    o->probe_until_us = clock_monotonic_us() + OPS_PROBE_TIMEOUT_S * INT64_C(1000000);
    o->probing = store_submit(o->serve->store, &o->probe) == ERR_OK;
}

/* A queue of writes that is full is a store that cannot be written: no probe, no proof. */
static void ask_ready(struct ops *o, struct http_request *r)
{
    struct waiter *waiter = ARENA_NEW(&r->arena, struct waiter);
    if (!o->probing && !is_proven(o))
        start_probe(o);
    bool late = o->probing && clock_monotonic_us() > o->probe_until_us;
    if (!waiter || !o->probing || late) {
        answer_ready(o, r);
        return;
    }
    waiter->request = r;
    list_add(&o->waiting, &waiter->node);
}

static void on_probed(uv_async_t *wake)
{
    struct ops *o = wake->data;
    struct list written;
    list_init(&written);
    queue_take_all(&o->probed, &written);
    if (list_empty(&written))
        return;
    o->probing = false;
    answer_waiting(o);
}

static void on_tick(uv_timer_t *tick)
{
    struct ops *o = tick->data;
    if (o->probing && clock_monotonic_us() > o->probe_until_us)
        answer_waiting(o);
}

/* --- requests ----------------------------------------------------------------------------- */

static void answer_metrics(const struct ops *o, struct http_request *r)
{
    struct buf text;
    buf_init(&text, OPS_METRICS_MAX);
    metrics_write(o->serve, &text);
    if (buf_ok(&text))
        answer(r, 200, EXPOSITION_TYPE, buf_str(&text));
    else
        answer(r, 503, PLAIN, STR("no memory for the metrics\n"));
    buf_release(&text);
}

static void handle(void *arg, struct http_request *r)
{
    struct ops *o = arg;
    if (r->method != HTTP_GET && r->method != HTTP_HEAD)
        answer(r, 405, PLAIN, STR("only GET and HEAD are allowed here\n"));
    else if (str_eq(r->path, STR("/healthz")))
        answer(r, 200, PLAIN, STR("ok\n"));
    else if (str_eq(r->path, STR("/readyz")))
        ask_ready(o, r);
    else if (str_eq(r->path, STR("/metrics")))
        answer_metrics(o, r);
    else
        answer(r, 404, PLAIN, STR("there are /healthz, /readyz and /metrics\n"));
}

static void refuse(void *arg, struct http_request *r, enum err e, const char *why,
                   struct http_response *response)
{
    response->content_type = PLAIN;
    response->body = arena_printf(&r->arena, "%s: %s\n", err_code(e), why);
}

static const struct http_hooks hooks = {NULL, handle, refuse};

/* --- life --------------------------------------------------------------------------------- */

static void wake_loop(void *arg)
{
    uv_async_send(arg);
}

void ops_open(struct ops *o, struct serve *serve, uv_loop_t *loop)
{
    o->serve = serve;
    list_init(&o->waiting);
    if (uv_async_init(loop, &o->wake, on_probed) != 0)
        die("cannot make a wake-up");
    queue_init(&o->probed, wake_loop, &o->wake);
    uv_timer_init(loop, &o->tick);
    o->wake.data = o->tick.data = o;
    uv_timer_start(&o->tick, on_tick, OPS_TICK_MS, OPS_TICK_MS);
    http_server_init(&o->server, loop, &hooks, o, NULL);
}

/* A probe that is under way is not waited for: its queue is closed, and it stays in memory until
 * the store has ended. */
void ops_close(struct ops *o)
{
    answer_waiting(o);
    queue_close(&o->probed);
    http_server_kill(&o->server);
    uv_close((uv_handle_t *)&o->wake, NULL);
    uv_close((uv_handle_t *)&o->tick, NULL);
}

void ops_release(struct ops *o)
{
    queue_release(&o->probed);
}
