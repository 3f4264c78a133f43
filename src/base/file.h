/* Small files: reading one whole, and writing one so that a crash leaves the old or the new. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

/* Appends the whole file to `to`; ERR_LIMIT when it does not fit to->max. "-" is standard input. */
enum err file_read(const char *path, struct buf *to, struct error *error) MUST_USE;
/* Reads a descriptor to its end. `name` is for the message. */
enum err file_read_fd(int fd, const char *name, struct buf *to, struct error *error) MUST_USE;
/* Writes all of it to a descriptor; false with errno set. */
bool file_write_all(int fd, struct str s) MUST_USE;
/* Makes a new file with these permissions, synced together with its folder; ERR_CONFLICT when it
 * exists: nothing is ever overwritten. */
enum err file_create(const char *path, struct str content, unsigned mode,
                     struct error *error) MUST_USE;
/* Puts a file with this content in the place of what is there, synced together with its folder: a
 * crash leaves the old one or the new one. Writes "PATH.new" and renames it. The owner stays: the
 * superuser may do this for a service whose file it is. A link is refused, as
 * the file behind it would stay as it was. */
enum err file_replace(const char *path, struct str content, unsigned mode,
                      struct error *error) MUST_USE;
/* Makes what was renamed or made in the folder of `path` durable. */
enum err file_sync_folder_of(const char *path, struct error *error) MUST_USE;
