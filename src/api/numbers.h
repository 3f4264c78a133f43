/* What the files about numbers share. */
#pragma once

#include "api/call.h"
#include "model/number.h"

/* A number of the caller's workspace, by our id or Meta's. ERR_NOT_FOUND, ERR_PERMISSION_DENIED,
 * both explained. In a snapshot. */
enum err numbers_find(struct call *call, struct str id, struct number *ret) MUST_USE;
/* One number, as GET gives it with `health`, or as lists do without. */
void numbers_write(struct call *call, const struct number *n, bool health);
/* Its members, into an object that is open. */
void numbers_write_members(struct call *call, const struct number *n, bool health);
/* The check of a call about the number of the path: its task, of that kind. In a snapshot. */
enum err numbers_begin_task(struct call *call, enum jobs_kind kind) MUST_USE;

/* The kinds of business that a profile may name, up to NULL. */
extern const char *const profile_verticals[];
/* The list of the caller's workspace; without `empty_is_fine` an empty one is a 404. */
enum err numbers_write_list(struct call *call, bool health, bool empty_is_fine) MUST_USE;
/* A row of history; the argument is the json_writer. */
void numbers_write_change_members(struct json_writer *w, const struct change_entry *c);
