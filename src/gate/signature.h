/* The signature of developer-api.md §1.2, one function for both sides: the gate verifies with it,
 * `hudhud sign` and `hudhud call` make it, and later so do webhooks to clients.
 *
 * String to sign: METHOD + PATH + QUERY_STRING + TIMESTAMP + BODY, joined with nothing between. */
#pragma once

#include "crypto/hex.h"
#include "crypto/hmac.h"

#define SIGNATURE_PREFIX "sha256="
#define SIGNATURE_LEN    (7 + 2 * HMAC_LEN) /* "sha256=" and 64 lower-case hex digits */

struct signature_parts {
    struct str method;    /* upper case */
    struct str path;      /* relative to the base URL, such as "/waba-numbers" */
    struct str query;     /* raw, with its leading "?"; empty when there is none */
    struct str timestamp; /* exactly as in X-Timestamp */
    struct str body;      /* raw bytes */
};

/* Writes SIGNATURE_LEN characters, no NUL. */
void signature_make(struct hmac *h, struct str secret, const struct signature_parts *parts,
                    char out[SIGNATURE_LEN]);
