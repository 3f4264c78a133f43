/* What the commands about numbers share. */
#pragma once

#include "cli/cli.h"

/* The path of a number of the workspace --domain, by its id here or Meta's, and what is behind it.
 */
const char *number_path(struct cli *cli, const char *id, const char *behind);
/* A number as `number show` prints it. */
enum err number_print(struct cli *cli, struct json number) MUST_USE;
