/* The command line, read along the command table. Wrong use is ERR_USAGE with a message that names
 * what was probably meant; no message repeats a value that was typed, as it might be a secret. */
#pragma once

#include "base/config.h"
#include "cli/command.h"

struct arg {
    const struct option *option;   /* or */
    const struct setting *setting; /* of the server, that is a flag here */
    const char *value;             /* NULL: a switch */
};

struct args {
    const struct command *command; /* NULL with `help`: the overview, or that of `group` */
    struct str group;              /* "number" alone; empty otherwise */
    bool help, version;            /* --help, --version */
    struct arg *given;             /* in the order of the command line */
    size_t n_given;
    const char **operands;
    size_t n_operands;
};

/* Points into argv and `arena`. *args is filled as far as it went also when it fails, so that the
 * caller can name the command whose --help to read. */
enum err args_parse(struct args *args, int argc, char **argv, struct arena *arena,
                    struct error *error) MUST_USE;

/* The value of an option, from its variable when it is not given; NULL: neither. */
const char *args_get(const struct args *args, const char *name);
/* Was the option, or switch, given? */
bool args_has(const struct args *args, const char *name);

/* An option's whole number, or `fallback`. */
enum err args_i64(const struct args *args, const char *name, int64_t min, int64_t max,
                  int64_t fallback, int64_t *ret, struct error *error) MUST_USE;
