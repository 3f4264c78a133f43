/* What a client may do: everything unless said otherwise. Kept as JSON in clients.permissions:
 *   {"access": "read", "resources": ["waba-numbers"], "numbers": [1, 2]}
 * each member optional. A resource is the first segment of an endpoint's path. Numbers are ids of
 * ours, which stay when a number is unlinked and linked again. */
#pragma once

#include "base/arena.h"
#include "base/err.h"

struct permissions {
    bool read_only;
    bool all_resources, all_numbers;
    struct str *resources;
    size_t n_resources;
    int64_t *numbers;
    size_t n_numbers;
};

extern const struct permissions permissions_everything;

/* Empty text: everything. What it points to is in the arena. ERR_VALIDATION for a member that this
 * version does not know: it may have been a restriction. */
enum err permissions_parse(struct str json, struct arena *arena, struct permissions *ret,
                           struct error *error) MUST_USE;
/* As JSON, in the arena; empty for everything, {NULL, 0} when out of memory. */
struct str permissions_format(const struct permissions *p, struct arena *arena);
/* Everything itself, or a copy in the arena; NULL when that is full. */
const struct permissions *permissions_copy(const struct permissions *p, struct arena *arena);

/* ERR_PERMISSION_DENIED with a sentence that says which permission is lacking. */
enum err permissions_check(const struct permissions *p, bool writes, struct str resource,
                           struct error *error) MUST_USE;
bool permissions_have_number(const struct permissions *p, int64_t number_id);
