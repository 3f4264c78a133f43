/* Who may speak as Meta (meta-graph.md §6.1): whoever signs with the secret of one of Meta's apps
 * that were made known (model/app.h). Of an address without a domain these are the apps of
 * everybody, of /webhooks/meta/{domain} those of the workspace alone. Without any, everything is
 * refused. */
#pragma once

#include "gate/gate.h"

struct meta_sender {
    int64_t app_row_id;
    int64_t workspace_id; /* 0: the app is everybody's */
};

/* X-Hub-Signature-256 over the raw body. ERR_AUTHENTICATION, counted against the client's address
 * as of gate_check. */
enum err gate_check_meta(struct gate *g, const struct http_request *r, struct str domain,
                         int64_t now_ms, struct meta_sender *ret, struct error *error) MUST_USE;
/* The token of Meta's question whether the address is ours. The same errors. */
enum err gate_check_token(struct gate *g, const struct http_request *r, struct str domain,
                          struct str token, int64_t now_ms, struct error *error) MUST_USE;
