/* Meta's rate limits of the management API, and the headers that tell of them (meta-graph.md §7.4):
 * calls are counted per app and per app and account, in windows that begin with their first call.
 */
#pragma once

#include "sim/call.h"

/* Counts the call, against the app and against its account if it has one. False: it is over a limit
 * and has failed. */
bool sim_usage_count(struct sim_call *call) MUST_USE;

/* The values of X-App-Usage and, empty where no account is concerned, of
 * X-Business-Use-Case-Usage; in the arena. */
struct str sim_usage_app_header(const struct sim_call *call);
struct str sim_usage_account_header(const struct sim_call *call);
