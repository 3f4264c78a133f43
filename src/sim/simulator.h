/* The running simulator: its loop, its server, what it knows and what it remembers. One thread. */
#pragma once

#include "crypto/hmac.h"
#include "http/http.h"
#include "sim/journal.h"
#include "sim/state.h"

struct sim {
    uv_loop_t loop;
    struct http_server server;
    uv_signal_t signals[2]; /* SIGTERM, SIGINT */
    struct sim_state *state;
    struct buf scenario; /* what it began with, for /_sim/reset */
    struct hmac hmac;
    struct sim_journal journal;
    struct list delayed; /* requests that a fault keeps waiting: struct sim_delay */
    bool stopping;
    bool quiet;
};
