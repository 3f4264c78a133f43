/* One event loop: its thread, its listeners, its half of the API. */
#pragma once

#include "api/api.h"
#include "http/tls.h"
#include "serve/ops.h"
#include "serve/upkeep.h"
#include <semaphore.h>

enum serve_loop_order {
    LOOP_RUN,
    LOOP_DRAIN, /* stop listening, answer what was begun */
    LOOP_COUNT, /* the time is up: how much of it is not answered? */
    LOOP_END,   /* close what is left, wait for calls on other threads, then return */
};

/* What may change while the server runs. Owns a reference to each. */
struct serve_news {
    struct policy *policy;
    struct http_tls_context *tls; /* NULL: none */
};

struct serve_loop {
    uv_loop_t loop;
    uv_thread_t thread;
    uv_async_t wake;
    struct http_server public_server;
    struct http_server control_server;
    bool has_public, has_control;
    int servers_open; /* not drained yet */
    struct api api;
    _Atomic int order; /* enum serve_loop_order */
    int obeyed;
    _Atomic(struct serve_news *) news; /* not taken yet; NULL: none */
    sem_t *drained;                    /* posted once when all servers are drained */
    struct ops *ops;                   /* of the first loop; NULL: none */
    struct upkeep *upkeep;             /* the same */
    size_t n_late;                     /* requests that LOOP_COUNT found */
    bool closing;
};

enum err serve_loop_open(struct serve_loop *l, const struct api_shared *shared, sem_t *drained,
                         struct error *error) MUST_USE;
void serve_loop_start(struct serve_loop *l);
/* Any thread. */
void serve_loop_order(struct serve_loop *l, enum serve_loop_order order);
/* The loop takes a copy over on its own thread; the last one counts. Any thread. */
void serve_loop_tell(struct serve_loop *l, const struct serve_news *news);
/* After LOOP_END. */
void serve_loop_join(struct serve_loop *l);
/* Of a loop that was opened: joined, or never started. */
void serve_loop_release(struct serve_loop *l);
