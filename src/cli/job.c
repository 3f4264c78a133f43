#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/delivery.h"
#include "cli/each.h"
#include "cli/older.h"

static const struct column columns[] = {
    {"ID", "id"},
    {"WORKSPACE", "workspace"},
    {"WEBHOOK", "webhook_id"},
    {"EVENT", "event"},
    {"STATE", "state"},
    {"TRIES", "attempts"},
    {"MADE", "created_at"},
    {"NEXT TRY", "next_attempt_at"},
    {"ERROR", "error"},
};

static const char *add_filter(struct cli *cli, const char *query, const char *key,
                              const char *option)
{
    const char *value = args_get(&cli->args, option);
    return value ? cli_format(cli, "%s&%s=%s", query, key, cli_url_part(cli, value)) : query;
}

enum err job_list_run(struct cli *cli)
{
    struct older older;
    struct json data;
    enum err e = older_read(cli, delivery_states, OLDER_LIMIT_MAX, &older);
    if (e)
        return e;
    older.query = add_filter(cli, older.query, "workspace", "domain");
    older.query = add_filter(cli, older.query, "webhook", "webhook");
    e = admin_once(cli, "GET", cli_format(cli, "/admin/jobs%s", older.query), STR(""), &data);
    if (e)
        return e;
    bool narrowed = args_get(&cli->args, "domain") || args_get(&cli->args, "webhook");
    return older_print(cli, &older, data, columns, ARRAY_LEN(columns),
                       narrowed ? "There is none like that." : "There are no jobs.");
}

static const char *job_path(struct cli *cli, const char *id)
{
    return cli_format(cli, "/admin/jobs/%s", cli_url_part(cli, id));
}

enum err job_show_run(struct cli *cli)
{
    static const struct column record[] = {
        {"id", "id"},
        {"kind", "kind"},
        {"workspace", "workspace"},
        {"webhook", "webhook_id"},
        {"url", "url"},
        {"event", "event"},
        {"event id", "event_id"},
        {"in order with", "order_key"},
        {"state", "state"},
        {"tries", "attempts"},
        {"next try", "next_attempt_at"},
        {"error", "error"},
        {"made", "created_at"},
        {"ended", "ended_at"},
    };
    struct json data;
    enum err e = admin_once(cli, "GET", job_path(cli, cli->args.operands[0]), STR(""), &data);
    return e ? e : delivery_print(cli, data, record, ARRAY_LEN(record));
}

static const char *retry_path(struct cli *cli, const char *id)
{
    return cli_format(cli, "%s/retry", job_path(cli, id));
}

enum err job_retry_run(struct cli *cli)
{
    return each_post(cli, "job", retry_path, columns, ARRAY_LEN(columns));
}

static const char *drop_path(struct cli *cli, const char *id)
{
    return cli_format(cli, "%s/drop", job_path(cli, id));
}

enum err job_drop_run(struct cli *cli)
{
    return each_post(cli, "job", drop_path, columns, ARRAY_LEN(columns));
}
