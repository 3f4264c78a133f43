/* How often authentication failed, per client address (http_address_counted), in a fixed window
 * that begins with the first failure.
 *
 * Asked only when a request was refused, so that a mutex is cheap enough; one for all loops. The
 * table has a fixed size (AUTH_FAILURE_ADDRESSES): an address has its place in one of many small
 * sets, which a random key chooses, and when its set is full, the address there that failed least
 * makes room. */
#pragma once

#include "gate/plan.h"
#include "http/network.h"

struct failures;

struct failures *failures_new(void);
void failures_free(struct failures *f); /* NULL is fine */
/* Counts one. ERR_RATE_LIMIT, with the seconds to wait, when the window was full before. */
enum err failures_count(struct failures *f, const struct http_address *a, const struct limit *limit,
                        int64_t now_s, int *ret_retry_after) MUST_USE;

/* --- for who saves them --------------------------------------------------------------------- */
struct failures_record {
    struct http_address address;
    int64_t start_s;
    int64_t requests;
};
/* Up to `max` addresses whose window became full since they were last asked for; how many. */
size_t failures_take_full(struct failures *f, struct failures_record *records, size_t max);
/* One of these could not be saved after all. */
void failures_ask_again(struct failures *f, const struct http_address *a);
/* What was saved before, put back. */
void failures_restore(struct failures *f, const struct failures_record *record);
/* What another process saved: it counts here too, from now on, unless its window has ended. */
void failures_learn(struct failures *f, const struct failures_record *record, int64_t now_s);
/* The length of the windows that are counted in. */
int64_t failures_window_s(struct failures *f);
