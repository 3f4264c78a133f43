#include "cli/admin.h"
#include "cli/commands.h"
#include "serve/serve.h"
#include "sim/sim.h"
#include "store/store.h"
#include "json/writer.h"

enum err init_run(struct cli *cli)
{
    const char *data = cli_data_folder(cli);
    struct config *config;
    bool joined;
    enum err e = settings_load(cli, &config);
    if (!e)
        e = serve_init_folder(data, config, &joined, &cli->error);
    if (e)
        return e;
    struct str store = store_show(config_text(config, "store"), &cli->arena);
    fprintf(cli->out, "Made the data folder %s%s%.*s.\n", data,
            joined      ? ", of one more server on "
            : store.len ? " and the database "
                        : "",
            STR_FMT(store));
    if (!joined)
        fprintf(cli->out,
                "Keep a copy of %s/key in a safe place: without it no token or secret in the "
                "database can be read.\n",
                data);
    return ERR_OK;
}

/* --- serve -------------------------------------------------------------------------------- */

static const char *source_name(enum setting_source source)
{
    switch (source) {
    case FROM_DEFAULT: return "default";
    case FROM_FILE: return "file";
    case FROM_ENVIRONMENT: return "environment";
    case FROM_COMMAND_LINE: return "command line";
    }
    return "";
}

static void config_write_json(const struct config *config, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_open(&w, '[');
    for (size_t i = 0; i < config->n; i++) {
        const struct setting *s = &config->table[i];
        const struct setting_value *v = &config->values[i];
        json_open(&w, '{');
        json_member_cstr(&w, "name", s->name);
        json_member_opt(&w, "value", config_shown(config, i));
        json_member_cstr(&w, "source", source_name(v->source));
        json_close(&w, '}');
    }
    json_close(&w, ']');
}

static enum err print_config(struct cli *cli, const struct config *config)
{
    _cleanup_(buf_release)
    struct buf text;
    buf_init(&text, CONFIG_FILE_MAX);
    if (cli_wants_json(cli)) {
        config_write_json(config, &text);
        cli_print_json(cli, buf_str(&text));
    } else {
        config_print(config, &text);
        cli_print(cli, buf_str(&text));
    }
    return buf_ok(&text) ? ERR_OK : ERR_NO_MEMORY;
}

/* What a package puts into /etc: made from the table, so that it cannot lie. */
static enum err print_example_config(struct cli *cli)
{
    _cleanup_(buf_release)
    struct buf text;
    buf_init(&text, CONFIG_FILE_MAX);
    buf_add(
        &text,
        STR("# The settings of `hudhud serve`, each with its default. To change one, remove the "
            "\"#\" before\n"
            "# its name. A variable of the environment (HUDHUD_LOG_LEVEL) or a flag (--log-level) "
            "wins over\n"
            "# what is said here; `hudhud serve --print-config` shows what is in force, and "
            "why.\n"
            "# [live]: a running server takes a change of it, on SIGHUP (systemctl reload "
            "hudhud).\n"));
    config_print_file(serve_settings, serve_n_settings, &text);
    cli_print(cli, buf_str(&text));
    return buf_ok(&text) ? ERR_OK : ERR_NO_MEMORY;
}

enum err serve_command_run(struct cli *cli)
{
    if (args_has(&cli->args, "example-config"))
        return print_example_config(cli);
    struct config *config;
    enum err e = settings_load(cli, &config);
    if (e)
        return e;
    if (args_has(&cli->args, "print-config"))
        return print_config(cli, config);
    return serve_run(cli_data_folder(cli), config, &cli->error);
}

/* --- sim ---------------------------------------------------------------------------------- */

enum err sim_command_run(struct cli *cli)
{
    int64_t numbers, connections;
    enum err e =
        args_i64(&cli->args, "numbers", 1, SIM_NUMBERS_MAX, SIM_NUMBERS, &numbers, &cli->error);
    if (!e)
        e = args_i64(&cli->args, "webhook-connections", 1, SIM_CONNECTIONS_MAX, 1, &connections,
                     &cli->error);
    if (e)
        return e;
    const struct sim_options options = {
        .listen = args_get(&cli->args, "listen"),
        .numbers = (int)numbers,
        .scenario_path = args_get(&cli->args, "scenario"),
        .webhook_url = args_get(&cli->args, "webhook-url"),
        .verify_token = args_get(&cli->args, "verify-token"),
        .webhook_connections = (int)connections,
        .quiet = args_has(&cli->args, "quiet"),
    };
    return sim_run(&options, &cli->error);
}
