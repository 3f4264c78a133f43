/* WhatsApp Business Accounts (WABAs) that a workspace has linked, each with its access token. One
 * account belongs to one workspace at a time. */
#pragma once

#include "model/number.h"

/* What Meta last thought of the account's token. */
#define ACCOUNT_OK            "ok"
#define ACCOUNT_TOKEN_REFUSED "token_refused" /* code 190: only a new token helps */
#define ACCOUNT_NOT_VISIBLE   "not_visible"   /* 100/33: gone, or no longer this token's */

struct account {
    int64_t id;
    int64_t workspace_id;
    struct str workspace_domain;
    struct str waba_id;
    struct str name;
    struct str sealed_token;
    int64_t template_count; /* APPROVED ones */
    struct str state;       /* ACCOUNT_... */
    struct str state_reason;
    int64_t confirmed_at; /* ms; see pulse.h */
    int64_t linked_at;
    int64_t n_numbers;  /* linked ones */
    int64_t replica_id; /* who syncs it: lease.h */
    struct str replica; /* its name; empty: nobody in particular */
    int64_t hints;      /* how often Meta's webhooks said that it is to be asked about */
    bool hinted;        /* ... and it was not asked since the last one */
    int64_t revision;   /* moves with each answer of Meta's that is written */
};

/* The seal's context of an account's token. */
#define ACCOUNT_SEAL_PREFIX  "accounts.access_token:"
#define ACCOUNT_SEAL_CONTEXT ACCOUNT_SEAL_PREFIX "%.*s"

/* Linked accounts, by id. Text is valid during the callback. */
enum err account_each(struct tx *tx, enum err (*each)(void *arg, const struct account *a),
                      void *arg) MUST_USE;
/* A linked account, copied into the arena. ERR_NOT_FOUND. */
enum err account_find(struct tx *tx, int64_t id, struct arena *arena, struct account *ret) MUST_USE;
enum err account_find_waba(struct tx *tx, struct str waba_id, struct arena *arena,
                           struct account *ret) MUST_USE;
/* The same, of it only id, workspace_id, waba_id and name: nothing is counted and no other table
 * looked at. */
enum err account_find_brief(struct tx *tx, struct str waba_id, struct arena *arena,
                            struct account *ret) MUST_USE;

enum err account_insert(struct tx *tx, int64_t workspace_id, struct str waba_id, struct str name,
                        struct str sealed_token, int64_t now, int64_t *ret_id) MUST_USE;
enum err account_replace_token(struct tx *tx, int64_t id, struct str sealed_token) MUST_USE;
/* Forgets the token, and who synced it; the row stays for what refers to it. */
enum err account_unlink(struct tx *tx, int64_t id, int64_t now) MUST_USE;
enum err account_count_numbers(struct tx *tx, int64_t id, int64_t *ret) MUST_USE;
/* Writes name, count, state and confirmation, and moves the revision. */
enum err account_update(struct tx *tx, const struct account *a) MUST_USE;
/* Who asked about the account meanwhile is to ask again. */
enum err account_touch(struct tx *tx, int64_t id) MUST_USE;
/* The pulse, written down: see pulse.h. Nothing is written that is older than the row, or after the
 * account was unlinked. */
enum err account_write_confirmed(struct tx *tx, int64_t id, int64_t confirmed_at) MUST_USE;
