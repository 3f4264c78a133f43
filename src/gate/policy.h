/* What an operator may change while the server runs: an immutable snapshot, shared by all loops and
 * replaced as a whole (SIGHUP). */
#pragma once

#include "gate/plan.h"
#include "http/network.h"
#include <stdatomic.h>

/* Which requests have a line in the log, at level info or above; at level debug all have. */
enum policy_log { POLICY_LOG_NONE, POLICY_LOG_ERRORS, POLICY_LOG_ALL };

struct policy {
    _Atomic int references;
    struct arena arena; /* holds what the fields point to */
    int64_t sign_window_s;
    struct limit authentication_failures; /* per client address */
    struct http_network *proxies;         /* whose X-Forwarded-For is believed */
    size_t n_proxies;
    struct str *origins; /* CORS: "https://app.example", or one "*"; none: it is off */
    size_t n_origins;
    bool compression;
    enum policy_log log_requests;
};

/* Zeroed, with one reference and its arena ready. */
struct policy *policy_new(void);
struct policy *policy_retain(struct policy *p);
void policy_release(struct policy *p); /* NULL is fine */
