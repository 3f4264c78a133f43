#include "cli/webhook.h"

#include "cli/commands.h"
#include "cli/duration.h"
#include "cli/list.h"
#include "cli/payload.h"

#include "base/nearest.h"
#include "model/event.h"

static const struct column columns[] = {
    {"ID", "id"},
    {"URL", "url"},
    {"EVENTS", "events"},
    {"ENABLED", "enabled"},
    {"WHY NOT", "disabled_reason"},
    {"FAILING SINCE", "failing_since"},
    {"CREATED", "created_at"},
};

static const struct column record[] = {
    {"id", "id"},
    {"url", "url"},
    {"events", "events"},
    {"enabled", "enabled"},
    {"disabled", "disabled_at"},
    {"why", "disabled_reason"},
    {"failing since", "failing_since"},
    {"old secret until", "previous_secret_valid_until"},
    {"created", "created_at"},
    {"changed", "updated_at"},
};

static const char *webhooks_path(struct cli *cli, const char *behind)
{
    const char *domain = cli_url_part(cli, args_get(&cli->args, "domain"));
    return cli_format(cli, "/admin/workspaces/%s/webhooks%s", domain, behind);
}

const char *webhook_path(struct cli *cli, const char *behind)
{
    const char *id = cli_url_part(cli, cli->args.operands[0]);
    return webhooks_path(cli, cli_format(cli, "/%s%s", id, behind));
}

enum err webhook_list_run(struct cli *cli)
{
    struct json data;
    enum err e = admin_once(cli, "GET", webhooks_path(cli, ""), STR(""), &data);
    if (e)
        return e;
    return list_print(cli, data, columns, ARRAY_LEN(columns),
                      "The workspace has no webhook yet; add one: hudhud webhook add --help");
}

enum err webhook_show_run(struct cli *cli)
{
    struct json data;
    enum err e = admin_once(cli, "GET", webhook_path(cli, ""), STR(""), &data);
    return e ? e : object_print(cli, data, record, ARRAY_LEN(record));
}

/* --- add and change ----------------------------------------------------------------------- */

static enum err check_event(struct cli *cli, struct str name)
{
    struct nearest nearest;
    if (event_is_known(name) || str_eq(name, STR("*")))
        return ERR_OK;
    nearest_init(&nearest, name);
    for (size_t i = 0; event_names[i]; i++)
        nearest_offer(&nearest, event_names[i]);
    if (nearest.best)
        return error_set(&cli->error, ERR_USAGE, "--events: there is no \"%.*s\"; did you mean %s?",
                         STR_FMT(name), nearest.best);
    return error_set(&cli->error, ERR_USAGE,
                     "--events: there is no \"%.*s\"; docs/webhooks.md lists the events",
                     STR_FMT(name));
}

enum err webhook_check_events(struct cli *cli, struct str list)
{
    enum err e = ERR_OK;
    while (!e && list.len) {
        struct str name = str_trim(str_split(&list, ','));
        e = name.len ? check_event(cli, name) : ERR_OK;
    }
    return e;
}

/* "a,b", or "all"; as it is when the option is not given and `fallback` is NULL. */
static enum err add_events(struct cli *cli, struct payload *payload, const char *fallback)
{
    const char *given = args_get(&cli->args, "events");
    struct str list = str_from(given ? given : fallback);
    if (!list.len && !given)
        return ERR_OK;
    if (str_eq(list, STR("all")))
        list = STR("*");
    enum err e = webhook_check_events(cli, list);
    if (!e)
        payload_list(payload, "events", list);
    return e;
}

static void print_secret_note(struct cli *cli)
{
    fputs(
        "The secret is shown this once and never again: the receiver verifies what it gets with "
        "it.\n",
        cli->err);
}

enum err webhook_add_run(struct cli *cli)
{
    static const struct column added[] = {
        {"id", "id"}, {"url", "url"}, {"events", "events"}, {"secret", "secret"}};
    _cleanup_(payload_release)
    struct payload payload;
    struct str body;
    struct json data;
    payload_begin(&payload);
    payload_str(&payload, "url", str_from(cli->args.operands[0]));
    enum err e = add_events(cli, &payload, "all");
    if (!e)
        e = payload_end(&payload, &body, &cli->error);
    if (e)
        return e;
    cli_progress(cli, "Asking the URL whether it takes events ...");
    e = admin_once(cli, "POST", webhooks_path(cli, ""), body, &data);
    cli_progress_end(cli);
    if (!e)
        e = object_print(cli, data, added, ARRAY_LEN(added));
    if (!e)
        print_secret_note(cli);
    return e;
}

static enum err patch(struct cli *cli, struct payload *payload)
{
    struct str body;
    struct json data;
    enum err e = payload_end(payload, &body, &cli->error);
    if (!e)
        e = admin_once(cli, "PATCH", webhook_path(cli, ""), body, &data);
    return e ? e : object_print(cli, data, record, ARRAY_LEN(record));
}

enum err webhook_change_run(struct cli *cli)
{
    const char *url = args_get(&cli->args, "url");
    _cleanup_(payload_release)
    struct payload payload;
    payload_begin(&payload);
    if (!url && !args_get(&cli->args, "events"))
        return error_set(&cli->error, ERR_USAGE, "nothing is said; give --url or --events");
    if (url)
        payload_str(&payload, "url", str_from(url));
    enum err e = add_events(cli, &payload, NULL);
    return e ? e : patch(cli, &payload);
}

static enum err set_enabled(struct cli *cli, bool enabled)
{
    _cleanup_(payload_release)
    struct payload payload;
    payload_begin(&payload);
    payload_bool(&payload, "enabled", enabled);
    return patch(cli, &payload);
}

enum err webhook_enable_run(struct cli *cli)
{
    return set_enabled(cli, true);
}

enum err webhook_disable_run(struct cli *cli)
{
    return set_enabled(cli, false);
}

/* --- remove, rotate ----------------------------------------------------------------------- */

enum err webhook_remove_run(struct cli *cli)
{
    struct json data;
    enum err e = admin_once(cli, "DELETE", webhook_path(cli, ""), STR(""), &data);
    if (e)
        return e;
    if (cli_wants_json(cli))
        return cli_print_value(cli, data);
    fprintf(cli->out, "Removed %s: nothing is delivered to it any more.\n", cli->args.operands[0]);
    return ERR_OK;
}

enum err webhook_rotate_secret_run(struct cli *cli)
{
    static const struct column rotated[] = {
        {"id", "id"}, {"secret", "secret"}, {"old secret until", "previous_secret_valid_until"}};
    _cleanup_(payload_release)
    struct payload payload;
    struct str body;
    struct json data;
    int64_t overlap;
    payload_begin(&payload);
    enum err e = duration_read(cli, "overlap", WEBHOOK_OVERLAP_S, &overlap);
    if (e)
        return e;
    payload_i64(&payload, "overlap_seconds", overlap);
    e = payload_end(&payload, &body, &cli->error);
    if (!e)
        e = admin_once(cli, "POST", webhook_path(cli, "/rotate-secret"), body, &data);
    if (!e)
        e = object_print(cli, data, rotated, ARRAY_LEN(rotated));
    if (!e)
        print_secret_note(cli);
    return e;
}
