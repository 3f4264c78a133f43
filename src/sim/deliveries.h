/* Webhooks on their way: each is posted, signed with the app's secret, until it is answered 200.
 * The last ones are remembered, and GET /_sim/webhooks tells of them. */
#pragma once

#include "base/err.h"
#include "sim/state.h"
#include "json/writer.h"

struct sim;
struct sim_deliveries;

/* `connections`: how many are posted at once. With 1 they arrive in their order. */
enum err sim_deliveries_open(struct sim *sim, int connections, struct sim_deliveries **ret,
                             struct error *error) MUST_USE;
/* Gives all up. The loop must still turn for its handles to close. NULL is fine. */
void sim_deliveries_close(struct sim_deliveries *d);

struct sim_parcel {
    struct str url, body; /* copied */
    struct str field;     /* of its first change; for people */
    size_t n_changes;
    int64_t delay_ms;     /* before the first attempt */
    bool wrong_signature; /* signed with a secret that is not the app's */
};
/* ERR_TOO_LARGE with a message when too many, or too large ones, are on their way already. */
enum err sim_deliveries_add(struct sim_deliveries *d, const struct sim_parcel *parcel,
                            struct error *error) MUST_USE;

/* One change more that nobody gets. `why` is a literal. */
void sim_deliveries_skip(struct sim_deliveries *d, const char *why);

/* {"total","pending","skipped","why","data":[...]}, oldest first; `why` of the last one skipped. */
void sim_deliveries_write(const struct sim_deliveries *d, struct json_writer *w);
/* Forgets all, and gives up what is on its way. */
void sim_deliveries_clear(struct sim_deliveries *d);
