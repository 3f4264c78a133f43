/* Secrets that a file of the operator's holds. */
#pragma once

#include "base/err.h"
#include "base/secret.h"

/* The file's text, at most `max` bytes, without the line's end behind it. `what` names it in a
 * message: "the app's secret". A file that others may read is only warned about: what a container
 * is handed is often readable by all inside it. */
enum err secret_file_read(const char *path, const char *what, size_t max, struct secret *ret,
                          struct error *error) MUST_USE;
