/* Commands that take several ids: one call for each. */
#pragma once

#include "cli/list.h"

/* The path of the call for an operand. */
typedef const char *each_path(struct cli *cli, const char *operand);

/* POSTs, and prints the data of what succeeded as one list. A failure is told at once and
 * remembered: the others have their turn. `what` is one of them, for people: "job". */
enum err each_post(struct cli *cli, const char *what, each_path *path, const struct column *columns,
                   size_t n) MUST_USE;
