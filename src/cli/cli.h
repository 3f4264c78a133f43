/* What a command gets to work with, and the helpers that all commands share.
 *
 * A command returns an error whose message completes "hudhud: cannot <summary>: ...", or one
 * without a message when it has already said what there is to say (a failed check, an answer that
 * is an error). ERR_USAGE exits with 2, any other error with 1. */
#pragma once

#include "cli/args.h"
#include "json/reader.h"

struct cli {
    struct arena arena; /* everything of this run */
    struct error error;
    struct args args;
    FILE *out;
    FILE *err;
    bool terminal;     /* `out` is one: tables isolate right-to-left text, JSON is indented */
    bool err_terminal; /* progress is shown, prompts make sense */
};

/* The whole program; the exit status. */
int cli_main(int argc, char **argv);

/* Prints "hudhud: cannot ..." with the details, for an error of this command that has a message. */
void cli_print_error(const struct cli *cli);

/* The data folder: --data, HUDHUD_DATA, else "hudhud-data" in the current folder. */
const char *cli_data_folder(const struct cli *cli);
bool cli_wants_json(const struct cli *cli);

/* To `out`; whether it got there is checked once, at the end of the run. */
void cli_print(const struct cli *cli, struct str text);
/* Indented on a terminal, as it is otherwise; with a line's end. */
void cli_print_json(struct cli *cli, struct str json);
enum err cli_print_value(struct cli *cli, struct json value) MUST_USE;

/* A line on a terminal's stderr while something takes long, and its removal. */
void cli_progress(const struct cli *cli, const char *fmt, ...) PRINTF_LIKE(2, 3);
void cli_progress_end(const struct cli *cli);

void cli_sleep_ms(int ms);

/* "BODY", "@FILE" or "@-" (standard input), into `to`. */
enum err cli_read_body(struct cli *cli, const char *spec, struct buf *to) MUST_USE;

/* Percent-encoded for a path, in the arena of the run; never NULL. */
const char *cli_url_part(struct cli *cli, const char *text);

/* NUL-terminated, in the arena of the run; never NULL: arguments are small. */
const char *cli_format(struct cli *cli, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* For _cleanup_ on what holds a secret: wipes all its room, then frees. */
void buf_wipe(struct buf *b);
