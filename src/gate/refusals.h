/* Inside gate/: refusals of authentication are counted by the client's address. */
#pragma once

#include "gate/gate.h"

/* Returns `e`, or, over the policy's limit, ERR_RATE_LIMIT with an explanation of its own. */
enum err refusal_count(struct gate *g, const struct http_request *r, int64_t now_ms, enum err e,
                       struct error *error) MUST_USE;
