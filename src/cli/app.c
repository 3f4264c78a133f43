#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/duration.h"
#include "cli/list.h"
#include "cli/payload.h"
#include "cli/token.h"

#include "base/random.h"

#define MADE_TOKEN_LEN 32

static const struct column columns[] = {
    {"APP ID", "app_id"},
    {"NAME", "name"},
    {"WORKSPACE", "workspace"},
    {"CALLBACK PATH", "callback_path"},
    {"OLD SECRET UNTIL", "previous_valid_until"},
    {"CREATED", "created_at"},
};

/* What to subscribe to at Meta: all that is applied. */
static const char fields[] =
    "account_alerts, account_review_update, account_update, business_capability_update,\n"
    "                 message_template_components_update, message_template_quality_update,\n"
    "                 message_template_status_update, phone_number_name_update,\n"
    "                 phone_number_quality_update, security, template_category_update";

static const char *app_path(struct cli *cli)
{
    return cli_format(cli, "/admin/apps/%s", cli_url_part(cli, cli->args.operands[0]));
}

enum err app_list_run(struct cli *cli)
{
    struct json data;
    enum err e = admin_once(cli, "GET", "/admin/apps", STR(""), &data);
    if (e)
        return e;
    return list_print(cli, data, columns, ARRAY_LEN(columns),
                      "No app of Meta's is known yet; add yours: hudhud app add --help");
}

/* --- the verify token --------------------------------------------------------------------- */

/* From the file of --verify-token-file, else a new one: *ret_made. */
static enum err read_verify_token(struct cli *cli, struct secret *ret, bool *ret_made)
{
    const char *file = args_get(&cli->args, "verify-token-file");
    char made[MADE_TOKEN_LEN];
    *ret_made = !file;
    if (file)
        return token_read(cli, &token_app_verify, file, ret);
    random_name(made, sizeof(made));
    secret_set(ret, str_make(made, sizeof(made)));
    wipe(made, sizeof(made));
    return ERR_OK;
}

/* The server's answer with the token that was made. */
static enum err with_token(struct cli *cli, struct json data, const struct secret *token,
                           struct json *ret)
{
    _cleanup_(buf_wipe)
    struct buf text;
    struct json_writer w;
    buf_init(&text, CLI_PAYLOAD_MAX);
    json_writer_init(&w, &text);
    json_open(&w, '{');
    json_for_each_member (key, value, data) {
        json_key_str(&w, key);
        json_raw(&w, json_text(value, &cli->arena));
    }
    json_member_str(&w, "verify_token", secret_reveal(token));
    json_close(&w, '}');
    return buf_ok(&text) ? json_parse(buf_str(&text), &cli->arena, ret, &cli->error)
                         : ERR_NO_MEMORY;
}

static void print_steps(struct cli *cli, struct json app, bool made)
{
    struct str path = json_as_str(json_get(app, "callback_path"), STR(""));
    fprintf(cli->err,
            "\nIn Meta's dashboard of the app, under WhatsApp, Configuration, Webhook:\n"
            "  Callback URL   https://YOUR.SERVER%.*s\n"
            "  Verify token   %s\n"
            "  Subscribe to   %s\n"
            "docs/webhooks.md tells more.\n",
            STR_FMT(path),
            made ? "the one above, which is shown this once" : "the one in your file", fields);
}

static enum err print_app(struct cli *cli, struct json app, const struct secret *token, bool made)
{
    static const struct column record[] = {{"app id", "app_id"},
                                           {"name", "name"},
                                           {"workspace", "workspace"},
                                           {"callback path", "callback_path"},
                                           {"verify token", "verify_token"}};
    enum err e = made ? with_token(cli, app, token, &app) : ERR_OK;
    if (!e)
        e = object_print(cli, app, record, ARRAY_LEN(record) - !made);
    if (!e && !cli_wants_json(cli))
        print_steps(cli, app, made);
    return e;
}

