/* hudhud store copy: the one command that works on two stores, with no server on either. */
#include "base/clock.h"
#include "base/log.h"
#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/list.h"
#include "serve/relocate.h"
#include "json/writer.h"

#define BAR_WIDTH 30

/* --- progress ----------------------------------------------------------------------------- */

static bool show(void *arg, const struct transfer_progress *p)
{
    const struct cli *cli = arg;
    char bar[BAR_WIDTH + 1];
    int64_t rows = MIN(p->rows, p->total), total = MAX(p->total, INT64_C(1));
    if (!p->table.len && p->rows) {
        cli_progress(cli, "Reading both sides again to compare them");
        return true;
    }
    size_t full = (size_t)(rows * BAR_WIDTH / total);
    memset(bar, '-', BAR_WIDTH);
    memset(bar, '#', full);
    bar[BAR_WIDTH] = '\0';
    cli_progress(cli, "[%s] %3d %%  %lld of %lld rows  %.*s", bar, (int)(rows * 100 / total),
                 (long long)rows, (long long)p->total, STR_FMT(p->table));
    return true;
}

/* --- the report --------------------------------------------------------------------------- */

static void write_line(struct json_writer *w, const struct transfer_line *line)
{
    char checksum[33];
    snprintf(checksum, sizeof(checksum), "%016llx%016llx", (unsigned long long)line->sum.high,
             (unsigned long long)line->sum.low);
    json_open(w, '{');
    json_member_str(w, "table", line->table);
    json_member_i64(w, "rows", line->sum.rows);
    json_member_cstr(w, "checksum", checksum);
    json_close(w, '}');
}

static enum err make_report(struct cli *cli, const struct transfer_line *lines, int64_t ms,
                            struct json *ret)
{
    _cleanup_(buf_release)
    struct buf text;
    struct json_writer w;
    int64_t rows = 0;
    buf_init(&text, CLI_PAYLOAD_MAX);
    json_writer_init(&w, &text);
    json_open(&w, '{');
    json_key(&w, "tables");
    json_open(&w, '[');
    for (const struct transfer_line *line = lines; line; line = line->next) {
        write_line(&w, line);
        rows += line->sum.rows;
    }
    json_close(&w, ']');
    json_member_i64(&w, "rows", rows);
    json_member_i64(&w, "milliseconds", ms);
    json_member_bool(&w, "same", true); /* or it would have failed */
    json_close(&w, '}');
    struct str copy = buf_ok(&text) ? arena_dup(&cli->arena, buf_str(&text)) : (struct str){0};
    return copy.ptr ? json_parse(copy, &cli->arena, ret, &cli->error) : ERR_NO_MEMORY;
}

static enum err report(struct cli *cli, const struct transfer_line *lines, int64_t ms)
{
    static const struct column columns[] = {
        {"table", "table"}, {"rows", "rows"}, {"checksum", "checksum"}};
    struct json json;
    enum err e = make_report(cli, lines, ms, &json);
    if (e)
        return e;
    if (cli_wants_json(cli))
        return cli_print_value(cli, json);
    e = list_print(cli, json_get(json, "tables"), columns, ARRAY_LEN(columns), "");
    fprintf(cli->out,
            "%lld rows in %lld.%lld s, the same on both sides.\n"
            "Serve from the copy from now on, and no longer from the source.\n",
            (long long)json_as_i64(json_get(json, "rows"), 0), (long long)(ms / 1000),
            (long long)(ms % 1000 / 100));
    return e;
}

/* --- the command -------------------------------------------------------------------------- */

static enum err undo(struct cli *cli, const struct relocate_options *options)
{
    if (options->from || options->domain)
        return error_set(&cli->error, ERR_USAGE, "--undo goes with --to alone");
    enum err e = serve_relocate_undo(options, &cli->error);
    if (!e && !cli_wants_json(cli))
        fputs("Taken back. Rows of the copy that was not finished are gone.\n", cli->out);
    return e;
}

/* As of the setting --store: what is on a command line, everybody on the machine can read. */
static enum err refuse_password(struct cli *cli, const char *option)
{
    const char *url = args_get(&cli->args, option);
    if (!url || !store_url_has_password(str_from(url)))
        return ERR_OK;
    return error_set(&cli->error, ERR_USAGE,
                     "--%s holds a password, and a command line is there for all to read; put the "
                     "password into a file of its own: --store-password-file",
                     option);
}

enum err store_copy_run(struct cli *cli)
{
    struct config *config;
    struct transfer_line *lines;
    enum err e = refuse_password(cli, "from");
    if (!e)
        e = refuse_password(cli, "to");
    if (!e)
        e = settings_load(cli, &config);
    if (e)
        return e;
    const struct relocate_options options = {
        .from = args_get(&cli->args, "from"),
        .to = args_get(&cli->args, "to"),
        .domain = args_get(&cli->args, "workspace"),
        .key_file = args_get(&cli->args, "key-file"),
        .config = config,
        .tick = show,
        .tick_arg = cli,
    };
    log_set_level(LOG_WARN);
    if (args_has(&cli->args, "undo"))
        return undo(cli, &options);
    if (!options.from)
        return error_set(&cli->error, ERR_USAGE, "--from is missing: where the data is now");
    int64_t begun = clock_monotonic_us();
    e = serve_relocate(&options, &lines, &cli->error);
    cli_progress_end(cli);
    return e ? e : report(cli, lines, (clock_monotonic_us() - begun) / 1000);
}
