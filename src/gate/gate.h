/* What stands before every handler of the signed API: the four headers, the signature, the
 * timestamp (developer-api.md §1.2), in that order. */
#pragma once

#include "gate/directory.h"
#include "gate/signature.h"
#include "http/http.h"

/* One a loop; belongs to its thread. */
struct gate {
    struct directory_view view;
    struct hmac hmac;
    int64_t window_s;                  /* either side of our clock */
    char nobodys_secret[2 * HMAC_LEN]; /* random: what unknown callers are measured against */
};

void gate_init(struct gate *g, struct directory_hub *hub, int64_t window_s);
void gate_release(struct gate *g);

/* Who signed: valid as long as the request's arena. */
struct caller {
    int64_t workspace_id;
    int64_t client_row_id;
    struct str domain;
    struct str client_id;
};

/* `path` is the request's path relative to the base URL; the full path is accepted in the signed
 * string as well. Every refusal of who it is and of the signature is the same answer after the same
 * work. */
enum err gate_check(struct gate *g, const struct http_request *r, struct str path, int64_t now_ms,
                    struct caller *ret, struct error *error) MUST_USE;
