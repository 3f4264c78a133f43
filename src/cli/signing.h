/* Signing a request as a client does (developer-api.md §1.2), for `hudhud call` and `hudhud sign`.
 */
#pragma once

#include "base/secret.h"
#include "cli/cli.h"
#include "http/http.h"

struct credentials {
    const char *domain;
    const char *client_id;
    struct secret secret;
};

/* From HUDHUD_DOMAIN, HUDHUD_CLIENT_ID and HUDHUD_SECRET; ERR_USAGE names all that are missing. The
 * secret is wiped from the environment. */
enum err credentials_load(struct cli *cli, struct credentials *ret) MUST_USE;
void credentials_release(struct credentials *c); /* for _cleanup_ */

struct target {
    const char *method; /* upper case */
    const char *path; /* relative to the base URL, with its query: "/waba-numbers?include=health" */
};

/* From the operands METHOD and PATH. */
enum err target_parse(struct cli *cli, struct target *ret) MUST_USE;

#define SIGNED_HEADERS 4
/* X-Awal-Signature-256, X-Timestamp (now, or --timestamp), X-Domain, X-Client-ID. Their values are
 * NUL-terminated, in the arena of the run. */
enum err sign_request(struct cli *cli, const struct credentials *credentials,
                      const struct target *target, struct str body,
                      struct http_header ret[SIGNED_HEADERS]) MUST_USE;
