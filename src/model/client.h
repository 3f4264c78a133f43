/* API clients: who may sign for a workspace. Secrets are sealed records here; gate/ opens them. */
#pragma once

#include "store/store.h"

struct client {
    int64_t id;
    int64_t workspace_id;
    struct str workspace_domain;
    struct str workspace_plan; /* JSON; empty: the default */
    bool workspace_enabled;
    struct str client_id; /* what X-Client-ID says */
    struct str name;
    struct str sealed_secret;
    struct str sealed_previous; /* empty: none */
    int64_t previous_until;     /* ms; the previous secret verifies before this */
    struct str permissions;     /* JSON; empty: everything */
    int64_t disabled_at;        /* ms; 0: enabled */
    int64_t created_at, updated_at;
};

/* The seal's context of a client's secret: bound to the public id, which never changes. */
#define CLIENT_SEAL_PREFIX  "clients.secret:"
#define CLIENT_SEAL_CONTEXT CLIENT_SEAL_PREFIX "%.*s"

enum err client_insert(struct tx *tx, int64_t workspace_id, struct str client_id, struct str name,
                       struct str sealed_secret, int64_t now) MUST_USE;
/* The secret in use becomes the previous one until `previous_until` (0: it ends now).
 * ERR_NOT_FOUND. */
enum err client_rotate(struct tx *tx, int64_t workspace_id, struct str client_id,
                       struct str sealed_secret, int64_t previous_until, int64_t now) MUST_USE;
/* ERR_NOT_FOUND. */
enum err client_set_enabled(struct tx *tx, int64_t workspace_id, struct str client_id, bool enabled,
                            int64_t now) MUST_USE;
/* Text, but for the sealed secrets, which are left out, is copied into the arena. ERR_NOT_FOUND. */
enum err client_find(struct tx *tx, int64_t workspace_id, struct str client_id, struct arena *arena,
                     struct client *ret) MUST_USE;
/* JSON of gate/permissions.h; empty: everything. ERR_NOT_FOUND. */
enum err client_set_permissions(struct tx *tx, int64_t workspace_id, struct str client_id,
                                struct str permissions, int64_t now) MUST_USE;
/* By workspace, then by id. Text is valid during the callback; a callback's error ends it and is
 * returned. */
enum err client_each(struct tx *tx, enum err (*each)(void *arg, const struct client *c),
                     void *arg) MUST_USE;
enum err client_each_of_workspace(struct tx *tx, int64_t workspace_id,
                                  enum err (*each)(void *arg, const struct client *c),
                                  void *arg) MUST_USE;
