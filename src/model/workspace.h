/* Workspaces: the tenants. A workspace is named to the outside by its domain, a subdomain label. */
#pragma once

#include "store/store.h"

struct workspace {
    int64_t id;
    struct str domain;
    struct str name;
    int64_t disabled_at; /* ms; 0: enabled */
    int64_t created_at, updated_at;
    int64_t n_clients, n_numbers; /* linked ones */
};

/* Lower-case letters, digits and inner dashes, 1 to DOMAIN_MAX: a DNS label (RFC 1035 §2.3.1). */
bool workspace_domain_is_valid(struct str domain);

/* ERR_CONFLICT when the domain is taken. */
enum err workspace_insert(struct tx *tx, struct str domain, struct str name, int64_t now,
                          int64_t *ret_id) MUST_USE;
/* An empty name keeps it; enabled: 1, 0, or -1 to keep it. ERR_NOT_FOUND. */
enum err workspace_update(struct tx *tx, struct str domain, struct str name, int enabled,
                          int64_t now) MUST_USE;
/* Its limits: JSON of gate/plan.h; empty: the default. The first copies into the arena.
 * ERR_NOT_FOUND. */
enum err workspace_get_plan(struct tx *tx, int64_t id, struct arena *arena,
                            struct str *ret) MUST_USE;
enum err workspace_set_plan(struct tx *tx, int64_t id, struct str plan, int64_t now) MUST_USE;
/* Text is copied into the arena. ERR_NOT_FOUND. */
enum err workspace_find(struct tx *tx, struct str domain, struct arena *arena,
                        struct workspace *ret) MUST_USE;
/* All, by id. Text is valid during the callback; a callback's error ends it and is returned. */
enum err workspace_each(struct tx *tx, enum err (*each)(void *arg, const struct workspace *w),
                        void *arg) MUST_USE;
