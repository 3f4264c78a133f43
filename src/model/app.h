/* Meta's apps, whose webhooks are taken: each with the secret that Meta signs with and the token
 * with which Meta asks whether the address is ours (meta-graph.md §6.1). An app without a workspace
 * is everybody's; one with a workspace speaks of that workspace's accounts alone. */
#pragma once

#include "store/store.h"

struct app {
    int64_t id;
    int64_t workspace_id;        /* 0: everybody's */
    struct str workspace_domain; /* empty: the same */
    struct str app_id;           /* Meta's */
    struct str name;
    struct str sealed_secret;
    struct str sealed_previous; /* empty: none */
    int64_t previous_until;     /* ms */
    struct str sealed_token;    /* to verify */
    int64_t created_at, updated_at;
};

/* The seal's contexts: bound to Meta's id, which never changes. */
#define APP_SECRET_PREFIX  "apps.secret:"
#define APP_SECRET_CONTEXT APP_SECRET_PREFIX "%.*s"
#define APP_TOKEN_PREFIX   "apps.verify_token:"
#define APP_TOKEN_CONTEXT  APP_TOKEN_PREFIX "%.*s"

/* ERR_CONFLICT when the app is there. */
enum err app_insert(struct tx *tx, const struct app *a) MUST_USE;
/* As of client_rotate. ERR_NOT_FOUND. */
enum err app_rotate(struct tx *tx, struct str app_id, struct str sealed_secret,
                    int64_t previous_until, int64_t now) MUST_USE;
/* ERR_NOT_FOUND. */
enum err app_set_token(struct tx *tx, struct str app_id, struct str sealed_token,
                       int64_t now) MUST_USE;
/* What came from it stays. ERR_NOT_FOUND. */
enum err app_remove(struct tx *tx, struct str app_id) MUST_USE;
/* By id. Text is valid during the callback; a callback's error ends it and is returned. */
enum err app_each(struct tx *tx, enum err (*each)(void *arg, const struct app *a),
                  void *arg) MUST_USE;
