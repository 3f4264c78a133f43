/* Permissions of a client as the administration reads and shows them:
 *   "access": "full" or "read", "resources": "all" or ["waba-numbers"], "numbers": "all" or
 *   [1, "106540352242922"]; a number is named by our id or Meta's, and kept by ours. */
#pragma once

#include "api/call.h"

/* What a body wants changed; what it leaves out stays. */
struct permissions_change {
    bool has_access, has_resources, has_numbers;
    struct permissions to; /* but for the numbers' ids */
    struct str *numbers;   /* as they were given */
    size_t n_numbers;
};

/* Complains about what is wrong, with the nearest resource. */
void permissions_change_read(struct body *b, const struct call *call,
                             struct permissions_change *ret);
bool permissions_change_is_empty(const struct permissions_change *change);
/* *ret is `before` with the change, both as the database keeps them. ERR_VALIDATION when a number
 * is none of the caller's workspace. In a transaction. */
enum err permissions_change_apply(struct call *call, const struct permissions_change *change,
                                  struct str before, struct str *ret) MUST_USE;
/* The three members, from what the database keeps. `scratch` is cleared first. */
void permissions_write(struct json_writer *w, struct str kept, struct arena *scratch);
