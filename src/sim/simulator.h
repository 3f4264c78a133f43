/* The running simulator: its loop, its server, what it knows and what it remembers. One thread. */
#pragma once

#include "crypto/hmac.h"
#include "http/http.h"
#include "sim/deliveries.h"
#include "sim/journal.h"
#include "sim/state.h"
#include "sim/verify.h"

struct sim {
    uv_loop_t loop;
    struct http_server server;
    uv_signal_t signals[2]; /* SIGTERM, SIGINT */
    struct sim_state *state;
    struct buf scenario; /* what it began with, for /_sim/reset */
    struct hmac hmac;
    struct sim_journal journal;
    struct list delayed; /* requests that a fault keeps waiting: struct sim_delay */
    struct sim_deliveries *deliveries;
    struct sim_verifier *verifier;
    const char *webhook_url, *verify_token; /* of the command line; NULL: the scenario's */
    bool stopping;
    bool quiet;
};

/* What it began with, once more. */
enum err sim_first_state(const struct sim *sim, struct sim_state **ret,
                         struct error *error) MUST_USE;
