/* A workspace's webhooks, for the commands about them. */
#pragma once

#include "cli/admin.h"

/* .../webhooks/ID of the command line's first operand, and what is behind it. */
const char *webhook_path(struct cli *cli, const char *behind);
/* "a,b" or "*": each an event that there is, or ERR_USAGE with what was probably meant. */
enum err webhook_check_events(struct cli *cli, struct str list) MUST_USE;
