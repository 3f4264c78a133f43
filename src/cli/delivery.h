/* One delivery of an event, or the job that it is. */
#pragma once

#include "cli/list.h"

/* A record, then the request that was made and each try of it. */
enum err delivery_print(struct cli *cli, struct json delivery, const struct column *columns,
                        size_t n) MUST_USE;

/* The states of one, ended by NULL. */
extern const char *const delivery_states[];
