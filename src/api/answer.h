/* The form of errors (developer-api.md §1.5). */
#pragma once

#include "base/buf.h"
#include "base/err.h"

/* Writes {"error","message","details","request_id"}. */
void answer_write_error(struct buf *out, const struct error *error, struct str request_id);
/* A sentence for an error that nobody explained. */
const char *answer_default_message(enum err e);
