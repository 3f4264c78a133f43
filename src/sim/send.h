/* From changes to deliveries: each to where it belongs, some together, some twice, some out of
 * order, as it is asked for. */
#pragma once

#include "sim/simulator.h"
#include "sim/webhook.h"

struct sim_sending {
    int64_t copies; /* of each delivery */
    int64_t batch;  /* changes of one delivery, at most */
    int64_t delay_ms;
    int64_t seed; /* of the order, when it is shuffled */
    bool shuffle;
    bool wrong_signature;
    struct str url; /* where all of it goes; empty: where each belongs */
};
#define SIM_SENDING_PLAIN                                                                          \
    (struct sim_sending)                                                                           \
    {                                                                                              \
        .copies = 1, .batch = 1                                                                    \
    }

/* Changes that were routed; their order is changed when it is shuffled. *ret_n is the number of
 * deliveries, some of which may be on their way also when this fails. */
enum err sim_send_changes(struct sim *sim, struct sim_change *changes, size_t n,
                          const struct sim_sending *how, size_t *ret_n,
                          struct error *error) MUST_USE;
/* One body, as it is. */
enum err sim_send_body(struct sim *sim, const struct sim_parcel *parcel,
                       const struct sim_sending *how, size_t *ret_n, struct error *error) MUST_USE;

/* One change of an account, to whom it may concern; nobody is fine, and noted. */
void sim_tell(struct sim *sim, struct sim_account *account, const char *field, struct str value);
