/* Meta's challenge to a callback: GET with hub.challenge, which a receiver that knows the verify
 * token answers with that very challenge (meta-graph.md §6.1). */
#pragma once

#include "base/err.h"

struct sim;
struct sim_verifier;

enum err sim_verifier_open(struct sim *sim, struct sim_verifier **ret,
                           struct error *error) MUST_USE;
/* Those under way are called back first. The loop must still turn for its handles to close. NULL is
 * fine. */
void sim_verifier_close(struct sim_verifier *v);

/* Challenges the callback. `why` is empty when it answered as it should, else a sentence. Never
 * calls back from within, unless the verifier is being closed. */
typedef void sim_verify_cb(void *arg, struct str why);
void sim_verify(struct sim_verifier *v, struct str url, struct str verify_token, sim_verify_cb *cb,
                void *arg);

/* Challenges the webhook of the state's app, unless it is verified, again and again until it
 * answers: its receiver may still have to start. Called for each new state. */
void sim_verify_app(struct sim_verifier *v);
