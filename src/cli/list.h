/* Printing an answer's data: as JSON with --json, else as a table or a record. */
#pragma once

#include "cli/cli.h"
#include "cli/table.h"

/* `empty` is said, on stderr, when the list has nothing in it. */
enum err list_print(struct cli *cli, struct json array, const struct column *columns, size_t n,
                    const char *empty) MUST_USE;
enum err object_print(struct cli *cli, struct json object, const struct column *columns,
                      size_t n) MUST_USE;
