/* The last requests to the Graph API, so that a test can look at what was asked. Tokens are left
 * out. A ring: the oldest entry makes room for the newest. */
#pragma once

#include "base/limits.h"
#include "json/writer.h"

struct sim_journal_entry {
    const char *method;
    char *path, *query; /* from malloc; cut at SIM_REQUEST_TEXT_MAX */
    int status;         /* 0: the connection was cut */
    int64_t time_ms;
};

struct sim_journal {
    struct sim_journal_entry entries[SIM_REQUESTS_MAX];
    uint64_t n; /* since the start or the last clear; the newest stands at (n - 1) % MAX */
};

/* `query` may begin with "?"; access_token, input_token, client_secret, code, pin and
 * appsecret_proof lose their values. */
void sim_journal_add(struct sim_journal *journal, const char *method, struct str path,
                     struct str query, int status);
void sim_journal_clear(struct sim_journal *journal);
/* {"total":N,"data":[...]}, oldest first. */
void sim_journal_write(const struct sim_journal *journal, struct json_writer *w);
