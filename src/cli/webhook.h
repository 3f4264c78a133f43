/* A workspace's webhooks, for the commands about them. */
#pragma once

#include "cli/admin.h"

/* .../webhooks/ID of the command line's first operand, and what is behind it. */
const char *webhook_path(struct cli *cli, const char *behind);
