#include "cli/number.h"
#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/list.h"
#include "cli/payload.h"
#include "cli/token.h"

static const struct column columns[] = {
    {"ID", "id"},
    {"PHONE", "phone_number"},
    {"META ID", "phone_number_id"},
    {"NAME", "verified_name"},
    {"STATUS", "status"},
    {"QUALITY", "quality_rating"},
    {"LIMIT", "health.messaging_limit"},
    {"TEMPLATES", "message_template_count"},
    {"CONFIRMED", "health.confirmed_at"},
};

static const struct column record[] = {
    {"id", "id"},
    {"phone number", "phone_number"},
    {"Meta's id", "phone_number_id"},
    {"verified name", "verified_name"},
    {"status", "status"},
    {"status at Meta", "health.meta_status"},
    {"quality", "quality_rating"},
    {"quality before", "health.previous_quality_rating"},
    {"quality changed", "health.quality_changed_at"},
    {"messaging limit", "health.messaging_limit"},
    {"throughput", "health.throughput"},
    {"can send messages", "health.can_send_message"},
    {"name status", "health.name_status"},
    {"code verification", "health.code_verification_status"},
    {"platform", "health.platform_type"},
    {"official account", "health.is_official_business_account"},
    {"approved templates", "message_template_count"},
    {"linked", "created_at"},
    {"changed", "updated_at"},
    {"confirmed by Meta", "health.confirmed_at"},
    {"stale", "health.stale"},
};

static const char no_numbers[] =
    "No number is linked yet; link an account: hudhud number link --help";

/* .../waba-numbers of the workspace, and what is behind it. */
static const char *numbers_path(struct cli *cli, const char *behind)
{
    const char *domain = cli_url_part(cli, args_get(&cli->args, "domain"));
    return cli_format(cli, "/admin/workspaces/%s/waba-numbers%s", domain, behind);
}

const char *number_path(struct cli *cli, const char *id, const char *behind)
{
    return numbers_path(cli, cli_format(cli, "/%s%s", cli_url_part(cli, id), behind));
}

/* --- link --------------------------------------------------------------------------------- */

static enum err link_account(struct cli *cli, const struct secret *token, struct json *ret)
{
    const char *waba_id = args_get(&cli->args, "waba-id");
    _cleanup_(payload_release)
    struct payload payload;
    payload_begin(&payload);
    payload_str(&payload, "waba_id", str_from(waba_id));
    payload_str(&payload, "access_token", secret_reveal(token));
    if (args_has(&cli->args, "replace"))
        payload_bool(&payload, "replace", true);
    struct str body;
    enum err e = payload_end(&payload, &body, &cli->error);
    if (e)
        return e;
    cli_progress(cli, "Asking Meta about account %s ...", waba_id);
    e = admin_once(cli, "POST", numbers_path(cli, ""), body, ret);
    cli_progress_end(cli);
    return e;
}

enum err number_link_run(struct cli *cli)
{
    _cleanup_(secret_release)
    struct secret token = {0};
    struct json data;
    enum err e = token_read(cli, &token_access, args_get(&cli->args, "token-file"), &token);
    if (!e)
        e = link_account(cli, &token, &data);
    if (e)
        return e;
    return list_print(cli, data, columns, ARRAY_LEN(columns),
                      "The account is linked; Meta lists no number for it.");
}

/* --- looking ------------------------------------------------------------------------------ */

enum err number_list_run(struct cli *cli)
{
    struct json data;
    enum err e = admin_once(cli, "GET", numbers_path(cli, ""), STR(""), &data);
    return e ? e : list_print(cli, data, columns, ARRAY_LEN(columns), no_numbers);
}

/* Of the name that was asked for last, which may not be the one it has. */
static enum err print_name_request(struct cli *cli, struct json number)
{
    static const struct column request[] = {
        {"name asked for", "name"}, {"Meta decided", "decision"}, {"because of", "reason"}};
    struct json asked = json_get(number, "name_request");
    if (!json_is_object(asked))
        return ERR_OK;
    bool has_reason = json_present(json_get(asked, "reason"));
    fputc('\n', cli->out);
    return object_print(cli, asked, request, ARRAY_LEN(request) - !has_reason);
}

static enum err print_reasons(struct cli *cli, struct json number)
{
    static const struct column reason[] = {
        {"CODE", "code"}, {"WHY IT CANNOT SEND", "message"}, {"WHAT HELPS", "solution"}};
    struct json reasons = json_get(json_get(number, "health"), "reasons");
    if (json_len(reasons) == 0)
        return ERR_OK;
    fputc('\n', cli->out);
    return list_print(cli, reasons, reason, ARRAY_LEN(reason), "");
}

