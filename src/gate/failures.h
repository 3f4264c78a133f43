/* How often authentication failed, per client address (http_address_counted), in a fixed window.
 *
 * Asked only when a request was refused, so that a mutex is cheap enough; one for all loops. The
 * table has a fixed size (AUTH_FAILURE_ADDRESSES): when it is full, the address of a place that
 * failed least makes room. */
#pragma once

#include "gate/plan.h"
#include "http/network.h"

struct failures;

struct failures *failures_new(void);
void failures_free(struct failures *f); /* NULL is fine */
/* Counts one. ERR_RATE_LIMIT, with the seconds to wait, when the window was full before. */
enum err failures_count(struct failures *f, const struct http_address *a, const struct limit *limit,
                        int64_t now_s, int *ret_retry_after) MUST_USE;
