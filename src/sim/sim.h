/* `hudhud sim`: plays Meta's Graph API for those who develop against it and for our own tests
 * (docs/simulator.md). Everything lives in memory, on one thread and one loop; nothing is kept. */
#pragma once

#include "base/err.h"

struct sim_options {
    const char *listen;        /* "127.0.0.1:8090"; port 0: any free one. NULL: SIM_LISTEN */
    int numbers;               /* of the demo scenario, 1..SIM_NUMBERS_MAX; 0: SIM_NUMBERS */
    const char *scenario_path; /* a scenario file, "-" is standard input; NULL: the demo scenario */
    /* Where the app has its webhook, and the token that it answers challenges with; NULL: as the
     * scenario says. Both or none. */
    const char *webhook_url, *verify_token;
    int webhook_connections; /* webhooks that are posted at once; 0: 1, so they keep their order */
    bool quiet;              /* only the ready line, no line for each request or webhook */
};

#define SIM_LISTEN  "127.0.0.1:8090"
#define SIM_NUMBERS 5

/* What --help says below the options: how to go on once it runs. */
extern const char sim_help[];

/* Blocks until SIGTERM or SIGINT. Writes a ready line to stderr, which names an account and a token
 * to go on with:
 *   hudhud sim: ready on http://127.0.0.1:8090, WhatsApp account 102290129340398, token EAAB...
 * ERR_VALIDATION with every wrong field in the details when the scenario is wrong. */
enum err sim_run(const struct sim_options *options, struct error *error) MUST_USE;