enum err number_print(struct cli *cli, struct json number)
{
    enum err e = object_print(cli, number, record, ARRAY_LEN(record));
    if (e || cli_wants_json(cli))
        return e;
    e = print_name_request(cli, number);
    return e ? e : print_reasons(cli, number);
}

enum err number_show_run(struct cli *cli)
{
    struct json data;
    const char *path = number_path(cli, cli->args.operands[0], "");
    enum err e = admin_once(cli, "GET", path, STR(""), &data);
    return e ? e : number_print(cli, data);
}

enum err number_history_run(struct cli *cli)
{
    static const struct column change[] = {
        {"WHEN", "at"}, {"FIELD", "field"}, {"FROM", "from"}, {"TO", "to"}, {"SOURCE", "source"}};
    int64_t page, limit;
    struct args *args = &cli->args;
    enum err e = args_i64(args, "page", 1, PAGE_MAX, 1, &page, &cli->error);
    if (!e)
        e = args_i64(args, "limit", 1, PAGE_LIMIT_MAX, PAGE_LIMIT_DEFAULT, &limit, &cli->error);
    if (e)
        return e;
    const char *query =
        cli_format(cli, "/history?page=%lld&limit=%lld", (long long)page, (long long)limit);
    struct json data;
    e = admin_once(cli, "GET", number_path(cli, args->operands[0], query), STR(""), &data);
    if (e)
        return e;
    return list_print(cli, data, change, ARRAY_LEN(change),
                      page == 1 ? "Nothing has changed since it was linked."
                                : "There is no such page: the number has fewer changes.");
}

enum err number_unlink_run(struct cli *cli)
{
    struct json data;
    const char *path = number_path(cli, cli->args.operands[0], "");
    enum err e = admin_once(cli, "DELETE", path, STR(""), &data);
    if (e)
        return e;
    if (cli_wants_json(cli))
        return cli_print_value(cli, data);
    fprintf(cli->out, "Unlinked %s: it is no longer listed or usable.\n", cli->args.operands[0]);
    return ERR_OK;
}

/* --- sync --------------------------------------------------------------------------------- */

/* One account. A failure is told at once and remembered: the others have their turn. */
static enum err sync_one(struct admin *admin, const char *what, const char *path)
{
    struct cli *cli = admin->cli;
    struct json data;
    cli_progress(cli, "Asking Meta about %s ...", what);
    enum err e = admin_call(admin, "POST", path, STR(""), &data);
    cli_progress_end(cli);
    if (e) {
        error_set(&cli->error, e, "%s: %.*s", what, STR_FMT(cli->error.message));
        cli_print_error(cli);
        error_init(&cli->error, &cli->arena);
    }
    return e;
}

static enum err sync_named(struct admin *admin)
{
    struct cli *cli = admin->cli;
    enum err worst = ERR_OK;
    for (size_t i = 0; i < cli->args.n_operands; i++) {
        const char *id = cli->args.operands[i];
        const char *path = number_path(cli, id, "/sync");
        enum err e = sync_one(admin, cli_format(cli, "number %s", id), path);
        worst = e ? e : worst;
    }
    return worst;
}

/* Every account of the workspace, once each. */
static enum err sync_all(struct admin *admin)
{
    struct cli *cli = admin->cli;
    struct str domain = str_from(args_get(&cli->args, "domain"));
    struct json accounts;
    enum err worst = admin_call(admin, "GET", "/admin/accounts", STR(""), &accounts);
    if (worst)
        return worst;
    json_for_each (account, accounts) {
        if (!str_eq(json_as_str(json_get(account, "domain"), STR("")), domain))
            continue;
        struct str waba = json_as_str(json_get(account, "waba_id"), STR(""));
        enum err e = sync_one(admin, cli_format(cli, "account %.*s", STR_FMT(waba)),
                              cli_format(cli, "/admin/accounts/%.*s/sync", STR_FMT(waba)));
        worst = e ? e : worst;
    }
    return worst;
}

enum err number_sync_run(struct cli *cli)
{
    _cleanup_(admin_close)
    struct admin admin;
    enum err e = admin_open(&admin, cli);
    if (e)
        return e;
    enum err worst = cli->args.n_operands ? sync_named(&admin) : sync_all(&admin);
    if (cli->error.message.len)
        return worst;
    struct json data;
    e = admin_call(&admin, "GET", numbers_path(cli, ""), STR(""), &data);
    if (!e)
        e = list_print(cli, data, columns, ARRAY_LEN(columns), no_numbers);
    return e ? e : worst;
}
