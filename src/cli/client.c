#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/duration.h"
#include "cli/list.h"
#include "cli/payload.h"

static const struct column columns[] = {
    {"CLIENT ID", "client_id"},
    {"NAME", "name"},
    {"ENABLED", "enabled"},
    {"ACCESS", "access"},
    {"RESOURCES", "resources"},
    {"NUMBERS", "numbers"},
    {"OLD SECRET UNTIL", "previous_valid_until"},
    {"CREATED", "created_at"},
};

/* .../clients of the workspace, and what is behind it. */
static const char *clients_path(struct cli *cli, const char *behind)
{
    const char *domain = cli_url_part(cli, args_get(&cli->args, "domain"));
    return cli_format(cli, "/admin/workspaces/%s/clients%s", domain, behind);
}

static const char *client_path(struct cli *cli, const char *behind)
{
    const char *id = cli_url_part(cli, cli->args.operands[0]);
    return clients_path(cli, cli_format(cli, "/%s%s", id, behind));
}

enum err client_list_run(struct cli *cli)
{
    struct json data;
    enum err e = admin_once(cli, "GET", clients_path(cli, ""), STR(""), &data);
    if (e)
        return e;
    return list_print(cli, data, columns, ARRAY_LEN(columns),
                      "The workspace has no client yet; make one: hudhud client create --help");
}

static void print_secret_note(struct cli *cli)
{
    fputs("The secret is shown this once and never again: keep it now.\n", cli->err);
}

/* What was said of permissions; false when nothing was. */
static bool add_permissions(struct cli *cli, struct payload *payload)
{
    const char *resources = args_get(&cli->args, "resources");
    const char *numbers = args_get(&cli->args, "numbers");
    bool read_only = args_has(&cli->args, "read-only"), full = args_has(&cli->args, "full");
    if (read_only || full)
        payload_str(payload, "access", read_only ? STR("read") : STR("full"));
    if (resources)
        payload_list(payload, "resources", str_from(resources));
    if (numbers)
        payload_list(payload, "numbers", str_from(numbers));
    return read_only || full || resources || numbers;
}

enum err client_create_run(struct cli *cli)
{
    static const struct column created[] = {{"name", "name"},
                                            {"domain", "domain"},
                                            {"client_id", "client_id"},
                                            {"hmac_secret", "hmac_secret"}};
    _cleanup_(payload_release)
    struct payload payload;
    payload_begin(&payload);
    payload_str(&payload, "name", str_from(args_get(&cli->args, "name")));
    add_permissions(cli, &payload);
    struct str body;
    struct json data;
    enum err e = payload_end(&payload, &body, &cli->error);
    if (!e)
        e = admin_once(cli, "POST", clients_path(cli, ""), body, &data);
    if (!e)
        e = object_print(cli, data, created, ARRAY_LEN(created));
    if (!e)
        print_secret_note(cli);
    return e;
}

enum err client_rotate_run(struct cli *cli)
{
    static const struct column rotated[] = {{"client_id", "client_id"},
                                            {"hmac_secret", "hmac_secret"},
                                            {"old secret until", "previous_valid_until"}};
    int64_t overlap;
    enum err e = duration_read(cli, "overlap", CLI_ROTATE_OVERLAP_S, &overlap);
    if (e)
        return e;
    _cleanup_(payload_release)
    struct payload payload;
    payload_begin(&payload);
    payload_i64(&payload, "overlap_seconds", overlap);
    struct str body;
    struct json data;
    e = payload_end(&payload, &body, &cli->error);
    if (!e)
        e = admin_once(cli, "POST", client_path(cli, "/rotate"), body, &data);
    if (!e)
        e = object_print(cli, data, rotated, ARRAY_LEN(rotated));
    if (!e)
        print_secret_note(cli);
    return e;
}

static enum err patch(struct cli *cli, struct payload *payload, const struct column *shown,
                      size_t n)
{
    struct str body;
    struct json data;
    enum err e = payload_end(payload, &body, &cli->error);
    if (!e)
        e = admin_once(cli, "PATCH", client_path(cli, ""), body, &data);
    return e ? e : object_print(cli, data, shown, n);
}

static enum err set_enabled(struct cli *cli, bool enabled)
{
    static const struct column switched[] = {{"client_id", "client_id"}, {"enabled", "enabled"}};
    _cleanup_(payload_release)
    struct payload payload;
    payload_begin(&payload);
    payload_bool(&payload, "enabled", enabled);
    return patch(cli, &payload, switched, ARRAY_LEN(switched));
}

enum err client_disable_run(struct cli *cli)
{
    return set_enabled(cli, false);
}

enum err client_enable_run(struct cli *cli)
{
    return set_enabled(cli, true);
}

enum err client_permit_run(struct cli *cli)
{
    static const struct column permitted[] = {{"client_id", "client_id"},
                                              {"access", "access"},
                                              {"resources", "resources"},
                                              {"numbers", "numbers"}};
    if (args_has(&cli->args, "read-only") && args_has(&cli->args, "full"))
        return error_set(&cli->error, ERR_USAGE, "--read-only and --full exclude each other");
    _cleanup_(payload_release)
    struct payload payload;
    payload_begin(&payload);
    if (!add_permissions(cli, &payload))
        return error_set(&cli->error, ERR_USAGE,
                         "nothing is said; give --read-only or --full, --resources, or --numbers");
    return patch(cli, &payload, permitted, ARRAY_LEN(permitted));
}
