/* Where a secret, a PIN or a code comes from: a pipe, a file, or a person at a terminal who types
 * it unseen. Never the command line, which every user of the machine can read, and a shell
 * remembers.
 */
#pragma once

#include "base/secret.h"
#include "cli/cli.h"

struct token_kind {
    const char *name;   /* "access token" */
    const char *option; /* that names its file: "token-file" */
    size_t max;         /* characters */
};
extern const struct token_kind token_access, token_app_secret, token_app_verify;

/* `file` is the value of the option ("-": standard input) or NULL: standard input, with a prompt
 * when that is a terminal. Blanks and line ends around the token are dropped. */
enum err token_read(struct cli *cli, const struct token_kind *kind, const char *file,
                    struct secret *ret) MUST_USE;
/* Six digits, likewise; `what` is "PIN" or "code". */
enum err digits_read(struct cli *cli, const char *file, const char *what,
                     struct secret *ret) MUST_USE;
