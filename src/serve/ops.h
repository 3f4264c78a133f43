/* The operator's listener: GET /healthz, /readyz and /metrics, on an address of its own, unsigned.
 *
 * It lives on the first loop and belongs to its thread. It goes on through a drain, so that
 * /readyz says what is going on until the end.
 *
 * /readyz proves that the store can be written: by a commit of the last OPS_PROOF_MS, else by one
 * of its own (a row of `settings`). Requests that come while that runs wait for it together, for at
 * most OPS_PROBE_TIMEOUT_S. */
#pragma once

#include "http/http.h"
#include "store/store.h"

struct serve;

struct ops {
    struct serve *serve;
    struct http_server server;
    struct store_write probe;
    struct queue probed; /* its way back */
    bool probing;
    int64_t probe_until_us; /* monotonic; then those that wait are told that it takes too long */
    struct list waiting;    /* requests for /readyz */
    uv_async_t wake;
    uv_timer_t tick;
};

/* Its server is then the caller's to let listen. `serve` outlives it. */
void ops_open(struct ops *o, struct serve *serve, uv_loop_t *loop);
/* On the loop's thread: closes its handles; the loop turns once more. */
void ops_close(struct ops *o);
/* After the loop and the store. */
void ops_release(struct ops *o);
