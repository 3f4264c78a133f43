#include "serve/loop.h"

static void close_handles(struct serve_loop *l)
{
    if (l->closing)
        return;
    l->closing = true;
    if (l->ops)
        ops_close(l->ops);
    if (l->upkeep)
        upkeep_close(l->upkeep);
    api_close(&l->api);
    uv_close((uv_handle_t *)&l->wake, NULL);
}

static void on_server_drained(void *api)
{
    struct serve_loop *l = CONTAINER_OF(api, struct serve_loop, api);
    if (--l->servers_open == 0)
        sem_post(l->drained);
}

static void drain(struct serve_loop *l)
{
    l->servers_open = l->has_public + l->has_control;
    if (l->servers_open == 0) {
        sem_post(l->drained);
        return;
    }
    if (l->has_public)
        http_server_drain(&l->public_server, on_server_drained);
    if (l->has_control)
        http_server_drain(&l->control_server, on_server_drained);
}

static void count_late(struct serve_loop *l)
{
    if (l->has_public)
        l->n_late += http_server_count_begun(&l->public_server);
    if (l->has_control)
        l->n_late += http_server_count_begun(&l->control_server);
}

/* Calls that are on another thread come back first: they hold requests of this loop. */
static void end_if_idle(void *arg)
{
    struct serve_loop *l = arg;
    if (l->obeyed != LOOP_END || l->api.n_pending)
        return;
    if (!l->upkeep || upkeep_end(l->upkeep, end_if_idle, l))
        close_handles(l);
}

static void end(struct serve_loop *l)
{
    atomic_store(&l->api.ending, true);
    if (l->has_public)
        http_server_kill(&l->public_server);
    if (l->has_control)
        http_server_kill(&l->control_server);
    end_if_idle(l);
}

/* --- news --------------------------------------------------------------------------------- */

static void free_news(struct serve_news *news)
{
    if (!news)
        return;
    policy_release(news->policy);
    http_tls_context_release(news->tls);
    free(news);
}

static void take_news(struct serve_loop *l)
{
    struct serve_news *news = atomic_exchange(&l->news, NULL);
    if (!news)
        return;
    gate_set_policy(&l->api.gate, news->policy);
    if (l->has_public)
        http_server_set_tls(&l->public_server, news->tls);
    free_news(news);
}

void serve_loop_tell(struct serve_loop *l, const struct serve_news *news)
{
    struct serve_news *copy = xmalloc(sizeof(*copy));
    *copy = (struct serve_news){
        .policy = policy_retain(news->policy),
        .tls = news->tls ? http_tls_context_retain(news->tls) : NULL,
    };
    free_news(atomic_exchange(&l->news, copy));
    uv_async_send(&l->wake);
}

/* --- orders ------------------------------------------------------------------------------- */

static void on_wake(uv_async_t *wake)
{
    struct serve_loop *l = wake->data;
    take_news(l);
    int order = atomic_load(&l->order);
    while (l->obeyed < order) {
        l->obeyed++;
        if (l->obeyed == LOOP_DRAIN)
            drain(l);
        else if (l->obeyed == LOOP_COUNT)
            count_late(l);
        else
            end(l);
    }
}

enum err serve_loop_open(struct serve_loop *l, const struct api_shared *shared, sem_t *drained,
                         struct error *error)
{
    l->drained = drained;
    if (uv_loop_init(&l->loop) != 0 || uv_async_init(&l->loop, &l->wake, on_wake) != 0)
        die("cannot make an event loop");
    l->wake.data = l;
    enum err e = api_open(&l->api, &l->loop, shared, error);
    if (e) {
        uv_close((uv_handle_t *)&l->wake, NULL);
        uv_run(&l->loop, UV_RUN_DEFAULT);
        uv_loop_close(&l->loop);
        return e;
    }
    l->api.idle = end_if_idle;
    l->api.idle_arg = l;
    return ERR_OK;
}

static void run_thread(void *arg)
{
    struct serve_loop *l = arg;
    uv_run(&l->loop, UV_RUN_DEFAULT);
}

void serve_loop_start(struct serve_loop *l)
{
    if (uv_thread_create(&l->thread, run_thread, l) != 0)
        die("cannot start a thread");
}

void serve_loop_order(struct serve_loop *l, enum serve_loop_order order)
{
    atomic_store(&l->order, (int)order);
    uv_async_send(&l->wake);
}

void serve_loop_join(struct serve_loop *l)
{
    uv_thread_join(&l->thread);
}

void serve_loop_release(struct serve_loop *l)
{
    if (!l->closing) { /* never ran */
        end(l);
        close_handles(l);
        uv_run(&l->loop, UV_RUN_DEFAULT);
    }
    free_news(atomic_exchange(&l->news, NULL));
    api_release(&l->api);
    uv_loop_close(&l->loop);
}
