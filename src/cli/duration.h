/* Options that are times. */
#pragma once

#include "cli/cli.h"

/* Seconds, of "90s", "15m", "24h", "7d" or "0"; `fallback` when the option is not given. */
enum err duration_read(struct cli *cli, const char *option, int64_t fallback,
                       int64_t *ret) MUST_USE;
/* A moment: "2026-01-31T10:30:00Z", or how long ago it was, such as "2h". *ret is the former; NULL
 * when the option is not given. */
enum err moment_read(struct cli *cli, const char *option, const char **ret) MUST_USE;
