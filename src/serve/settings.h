/* What the settings mean to the running server, the parts that may change while it runs. */
#pragma once

#include "base/config.h"
#include "gate/policy.h"
#include "http/ledger.h"
#include "http/tls.h"

enum err settings_make_policy(const struct config *config, struct policy **ret,
                              struct error *error) MUST_USE;
/* `exempt` points into the policy. */
struct http_ledger_limits settings_ledger_limits(const struct config *config,
                                                 const struct policy *policy);
/* NULL when no certificate is set. Errors say which setting they are about, and where it is set. */
enum err settings_load_tls(const struct config *config, struct http_tls_context **ret,
                           struct error *error) MUST_USE;
void settings_apply_log(const struct config *config);
