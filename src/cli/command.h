/* A command as data: one table drives the parsing of the command line, --help, "did you mean", and
 * the reference in docs/cli.md. */
#pragma once

#include "base/err.h"

struct cli;
struct setting;

struct option {
    const char *name; /* "domain" is --domain */
    char letter;      /* 'd' is -d; 0: none */
    bool required;
    bool repeat;             /* may be given more than once */
    const char *placeholder; /* "DIR"; NULL: a switch, without a value */
    const char *environment; /* the variable that stands in for it, or NULL */
    const char *help;        /* one sentence, without a full stop */
    const char *refuse;      /* never accepted: the reason, and what to do instead */
};

enum command_flags {
    COMMAND_FOLDER = 1, /* uses the data folder: --data is in its --help */
    COMMAND_CONFIG = 2, /* reads the server's settings: --config is in its --help */
    COMMAND_JSON = 4,   /* prints data: takes --json */
};
/* What works on the data folder through the /admin routes. */
#define COMMAND_ADMIN (COMMAND_FOLDER | COMMAND_CONFIG | COMMAND_JSON)

struct command {
    const char *path;             /* "number link": one word, or a group and one */
    const char *summary;          /* "Link an account": also read behind "hudhud: cannot" */
    const char *operands;         /* "METHOD PATH [BODY]", "[ID...]"; NULL: none */
    const struct option *options; /* up to one without a name; NULL: none */
    unsigned flags;               /* enum command_flags */
    const char *settings; /* those of the server whose names begin like this are flags of it;
                             "": all of them; NULL: none */
    const char *details;  /* paragraphs for --help; NULL: the summary says it all */
    const char *footer;   /* what --help says below the options; NULL: nothing */
    const char *example;  /* lines of shell */
    enum err (*run)(struct cli *cli);
};

/* The table, in the order of the help: parts that each end with a row without a path. */
extern const struct command commands_first[];  /* commands.c */
extern const struct command commands_events[]; /* commands_events.c */
extern const struct command commands_last[];   /* commands.c */
/* NULL behind the last one. */
const struct command *command_at(size_t index);
/* Options of every command. */
extern const struct option global_options[];
extern const struct option json_option;

/* The command with exactly this path, or NULL. */
const struct command *command_find(struct str path);
/* Is it the first word of commands of two? */
bool command_is_group(struct str word);
/* Is the command in that group, that is, does its path begin with the word and a blank? */
bool command_in_group(const struct command *c, struct str group);
/* How many operands it takes; *ret_max is SIZE_MAX behind "...". */
void command_operand_counts(const struct command *c, size_t *ret_min, size_t *ret_max);

/* The settings of the server that are flags of the command; *ret_n is 0 without a command too. */
const struct setting *command_settings(const struct command *c, size_t *ret_n);

/* Visits every option that --help shows of a command: its own, then the shared ones. */
typedef void option_visitor(void *arg, const struct option *option);
void command_each_option(const struct command *c, option_visitor *visit, void *arg);
