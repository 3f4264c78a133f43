#include "base/log.h"
#include "http/connection.h"
#include "http/listen.h"
#include "http/stream.h"

#include <signal.h>

/* --- time --------------------------------------------------------------------------------- */

static void expire_kind(struct http_server *s, struct list *connections, uint64_t now)
{
    while (!list_empty(connections)) {
        struct http_connection *c = CONTAINER_OF(connections->next, struct http_connection, node);
        if (c->expires_ms > now)
            return;
        http_connection_expire(c);
    }
}

static void on_tick(uv_timer_t *tick)
{
    struct http_server *s = tick->data;
    for (size_t kind = 0; kind < HTTP_DEADLINE_COUNT; kind++)
        expire_kind(s, &s->connections[kind], uv_now(s->loop));
    http_listeners_resume(s);
}

static int or_default(int ms, int default_ms)
{
    return ms > 0 ? ms : default_ms;
}

static void set_times(struct http_server *s, const struct http_timeouts *t)
{
    static const struct http_timeouts defaults;
    if (!t)
        t = &defaults;
    s->after_ms[HTTP_DEADLINE_IDLE] = or_default(t->idle, HTTP_IDLE_TIMEOUT_MS);
    s->after_ms[HTTP_DEADLINE_DRAIN] = or_default(t->drain, HTTP_DRAIN_IDLE_MS);
    s->after_ms[HTTP_DEADLINE_HEADER] = or_default(t->header, HTTP_HEADER_TIMEOUT_MS);
    s->after_ms[HTTP_DEADLINE_BODY] = or_default(t->body, HTTP_BODY_TIMEOUT_MS);
    s->after_ms[HTTP_DEADLINE_WRITE] = or_default(t->write, HTTP_WRITE_TIMEOUT_MS);
    s->after_ms[HTTP_DEADLINE_LINGER] = HTTP_LINGER_MS;
}

/* Often enough for the shortest of the times. */
static int tick_ms(const struct http_server *s)
{
    int ms = HTTP_TICK_MS;
    for (size_t kind = 0; kind < HTTP_DEADLINE_COUNT; kind++)
        ms = MIN(ms, s->after_ms[kind] / 4 + 1);
    return ms;
}

void http_server_init(struct http_server *s, uv_loop_t *loop, const struct http_hooks *hooks,
                      void *arg, const struct http_timeouts *timeouts)
{
    *s = (struct http_server){.loop = loop, .hooks = *hooks, .arg = arg};
    set_times(s, timeouts);
    list_init(&s->listeners);
    list_init(&s->waiting);
    list_init(&s->streams);
    list_init(&s->spare);
    s->memory_max = HTTP_MEMORY_MAX;
    s->received = xmalloc(HTTP_READ_SIZE);
    for (size_t kind = 0; kind < HTTP_DEADLINE_COUNT; kind++)
        list_init(&s->connections[kind]);
    signal(SIGPIPE, SIG_IGN); /* a client that left is an error of write(), not our death */
    uv_timer_init(loop, &s->tick);
    s->tick.data = s;
    uv_timer_start(&s->tick, on_tick, (uint64_t)tick_ms(s), (uint64_t)tick_ms(s));
}

void http_server_set_ledger(struct http_server *s, struct http_ledger *ledger)
{
    s->ledger = ledger;
}

void http_server_set_tls(struct http_server *s, struct http_tls_context *context)
{
    if (context && s->draining)
        return; /* hardly anybody comes, and it may be gone already */
    if (context)
        http_tls_context_retain(context);
    http_tls_context_release(s->tls);
    s->tls = context;
}

/* --- memory ------------------------------------------------------------------------------- */

void http_server_set_memory(struct http_server *s, size_t max)
{
    s->memory_max = max;
}

static size_t held_by(const struct http_connection *c)
{
    return (c->x ? c->x->counted : 0) + c->tls_counted;
}

/* Requests that are being handled are not looked at: closing does not free them. */
static struct http_connection *largest(const struct http_server *s)
{
    struct http_connection *found = NULL;
    for (size_t kind = 0; kind < HTTP_DEADLINE_COUNT; kind++)
        list_for_each (node, &s->connections[kind]) {
            struct http_connection *c = CONTAINER_OF(node, struct http_connection, node);
            if (!c->handling && held_by(c) > (found ? held_by(found) : 0))
                found = c;
        }
    return found;
}

void http_server_check_memory(struct http_server *s)
{
    while (s->held > s->memory_max) {
        struct http_connection *c = largest(s);
        if (!c)
            return;
        log_event(LOG_WARN, "connection_shed", LOG_INT("bytes", (int64_t)held_by(c)),
                  LOG_INT("held", (int64_t)s->held));
        http_connection_close(c);
        s->n_shed++;
    }
}

/* --- the end ------------------------------------------------------------------------------ */

static void on_tick_closed(uv_handle_t *tick)
{
    struct http_server *s = tick->data;
    http_exchanges_release(s);
    http_server_set_tls(s, NULL);
    free(s->received);
    s->received = NULL;
    if (s->drained)
        s->drained(s->arg);
}

void http_server_check_drained(struct http_server *s)
{
    uv_handle_t *tick = (uv_handle_t *)&s->tick;
    if (!s->draining || s->n_connections || !list_empty(&s->listeners) || uv_is_closing(tick))
        return;
    uv_close(tick, on_tick_closed);
}

static void close_all(struct list *connections)
{
    list_for_each_safe (node, connections)
        http_connection_close(CONTAINER_OF(node, struct http_connection, node));
}

void http_server_drain(struct http_server *s, void (*drained)(void *arg))
{
    if (drained)
        s->drained = drained;
    s->draining = true;
    http_listeners_close(s);
    list_for_each_safe (node, &s->connections[HTTP_DEADLINE_IDLE])
        http_connection_drain(CONTAINER_OF(node, struct http_connection, node));
    http_streams_drain(s);
    http_server_check_drained(s);
}

void http_server_kill(struct http_server *s)
{
    http_server_drain(s, NULL);
    for (size_t kind = 0; kind < HTTP_DEADLINE_COUNT; kind++)
        close_all(&s->connections[kind]);
    close_all(&s->waiting);
}

static size_t list_count(const struct list *list)
{
    size_t n = 0;
    list_for_each (node, list)
        n++;
    return n;
}

size_t http_server_count_begun(const struct http_server *s)
{
    return list_count(&s->waiting) + list_count(&s->connections[HTTP_DEADLINE_HEADER]) +
           list_count(&s->connections[HTTP_DEADLINE_BODY]) +
           list_count(&s->connections[HTTP_DEADLINE_WRITE]);
}
