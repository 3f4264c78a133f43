#include "cli/cli.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/secret.h"
#include "cli/help.h"
#include "http/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <time.h>
#include <unistd.h>

#define EXIT_WRONG_USE 2

/* --- errors and help ---------------------------------------------------------------------- */

/* "Link an account" is "cannot link an account". */
void cli_print_error(const struct cli *cli)
{
    const struct error *error = &cli->error;
    const struct command *c = cli->args.command;
    if (!error->message.len)
        return;
    fputs("hudhud: ", cli->err);
    if (c && error->err != ERR_USAGE) {
        char first = c->summary[0];
        bool upper = first >= 'A' && first <= 'Z';
        fprintf(cli->err, "cannot %c%s: ", upper ? first - 'A' + 'a' : first, c->summary + 1);
    }
    fprintf(cli->err, "%.*s\n", STR_FMT(error->message));
    for (const struct error_detail *d = error->details; d; d = d->next)
        fprintf(cli->err, "  %.*s: %.*s\n", STR_FMT(d->field), STR_FMT(d->problem));
}

static void print_where_help_is(const struct cli *cli)
{
    if (cli->args.command)
        fprintf(cli->err, "How to use it: hudhud %s --help\n", cli->args.command->path);
    else
        fputs("Which commands there are: hudhud help\n", cli->err);
}

static int exit_status(const struct cli *cli, enum err e)
{
    if (e == ERR_NO_MEMORY && !cli->error.message.len)
        fputs("hudhud: no memory for what was asked\n", cli->err);
    cli_print_error(cli);
    if (e != ERR_USAGE)
        return e ? EXIT_FAILURE : EXIT_SUCCESS;
    print_where_help_is(cli);
    return EXIT_WRONG_USE;
}

static void print_help(const struct cli *cli)
{
    _cleanup_(buf_release)
    struct buf text;
    buf_init(&text, CLI_HELP_MAX);
    if (cli->args.command)
        help_command(cli->args.command, &text);
    else
        help_overview(cli->args.group, &text);
    cli_print(cli, buf_str(&text));
}

/* --- the run ------------------------------------------------------------------------------ */

/* What did not reach the disk or the pipe was not done. A reader that had enough is no error to
 * tell of. */
static int finish_output(const struct cli *cli, int status)
{
    if (fflush(cli->out) == 0 && !ferror(cli->out))
        return status;
    if (errno != EPIPE)
        fprintf(cli->err, "hudhud: cannot write the output: %m\n");
    return status ? status : EXIT_FAILURE;
}

static enum err run_command(struct cli *cli, int argc, char **argv)
{
    enum err e = args_parse(&cli->args, argc, argv, &cli->arena, &cli->error);
    if (e)
        return e;
    if (cli->args.version) {
        fputs("hudhud " HUDHUD_VERSION "\n", cli->out);
        return ERR_OK;
    }
    if (cli->args.help) {
        print_help(cli);
        return ERR_OK;
    }
    return cli->args.command->run(cli);
}

static int run(struct cli *cli, int argc, char **argv)
{
    arena_init(&cli->arena, CLI_ARENA_MAX);
    error_init(&cli->error, &cli->arena);
    enum err e = run_command(cli, argc, argv);
    int status = finish_output(cli, exit_status(cli, e));
    arena_release(&cli->arena);
    return status;
}

int cli_main(int argc, char **argv)
{
    curl_global_init(CURL_GLOBAL_DEFAULT); /* before any thread */
    struct cli cli = {
        .out = stdout,
        .err = stderr,
        .terminal = isatty(STDOUT_FILENO) == 1,
        .err_terminal = isatty(STDERR_FILENO) == 1,
    };
    int status = run(&cli, argc, argv);
    curl_global_cleanup();
    return status;
}

/* --- what commands share ---------------------------------------------------------------------- */

const char *cli_data_folder(const struct cli *cli)
{
    const char *data = args_get(&cli->args, "data");
    return data ? data : "hudhud-data";
}

bool cli_wants_json(const struct cli *cli)
{
    return args_has(&cli->args, "json");
}

void cli_print(const struct cli *cli, struct str text)
{
    if (text.len)
        fwrite(text.ptr, 1, text.len, cli->out);
}

void cli_print_json(struct cli *cli, struct str json)
{
    struct str pretty = cli->terminal ? json_pretty(json, &cli->arena) : (struct str){0};
    struct str text = pretty.ptr ? pretty : json;
    cli_print(cli, text);
    if (!str_ends(text, STR("\n")))
        fputc('\n', cli->out);
}

enum err cli_print_value(struct cli *cli, struct json value)
{
    struct str text = json_text(value, &cli->arena);
    if (!text.ptr)
        return ERR_NO_MEMORY;
    cli_print_json(cli, text);
    return ERR_OK;
}

void cli_progress(const struct cli *cli, const char *fmt, ...)
{
    if (!cli->err_terminal)
        return;
    va_list args;
    va_start(args, fmt);
    fputs("\r\033[K", cli->err);
    vfprintf(cli->err, fmt, args);
    fflush(cli->err);
    va_end(args);
}

void cli_progress_end(const struct cli *cli)
{
    if (cli->err_terminal)
        fputs("\r\033[K", cli->err);
}

void cli_sleep_ms(int ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

enum err cli_read_body(struct cli *cli, const char *spec, struct buf *to)
{
    if (spec[0] == '@')
        return file_read(spec + 1, to, &cli->error);
    buf_add(to, str_from(spec));
    return buf_ok(to) ? ERR_OK : error_set(&cli->error, ERR_LIMIT, "the body is too long");
}

const char *cli_url_part(struct cli *cli, const char *text)
{
    _cleanup_(buf_release)
    struct buf encoded;
    buf_init(&encoded, 3 * strlen(text) + 1);
    http_url_encode(str_from(text), &encoded);
    char *part = arena_cstr(&cli->arena, buf_str(&encoded));
    if (!part)
        die("no memory for an argument");
    return part;
}

const char *cli_format(struct cli *cli, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str text = arena_vprintf(&cli->arena, fmt, args);
    va_end(args);
    const char *copy = text.ptr ? arena_cstr(&cli->arena, text) : NULL;
    if (!copy)
        die("no memory for an argument");
    return copy;
}

void buf_wipe(struct buf *b)
{
    if (b->ptr)
        wipe(b->ptr, b->capacity);
    buf_release(b);
}
