/* Lists that are read from their newest end: --state, --limit and --before. */
#pragma once

#include "cli/list.h"

struct older {
    const char *query; /* "?limit=20&before=7&state=dead" */
    int64_t limit;
};
/* `states` ends with NULL, and has nothing else for a list without states; `limit_max` is what the
 * server gives at once. */
enum err older_read(struct cli *cli, const char *const *states, int64_t limit_max,
                    struct older *ret) MUST_USE;

/* As list_print; when there may be more the way to them is told on stderr. `empty` is of a list
 * that was not narrowed. */
enum err older_print(struct cli *cli, const struct older *o, struct json array,
                     const struct column *columns, size_t n, const char *empty) MUST_USE;