/* --- add ---------------------------------------------------------------------------------- */

static enum err post_app(struct cli *cli, const struct secret *secret, const struct secret *token,
                         struct json *ret)
{
    const char *name = args_get(&cli->args, "name");
    const char *workspace = args_get(&cli->args, "workspace");
    _cleanup_(payload_release)
    struct payload payload;
    struct str body;
    payload_begin(&payload);
    payload_str(&payload, "app_id", str_from(cli->args.operands[0]));
    if (name)
        payload_str(&payload, "name", str_from(name));
    if (workspace)
        payload_str(&payload, "workspace", str_from(workspace));
    payload_str(&payload, "secret", secret_reveal(secret));
    payload_str(&payload, "verify_token", secret_reveal(token));
    enum err e = payload_end(&payload, &body, &cli->error);
    return e ? e : admin_once(cli, "POST", "/admin/apps", body, ret);
}

static bool is_standard_input(const char *file)
{
    return !file || str_eq(str_from(file), STR("-"));
}

enum err app_add_run(struct cli *cli)
{
    _cleanup_(secret_release)
    struct secret secret = {0};
    _cleanup_(secret_release)
    struct secret token = {0};
    bool made;
    struct json app;
    const char *secret_file = args_get(&cli->args, "secret-file");
    const char *token_file = args_get(&cli->args, "verify-token-file");
    if (token_file && is_standard_input(token_file) && is_standard_input(secret_file))
        return error_set(&cli->error, ERR_USAGE,
                         "standard input can hold one of both; name the file of the other with "
                         "--secret-file");
    enum err e = token_read(cli, &token_app_secret, secret_file, &secret);
    if (!e)
        e = read_verify_token(cli, &token, &made);
    if (!e)
        e = post_app(cli, &secret, &token, &app);
    return e ? e : print_app(cli, app, &token, made);
}

/* --- change and remove -------------------------------------------------------------------- */

static enum err patch_app(struct cli *cli, const char *key, const struct secret *value,
                          const int64_t *overlap, struct json *ret)
{
    _cleanup_(payload_release)
    struct payload payload;
    struct str body;
    payload_begin(&payload);
    payload_str(&payload, key, secret_reveal(value));
    if (overlap)
        payload_i64(&payload, "overlap_seconds", *overlap);
    enum err e = payload_end(&payload, &body, &cli->error);
    return e ? e : admin_once(cli, "PATCH", app_path(cli), body, ret);
}

enum err app_rotate_run(struct cli *cli)
{
    static const struct column rotated[] = {{"app id", "app_id"},
                                            {"old secret until", "previous_valid_until"}};
    _cleanup_(secret_release)
    struct secret secret = {0};
    int64_t overlap;
    struct json app;
    enum err e = duration_read(cli, "overlap", CLI_ROTATE_OVERLAP_S, &overlap);
    if (!e)
        e = token_read(cli, &token_app_secret, args_get(&cli->args, "secret-file"), &secret);
    if (!e)
        e = patch_app(cli, "secret", &secret, &overlap, &app);
    return e ? e : object_print(cli, app, rotated, ARRAY_LEN(rotated));
}

enum err app_verify_token_run(struct cli *cli)
{
    _cleanup_(secret_release)
    struct secret token = {0};
    bool made;
    struct json app;
    enum err e = read_verify_token(cli, &token, &made);
    if (!e)
        e = patch_app(cli, "verify_token", &token, NULL, &app);
    return e ? e : print_app(cli, app, &token, made);
}

enum err app_remove_run(struct cli *cli)
{
    struct json data;
    enum err e = admin_once(cli, "DELETE", app_path(cli), STR(""), &data);
    if (e)
        return e;
    if (cli_wants_json(cli))
        return cli_print_value(cli, data);
    fprintf(cli->out, "Removed %s: what it sends from now on is refused.\n", cli->args.operands[0]);
    return ERR_OK;
}
