#include "api/openapi.h"
#include "cli/commands.h"
#include "cli/help.h"

#include "base/limits.h"
#include "json/writer.h"

enum err version_run(struct cli *cli)
{
    if (!cli_wants_json(cli)) {
        fputs("hudhud " HUDHUD_VERSION "\n", cli->out);
        return ERR_OK;
    }
    cli_print_json(cli, STR("{\"version\":\"" HUDHUD_VERSION "\"}"));
    return ERR_OK;
}

enum err openapi_run(struct cli *cli)
{
    _cleanup_(buf_release)
    struct buf text;
    buf_init(&text, DOCS_MAX);
    struct endpoints *endpoints = route_endpoints_new(api_routes);
    openapi_write(&text, api_routes, endpoints);
    free(endpoints);
    if (!buf_ok(&text))
        return ERR_NO_MEMORY;
    cli_print_json(cli, buf_str(&text));
    return ERR_OK;
}

/* The words behind `help` as one path. */
static struct str joined_operands(struct cli *cli)
{
    const char *path = "";
    for (size_t i = 0; i < cli->args.n_operands; i++)
        path = cli_format(cli, "%s%s%s", path, path[0] ? " " : "", cli->args.operands[i]);
    return str_from(path);
}

enum err help_run(struct cli *cli)
{
    _cleanup_(buf_release)
    struct buf text;
    buf_init(&text, CLI_HELP_MAX);
    struct str path = joined_operands(cli);
    const struct command *c = command_find(path);
    if (args_has(&cli->args, "markdown"))
        help_markdown(&text);
    else if (c)
        help_command(c, &text);
    else if (!path.len || command_is_group(path))
        help_overview(path, &text);
    else
        return error_set(&cli->error, ERR_USAGE, "there is no command \"%.*s\"", STR_FMT(path));
    cli_print(cli, buf_str(&text));
    return buf_ok(&text) ? ERR_OK : ERR_NO_MEMORY;
}
