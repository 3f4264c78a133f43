/* What the signed API and the administration share of the numbers resource. The caller's
 * workspace_id is set; `id` is our id or Meta's, raw from the path. */
#pragma once

#include "api/call.h"
#include "model/number.h"

enum err numbers_find(struct call *call, struct str id, struct number *ret) MUST_USE;
enum err numbers_write_list(struct call *call, bool health, bool empty_is_fine) MUST_USE;
enum err numbers_write_one(struct call *call, struct str id, const char *message) MUST_USE;
enum err numbers_write_history(struct call *call, struct str id) MUST_USE;
enum err numbers_link(struct call *call) MUST_USE;
enum err numbers_sync(struct call *call, struct str id) MUST_USE;
enum err numbers_unlink(struct call *call, struct str id) MUST_USE;
