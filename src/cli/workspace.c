#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/list.h"
#include "cli/payload.h"

static const struct column columns[] = {
    {"DOMAIN", "domain"},   {"NAME", "name"},       {"ENABLED", "enabled"},
    {"CLIENTS", "clients"}, {"NUMBERS", "numbers"}, {"CREATED", "created_at"},
};

enum err workspace_list_run(struct cli *cli)
{
    struct json data;
    enum err e = admin_once(cli, "GET", "/admin/workspaces", STR(""), &data);
    if (e)
        return e;
    return list_print(cli, data, columns, ARRAY_LEN(columns),
                      "There is no workspace yet; make one: hudhud workspace create --help");
}

enum err workspace_create_run(struct cli *cli)
{
    _cleanup_(payload_release)
    struct payload payload;
    payload_begin(&payload);
    payload_str(&payload, "name", str_from(cli->args.operands[0]));
    payload_str(&payload, "domain", str_from(args_get(&cli->args, "domain")));
    struct str body;
    struct json data;
    enum err e = payload_end(&payload, &body, &cli->error);
    if (!e)
        e = admin_once(cli, "POST", "/admin/workspaces", body, &data);
    return e ? e : object_print(cli, data, columns, ARRAY_LEN(columns));
}

/* PATCH with a payload that holds its members already. */
static enum err patch(struct cli *cli, struct payload *payload)
{
    struct str body;
    struct json data;
    enum err e = payload_end(payload, &body, &cli->error);
    if (e)
        return e;
    const char *domain = cli_url_part(cli, args_get(&cli->args, "domain"));
    const char *path = cli_format(cli, "/admin/workspaces/%s", domain);
    e = admin_once(cli, "PATCH", path, body, &data);
    return e ? e : object_print(cli, data, columns, ARRAY_LEN(columns));
}

enum err workspace_rename_run(struct cli *cli)
{
    _cleanup_(payload_release)
    struct payload payload;
    payload_begin(&payload);
    payload_str(&payload, "name", str_from(cli->args.operands[0]));
    return patch(cli, &payload);
}

static enum err set_enabled(struct cli *cli, bool enabled)
{
    _cleanup_(payload_release)
    struct payload payload;
    payload_begin(&payload);
    payload_bool(&payload, "enabled", enabled);
    return patch(cli, &payload);
}

enum err workspace_disable_run(struct cli *cli)
{
    return set_enabled(cli, false);
}

enum err workspace_enable_run(struct cli *cli)
{
    return set_enabled(cli, true);
}
