/* What stands before every handler of the signed API: the four headers, the signature, the
 * timestamp (developer-api.md §1.2), in that order; then the rate limit (§1.6). */
#pragma once

#include "gate/directory.h"
#include "gate/failures.h"
#include "gate/policy.h"
#include "gate/signature.h"
#include "gate/undecided.h"
#include "http/http.h"

/* One a loop; belongs to its thread. */
struct gate {
    struct directory_view view;
    struct hmac hmac;
    struct policy *policy;
    struct failures *failures;         /* of all loops */
    char nobodys_secret[2 * HMAC_LEN]; /* random: what unknown callers are measured against */
};

/* hub and failures outlive the gate; the policy is retained. */
void gate_init(struct gate *g, struct directory_hub *hub, struct failures *failures,
               struct policy *policy);
void gate_release(struct gate *g);
/* On the loop's thread, between requests. The new one is retained, the old one released. */
void gate_set_policy(struct gate *g, struct policy *policy);

/* Who signed: valid as long as the request, but for `client`. */
struct caller {
    int64_t workspace_id;
    int64_t client_row_id;
    struct str domain;
    struct str client_id;
    uint64_t secret_mark;                  /* of the secret that signed: directory_client_has */
    const struct permissions *permissions; /* never NULL once somebody is known */
    const struct directory_client *client; /* for gate_limit alone: gone with the next gate_check */
};

/* `path` is the request's path relative to the base URL; the full path is accepted in the signed
 * string as well. Every refusal of who it is and of the signature is the same answer after the same
 * work.
 *
 * A refusal of authentication is counted against the client's address; over the policy's limit it
 * is ERR_RATE_LIMIT, with retry_after, instead. Who signs well always passes, whatever came from
 * the same address: behind one proxy there are good and bad. */
enum err gate_check(struct gate *g, const struct http_request *r, struct str path, int64_t now_ms,
                    struct caller *ret, struct error *error) MUST_USE;

/* Counts one call of the endpoint (its place in struct endpoints) that gate_check let pass just
 * now. ERR_RATE_LIMIT, with retry_after, when its window is full; *ret is set then too. ERR_BUSY,
 * without a message, when other replicas have to be heard first: gate_wait. */
enum err gate_limit(struct gate *g, const struct caller *caller, size_t endpoint, int64_t now_ms,
                    struct limit_state *ret, struct error *error) MUST_USE;

/* Hands such a call over, right after gate_limit; `u` comes back in u->reply_to and says in the end
 * what gate_limit would have said, with gate_decided. ERR_UNAVAILABLE: it was not taken. */
enum err gate_wait(struct gate *g, const struct caller *caller, size_t endpoint,
                   struct undecided *u) MUST_USE;
enum err gate_decided(const struct undecided *u, int64_t now_ms, struct limit_state *ret,
                      struct error *error) MUST_USE;

/* Whose request it is: the peer. When that is one of the policy's proxies it is the right-most
 * address of X-Forwarded-For that is none of them: what stands left of it, anybody may have
 * written. The peer, when the header is malformed or names proxies only. */
void gate_client_address(const struct gate *g, const struct http_request *r,
                         struct http_address *ret);
