/* What --help prints, made from the command table; docs/cli.md holds the same as Markdown. */
#pragma once

#include "base/buf.h"
#include "cli/command.h"

/* All commands, a line each; those of one group when `group` is not empty. */
void help_overview(struct str group, struct buf *out);
void help_command(const struct command *c, struct buf *out);
/* The reference of docs/cli.md. */
void help_markdown(struct buf *out);
