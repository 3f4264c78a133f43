/* What the files of the administration share. */
#pragma once

#include "api/call.h"
#include "model/workspace.h"

/* The workspace of the path's first parameter; makes the caller one who may do all
 * in it. ERR_NOT_FOUND, explained. */
enum err admin_find_workspace(struct call *call, struct workspace *ret) MUST_USE;

/* A handler of the signed API, for the workspace that the path names first: it finds its own
 * parameters behind that. */
enum err admin_in_workspace(struct call *call, call_fn *handler) MUST_USE;

/* One SLOW call at a time works on the files of the data folder: ERR_CONFLICT, explained, while
 * another one does. */
enum err admin_take_folder(struct call *call) MUST_USE;
void admin_leave_folder(struct call *call);
/* What files and keys say, in terms of HTTP; the message stays. */
enum err admin_answer_error(struct call *call, enum err e) MUST_USE;
