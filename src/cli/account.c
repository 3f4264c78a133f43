#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/older.h"

enum err account_list_run(struct cli *cli)
{
    static const struct column columns[] = {
        {"WABA ID", "waba_id"},     {"WORKSPACE", "domain"}, {"NAME", "name"},
        {"STATE", "state"},         {"NUMBERS", "numbers"},  {"TEMPLATES", "template_count"},
        {"REASON", "state_reason"},
    };
    struct json data;
    enum err e = admin_once(cli, "GET", "/admin/accounts", STR(""), &data);
    return e ? e
             : list_print(cli, data, columns, ARRAY_LEN(columns),
                          "No account is linked yet; link one: hudhud number link --help");
}

static const char *account_path(struct cli *cli, const char *behind)
{
    const char *waba_id = cli_url_part(cli, cli->args.operands[0]);
    return cli_format(cli, "/admin/accounts/%s%s", waba_id, behind);
}

enum err account_facts_run(struct cli *cli)
{
    static const struct column columns[] = {
        {"FIELD", "field"}, {"VALUE", "value"}, {"KNOWN SINCE", "known_at"}};
    struct json data;
    enum err e = admin_once(cli, "GET", account_path(cli, "/facts"), STR(""), &data);
    return e ? e
             : list_print(cli, data, columns, ARRAY_LEN(columns),
                          "Meta's webhooks have said nothing of this account yet.");
}

enum err account_history_run(struct cli *cli)
{
    static const struct column columns[] = {{"ID", "id"},     {"AT", "at"}, {"FIELD", "field"},
                                            {"FROM", "from"}, {"TO", "to"}, {"SOURCE", "source"}};
    static const char *const no_states[] = {NULL};
    struct older older;
    struct json data;
    enum err e = older_read(cli, no_states, OLDER_LIMIT_MAX, &older);
    if (e)
        return e;
    const char *path = account_path(cli, cli_format(cli, "/history%s", older.query));
    e = admin_once(cli, "GET", path, STR(""), &data);
    if (e)
        return e;
    return older_print(cli, &older, data, columns, ARRAY_LEN(columns),
                       "Nothing of it has changed yet.");
}
