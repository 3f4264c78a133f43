/* CORS (https://fetch.spec.whatwg.org, §3.3): which web pages' scripts may read the answers of the
 * signed API. Off, and without any header, unless the policy names origins. */
#pragma once

#include "gate/policy.h"
#include "http/http.h"

/* Does the answer depend on who asks? It says Vary: Origin then. */
bool cors_varies(const struct policy *p);
/* For an answer to an allowed origin; nothing for any other. */
void cors_add(const struct policy *p, const struct http_request *r, struct http_response *response);
/* The question of an allowed origin whether a request may be sent; it is never signed. */
bool cors_is_preflight(const struct policy *p, const struct http_request *r);
/* Its answer, beside what cors_add says. */
void cors_add_preflight(struct http_response *response);
