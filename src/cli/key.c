#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/list.h"

static const struct column keys[] = {{"KEY", "id"}, {"CURRENT", "current"}, {"VALUES", "values"}};

static void warn_unreadable(struct cli *cli, struct json data)
{
    int64_t n = json_as_i64(json_get(data, "unreadable"), 0);
    if (n)
        fprintf(cli->err,
                "%lld of the values open with no key that is here: the secrets of those clients "
                "have to be rotated, and those accounts linked again (hudhud doctor names them).\n",
                (long long)n);
}

enum err key_show_run(struct cli *cli)
{
    struct json data;
    enum err e = admin_once(cli, "GET", "/admin/key", STR(""), &data);
    if (e)
        return e;
    if (cli_wants_json(cli))
        return cli_print_value(cli, data);
    e = list_print(cli, json_get(data, "keys"), keys, ARRAY_LEN(keys), "");
    if (!e)
        warn_unreadable(cli, data);
    return e;
}

enum err key_rotate_run(struct cli *cli)
{
    static const struct column rotated[] = {{"new key", "id"},
                                            {"old key", "previous_id"},
                                            {"values sealed anew", "values"},
                                            {"old key kept in", "previous_key_file"}};
    struct json data;
    enum err e = admin_once(cli, "POST", "/admin/key/rotate", STR(""), &data);
    if (!e)
        e = object_print(cli, data, rotated, ARRAY_LEN(rotated));
    if (e || cli_wants_json(cli))
        return e;
    warn_unreadable(cli, data);
    if (!json_as_bool(json_get(data, "finished"), true))
        fputs(
            "The key file still holds the old key too: the server's log says why, and its next "
            "start tries again.\n",
            cli->err);
    fputs(
        "Make a backup now. Backups made before, without their key, need the old one: keep its "
        "file with them, then remove it here.\n",
        cli->err);
    return ERR_OK;
}
