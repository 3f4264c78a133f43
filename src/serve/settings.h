/* What the settings mean to the running server, the parts that may change while it runs. */
#pragma once

#include "base/config.h"
#include "gate/policy.h"

enum err settings_make_policy(const struct config *config, struct policy **ret,
                              struct error *error) MUST_USE;
void settings_apply_log(const struct config *config);
