/* Backups: the server writes and reads the files, so that a running one need not stop. */
#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/list.h"
#include "cli/payload.h"
#include "serve/serve.h"
#include "store/store.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

/* The server's current folder is another one than ours. */
static const char *absolute(struct cli *cli, const char *path)
{
    char here[PATH_MAX];
    if (path[0] == '/' || !getcwd(here, sizeof(here)))
        return path;
    return cli_format(cli, "%s/%s", here, path);
}

static long long mib_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (long long)st.st_size >> 20 : 0;
}

/* --- backup ------------------------------------------------------------------------------- */

struct watch {
    struct cli *cli;
    const char *what;
    const char *from, *to; /* the files that grow to the same size */
    bool opened;           /* a server answered, or the folder could be opened without one */
};

static void show(void *arg)
{
    const struct watch *w = arg;
    cli_progress(w->cli, "%s: %lld of about %lld MiB", w->what, mib_of(w->to), mib_of(w->from));
}

static enum err call_watched(struct cli *cli, struct watch *watch, const char *path,
                             struct payload *payload, struct json *ret)
{
    _cleanup_(admin_close)
    struct admin admin;
    struct str body;
    enum err e = admin_open(&admin, cli);
    watch->opened = !e;
    if (!e)
        e = payload_end(payload, &body, &cli->error);
    if (e)
        return e;
    admin.tick = show;
    admin.tick_arg = watch;
    e = admin_call(&admin, "POST", path, body, ret);
    cli_progress_end(cli);
    return e;
}

static void print_key_note(struct cli *cli, struct json backup)
{
    if (json_as_bool(json_get(backup, "key_included"), true))
        fputs("The backup holds the key: who has it can read every token and secret in it.\n",
              cli->err);
    else
        fputs(
            "The key is not in it: keep a copy of DIR/key elsewhere. Without that key the tokens "
            "and secrets in this backup cannot be read.\n",
            cli->err);
}

enum err backup_command_run(struct cli *cli)
{
    static const struct column written[] = {{"made", "created_at"},
                                            {"bytes", "size"},
                                            {"key", "key_id"},
                                            {"clients", "tables.clients"},
                                            {"accounts", "tables.accounts"},
                                            {"numbers", "tables.numbers"}};
    const char *folder = absolute(cli, cli->args.operands[0]);
    struct watch watch = {.cli = cli,
                          .what = "Writing the backup",
                          .from = cli_format(cli, "%s/hudhud.db", cli_data_folder(cli)),
                          .to = cli_format(cli, "%s/hudhud.db", folder)};
    _cleanup_(payload_release)
    struct payload payload;
    struct json data;
    payload_begin(&payload);
    payload_str(&payload, "folder", str_from(folder));
    if (args_has(&cli->args, "without-key"))
        payload_bool(&payload, "without_key", true);
    enum err e = call_watched(cli, &watch, "/admin/backup", &payload, &data);
    if (!e)
        e = object_print(cli, data, written, ARRAY_LEN(written));
    if (!e && !cli_wants_json(cli))
        print_key_note(cli, data);
    return e;
}

/* --- restore ------------------------------------------------------------------------------ */

static enum err replace(struct cli *cli, const char *backup, const char *key_file)
{
    const char *data = cli_data_folder(cli);
    struct watch watch = {.cli = cli,
                          .what = "Checking the backup",
                          .from = cli_format(cli, "%s/hudhud.db", backup),
                          .to = cli_format(cli, "%s/restore.db", data)};
    _cleanup_(payload_release)
    struct payload payload;
    struct json answer;
    payload_begin(&payload);
    payload_str(&payload, "folder", str_from(backup));
    if (key_file)
        payload_str(&payload, "key_file", str_from(key_file));
    enum err e = call_watched(cli, &watch, "/admin/restore", &payload, &answer);
    if (e && !watch.opened && e != ERR_BUSY)
        return error_set(&cli->error, e,
                         "%.*s. What cannot be opened cannot be replaced: mend it, or move %s away "
                         "and restore into its place without --replace",
                         STR_FMT(cli->error.message), data);
    if (e)
        return e;
    if (cli_wants_json(cli))
        return cli_print_value(cli, answer);
    struct str before = json_as_str(json_get(answer, "before"), STR(""));
    fprintf(cli->out,
            "Restored. What was there before is kept in %.*s: it is a backup, with its key; remove "
            "it when you no longer need it.\n",
            STR_FMT(before));
    return ERR_OK;
}

static enum err print_made(struct cli *cli, const char *data)
{
    if (!cli_wants_json(cli)) {
        fprintf(cli->out, "Made the data folder %s from the backup.\n", data);
        return ERR_OK;
    }
    _cleanup_(payload_release)
    struct payload made;
    struct str text;
    payload_begin(&made);
    payload_str(&made, "folder", str_from(data));
    enum err e = payload_end(&made, &text, &cli->error);
    if (!e)
        cli_print_json(cli, text);
    return e;
}

static bool holds(struct cli *cli, const char *data, const char *name)
{
    return access(cli_format(cli, "%s/%s", data, name), F_OK) == 0;
}

/* Is there anything to be replaced? The folder of a database on a server may hold its key alone. */
static enum err look_into(struct cli *cli, const char *data, bool *ret_there)
{
    struct config *config;
    enum err e = settings_load(cli, &config);
    if (e)
        return e;
    struct str store = config_text(config, "store");
    *ret_there = holds(cli, data, "hudhud.db") || holds(cli, data, "store") ||
                 (store.len && holds(cli, data, "key"));
    if (*ret_there || !store.len)
        return ERR_OK;
    struct str shown = store_show(store, &cli->arena);
    return error_set(&cli->error, ERR_CONFLICT,
                     "the setting store names %.*s, and %s is no folder of it yet: make it with "
                     "hudhud init, then restore with --replace",
                     STR_FMT(shown), data);
}

enum err restore_command_run(struct cli *cli)
{
    const char *data = cli_data_folder(cli);
    const char *backup = absolute(cli, cli->args.operands[0]);
    const char *key_file = args_get(&cli->args, "key-file");
    bool there;
    enum err e = look_into(cli, data, &there);
    if (e)
        return e;
    if (key_file)
        key_file = absolute(cli, key_file);
    if (there && args_has(&cli->args, "replace"))
        return replace(cli, backup, key_file);
    if (there)
        return error_set(&cli->error, ERR_CONFLICT,
                         "%s holds data already, and nothing was changed; to replace it, running "
                         "server or not: --replace (what is there is kept beside)",
                         data);
    e = serve_restore_folder(data, backup, key_file, &cli->error);
    return e ? e : print_made(cli, data);
}
