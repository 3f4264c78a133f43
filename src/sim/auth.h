/* Who asks, and whether they may: meta-graph.md §7.2, §8. */
#pragma once

#include "sim/call.h"

/* Finds the call's token and checks it and its appsecret_proof. False: the call has failed. */
bool sim_auth_check(struct sim_call *call) MUST_USE;
/* May the token touch this account? */
bool sim_auth_sees(const struct sim_call *call, const struct sim_account *account);

/* GET /debug_token */
void sim_auth_debug_token(struct sim_call *call);
/* GET or POST /oauth/access_token, which needs no token: a code, or the app's own credentials. */
void sim_auth_access_token(struct sim_call *call);
