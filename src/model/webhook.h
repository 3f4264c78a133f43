/* Endpoints: the URLs of a workspace's own systems, to which its events are delivered
 * (developer-api.md §8). */
#pragma once

#include "crypto/seal.h"
#include "model/change.h"

struct webhook {
    int64_t id;
    int64_t workspace_id;
    struct str workspace_domain;
    struct str url;
    struct str events; /* names with blanks between, or "*" */
    struct str sealed_secret;
    struct str sealed_previous; /* empty: none */
    int64_t previous_until;     /* ms; deliveries are signed with it too before this */
    int64_t disabled_at;        /* ms; 0: enabled */
    struct str disabled_reason; /* WEBHOOK_... */
    int64_t failing_since;      /* ms; its first failure since the last success; 0: none */
    int64_t replica_id;         /* who delivers to it; 0: nobody yet */
    int64_t created_at, updated_at;
};

#define WEBHOOK_BY_HAND "by_hand"
#define WEBHOOK_GONE    "gone"    /* it answered 410 */
#define WEBHOOK_FAILING "failing" /* for so long that nobody is expected to mend it */

/* The seal's context of an endpoint's secret. */
#define WEBHOOK_SEAL_PREFIX  "webhooks.secret:"
#define WEBHOOK_SEAL_CONTEXT WEBHOOK_SEAL_PREFIX "%lld"

/* A secret as Standard Webhooks writes it: "whsec_" and the base64 of random bytes. The awal form
 * of the signature is keyed with the text as it is, the standard one with the bytes. */
#define WEBHOOK_SECRET_PREFIX "whsec_"
#define WEBHOOK_SECRET_BYTES  32
/* A new secret, sealed; in the arena. On the store's writer thread (model/sealed.h). */
enum err webhook_make_secret(const struct keyring *keyring, int64_t id, struct arena *arena,
                             struct str *ret_sealed) MUST_USE;

/* The secret is put by webhook_set_secret, which needs the id. */
enum err webhook_insert(struct tx *tx, const struct webhook *e, int64_t *ret_id) MUST_USE;
/* A new one's, or a rotation: the secret in use becomes the previous one until `previous_until`; 0:
 * it ends now. ERR_NOT_FOUND. */
enum err webhook_set_secret(struct tx *tx, int64_t id, struct str sealed_secret,
                            int64_t previous_until, int64_t now) MUST_USE;
enum err webhook_set_target(struct tx *tx, int64_t id, struct str url, struct str events,
                            int64_t now) MUST_USE;
/* An endpoint that is enabled again has not failed. `reason` is of the disabling; empty: enabled.
 */
enum err webhook_set_disabled(struct tx *tx, int64_t id, const char *reason, int64_t now) MUST_USE;
enum err webhook_set_failing(struct tx *tx, int64_t id, int64_t since) MUST_USE;
/* It succeeded. */
enum err webhook_set_working(struct tx *tx, int64_t id) MUST_USE;
/* Its deliveries stay on record for a while; those that were open are dropped later
 * (job_drop_stranded), as there may be a million. */
enum err webhook_delete(struct tx *tx, int64_t id, int64_t now) MUST_USE;

/* In the arena. ERR_NOT_FOUND; in the workspace, or in any when that is 0. */
enum err webhook_find(struct tx *tx, int64_t workspace_id, int64_t id, struct arena *arena,
                      struct webhook *ret) MUST_USE;
/* By id. Text is valid during the callback; a callback's error ends it and is returned. */
enum err webhook_each(struct tx *tx, int64_t workspace_id,
                      enum err (*each)(void *arg, const struct webhook *e), void *arg) MUST_USE;
/* The enabled ones that want an event; a callback's error ends it and is returned. */
enum err webhook_each_wanting(struct tx *tx, int64_t workspace_id, struct str event,
                              enum err (*each)(void *arg, int64_t webhook_id), void *arg) MUST_USE;
enum err webhook_count(struct tx *tx, int64_t workspace_id, int64_t *ret) MUST_USE;

/* --- who delivers, of several replicas ---------------------------------------------------- */

/* Takes it when nobody has it; *ret: it is ours now, or was. */
enum err webhook_claim(struct tx *tx, int64_t id, int64_t replica, bool *ret) MUST_USE;
enum err webhook_leave_all(struct tx *tx, int64_t replica) MUST_USE;
