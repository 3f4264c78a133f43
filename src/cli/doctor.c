#include "cli/doctor.h"

#include "base/limits.h"
#include "cli/admin.h"
#include "cli/commands.h"

void doctor_report(struct doctor *d, enum verdict verdict, const char *check, const char *what,
                   const char *mend)
{
    static const char *const names[] = {"ok", "warn", "FAIL"};
    d->worst = MAX(d->worst, verdict);
    json_open(&d->w, '{');
    json_member_cstr(&d->w, "check", check);
    json_member_cstr(&d->w, "verdict", verdict == VERDICT_FAIL ? "fail" : names[verdict]);
    json_member_cstr(&d->w, "message", what);
    json_member_cstr(&d->w, "mend", mend);
    json_close(&d->w, '}');
    if (cli_wants_json(d->cli))
        return;
    cli_progress_end(d->cli);
    fprintf(d->cli->out, "%-4s  %-8s  %s\n", names[verdict], check, what);
    if (mend)
        fprintf(d->cli->out, "%16s  -> %s\n", "", mend);
    fflush(d->cli->out);
}

/* A text of an answer, NUL-terminated. */
static const char *text_of(struct doctor *d, struct json object, const char *key,
                           const char *fallback)
{
    struct str s = json_as_str(json_get(object, key), str_from(fallback));
    return cli_format(d->cli, "%.*s", STR_FMT(s));
}

/* What the run's error says; it is then forgotten, as the next check has its own. */
static const char *take_error(struct doctor *d)
{
    const char *message = cli_format(d->cli, "%.*s", STR_FMT(d->cli->error.message));
    error_init(&d->cli->error, &d->cli->arena);
    return message;
}

static void report_server(struct doctor *d, struct admin *admin, struct json status)
{
    if (admin->serve)
        doctor_report(d, VERDICT_WARN, "server", "is not running",
                      cli_format(d->cli, "start it: hudhud serve --data %s", d->data));
    else
        doctor_report(d, VERDICT_OK, "server",
                      cli_format(d->cli, "is running on %s: version %s, process %lld",
                                 text_of(d, status, "listen", "?"),
                                 text_of(d, status, "version", "?"),
                                 (long long)json_as_i64(json_get(status, "pid"), 0)),
                      NULL);
}

/* The way to a database on a server, and its clock: the times in the database are of ours. */
static void report_store(struct doctor *d, struct json store)
{
    struct json server = json_get(store, "server");
    if (!json_is_object(server))
        return;
    int64_t off_ms = json_as_i64(json_get(server, "clock_off_ms"), 0);
    bool local = json_as_bool(json_get(server, "local"), false);
    bool encrypted = json_as_bool(json_get(server, "encrypted"), false);
    const char *what = cli_format(d->cli, "%s: PostgreSQL %lld, %s; servers on it: %lld",
                                  text_of(d, store, "database", "?"),
                                  (long long)json_as_i64(json_get(server, "version"), 0),
                                  encrypted ? "encrypted"
                                  : local   ? "on this machine"
                                            : "not encrypted",
                                  (long long)json_as_i64(json_get(store, "replicas"), 1));
    if (!encrypted && !local)
        doctor_report(d, VERDICT_WARN, "store", what,
                      "let the server speak TLS, and end the URL of the store with "
                      "?sslmode=verify-full");
    else
        doctor_report(d, VERDICT_OK, "store", what, NULL);
    if (off_ms > DOCTOR_CLOCK_WARN_S * 1000LL || off_ms < -DOCTOR_CLOCK_WARN_S * 1000LL)
        doctor_report(
            d, VERDICT_WARN, "clock",
            cli_format(d->cli, "PostgreSQL's is %lld s off ours", (long long)off_ms / 1000),
            "set both by a time service: timedatectl set-ntp true");
}

/* Asks whoever answers for the folder: the state of the database, and Graph's address. */
static const char *check_status(struct doctor *d, struct admin *admin)
{
    struct json status;
    if (admin_call(admin, "GET", "/admin/status", STR(""), &status)) {
        doctor_report(d, VERDICT_FAIL, "database", take_error(d), "read the server's log");
        return NULL;
    }
    doctor_report(d, VERDICT_OK, "database",
                  cli_format(d->cli,
                             "opens, schema %lld; workspaces: %lld, clients: %lld, numbers: %lld",
                             (long long)json_as_i64(json_get(status, "schema_version"), 0),
                             (long long)json_as_i64(json_get(status, "workspaces"), 0),
                             (long long)json_as_i64(json_get(status, "clients"), 0),
                             (long long)json_as_i64(json_get(status, "numbers"), 0)),
                  NULL);
    report_store(d, json_get(status, "store"));
    report_server(d, admin, status);
    doctor_check_settings(d, admin->serve ? 0 : json_as_i64(json_get(status, "file_limit"), 0));
    return text_of(d, status, "graph_url", "");
}

static void check_graph(struct doctor *d, struct admin *admin, const char *url)
{
    struct json answer;
    cli_progress(d->cli, "Asking %s ...", url);
    if (admin_call(admin, "POST", "/admin/graph/check", STR(""), &answer)) {
        doctor_report(d, VERDICT_FAIL, "graph", take_error(d), NULL);
        return;
    }
    if (json_as_bool(json_get(answer, "reachable"), false))
        doctor_report(d, VERDICT_OK, "graph", cli_format(d->cli, "%s answers", url), NULL);
    else
        doctor_report(d, VERDICT_FAIL, "graph",
                      cli_format(d->cli, "%s: %s", url, text_of(d, answer, "message", "no answer")),
                      "check this machine's network, DNS and firewall, and the setting graph-url");
}

/* What to do about graph_outcome_name's names. */
static const char *mend_token(struct doctor *d, const char *outcome, const char *domain,
                              const char *waba_id)
{
    if (strcmp(outcome, "token_dead") == 0 || strcmp(outcome, "forbidden") == 0 ||
        strcmp(outcome, "not_found") == 0)
        return cli_format(d->cli,
                          "make a token with the permission whatsapp_business_management for this "
                          "account, then: hudhud number link --domain %s --waba-id %s",
                          domain, waba_id);
    return "try again later; the server keeps trying by itself";
}

static bool is_known_app(struct json apps, struct str app_id, const char *domain)
{
    json_for_each (app, apps) {
        struct str workspace = json_as_str(json_get(app, "workspace"), STR(""));
        if (str_eq(json_as_str(json_get(app, "app_id"), STR("")), app_id) &&
            (!workspace.len || str_eq(workspace, str_from(domain))))
            return true;
    }
    return false;
}

/* The subscribed app whose webhooks are taken here for an account of this domain; empty: none. */
static struct str find_known_app(struct json apps, struct json subscribed, const char *domain)
{
    json_for_each (id, subscribed)
        if (is_known_app(apps, json_as_str(id, STR("")), domain))
            return json_as_str(id, STR(""));
    return STR("");
}

/* Does Meta tell an app of ours what happens to the account? */
static void check_subscription(struct doctor *d, struct json apps, struct json answer,
                               const char *waba_id, const char *domain)
{
    struct json subscribed = json_get(answer, "subscribed_apps");
    struct str known = find_known_app(apps, subscribed, domain);
    const char *what, *mend = NULL;
    const char *link = cli_format(d->cli, "hudhud number link --domain %s --waba-id %s --replace",
                                  domain, waba_id);
    if (!json_is_array(subscribed)) {
        what = cli_format(d->cli, "Meta does not say which apps are subscribed to it: %s",
                          text_of(d, answer, "subscribed_apps_message", "no answer"));
        mend = "try again later";
    } else if (json_len(subscribed) == 0) {
        what = "no app is subscribed to it, so that Meta sends no webhooks";
        mend = cli_format(d->cli, "subscribe the app of the account's token: %s", link);
    } else if (known.len) {
        what = cli_format(d->cli, "app %.*s is subscribed to it", STR_FMT(known));
    } else if (json_len(apps) == 0) {
        what = "an app is subscribed to it; none is known here (hudhud app add)";
    } else {
        what =
            cli_format(d->cli, "only others than the apps here are subscribed to it, such as %.*s",
                       STR_FMT(json_as_str(json_at(subscribed, 0), STR(""))));
        mend = cli_format(d->cli, "with a token of one of \"hudhud app list\": %s", link);
    }
    doctor_report(d, mend ? VERDICT_WARN : VERDICT_OK, "webhooks",
                  cli_format(d->cli, "account %s of %s: %s", waba_id, domain, what), mend);
}

static void check_account(struct doctor *d, struct admin *admin, struct json apps,
                          struct json account)
{
    const char *waba_id = text_of(d, account, "waba_id", "");
    const char *domain = text_of(d, account, "domain", "");
    const char *path =
        cli_format(d->cli, "/admin/accounts/%s/check", cli_url_part(d->cli, waba_id));
    struct json answer;
    cli_progress(d->cli, "Asking Meta about account %s ...", waba_id);
    if (admin_call(admin, "POST", path, STR(""), &answer)) {
        doctor_report(d, VERDICT_FAIL, "token",
                      cli_format(d->cli, "account %s: %s", waba_id, take_error(d)), NULL);
        return;
    }
    const char *outcome = text_of(d, answer, "outcome", "");
    if (strcmp(outcome, "ok") == 0) {
        doctor_report(d, VERDICT_OK, "token",
                      cli_format(d->cli, "account %s of %s", waba_id, domain), NULL);
        check_subscription(d, apps, answer, waba_id, domain);
        return;
    }
    doctor_report(d, VERDICT_FAIL, "token",
                  cli_format(d->cli, "account %s of %s: %s", waba_id, domain,
                             text_of(d, answer, "message", outcome)),
                  mend_token(d, outcome, domain, waba_id));
}

static void check_accounts(struct doctor *d, struct admin *admin)
{
    struct json accounts, apps;
    if (admin_call(admin, "GET", "/admin/accounts", STR(""), &accounts) ||
        admin_call(admin, "GET", "/admin/apps", STR(""), &apps)) {
        doctor_report(d, VERDICT_FAIL, "token", take_error(d), NULL);
        return;
    }
    json_for_each (account, accounts)
        check_account(d, admin, apps, account);
}

/* Everything that needs the database open. Graph's address when it is known. */
static const char *check_inside(struct doctor *d)
{
    _cleanup_(admin_close)
    struct admin admin;
    if (admin_open(&admin, d->cli)) {
        doctor_report(d, VERDICT_FAIL, "database", take_error(d), NULL);
        return NULL;
    }
    const char *graph_url = check_status(d, &admin);
    if (graph_url) {
        check_graph(d, &admin, graph_url);
        check_accounts(d, &admin);
    }
    return graph_url;
}

enum err doctor_run(struct cli *cli)
{
    struct doctor d = {.cli = cli, .data = cli_data_folder(cli)};
    buf_init(&d.text, CLI_ANSWER_MAX);
    json_writer_init(&d.w, &d.text);
    json_open(&d.w, '[');
    const char *graph_url = NULL;
    if (doctor_check_folder(&d)) {
        doctor_check_key(&d);
        doctor_check_disk(&d);
        graph_url = check_inside(&d);
    }
    doctor_check_clock(&d, graph_url);
    json_close(&d.w, ']');
    if (cli_wants_json(cli))
        cli_print_json(cli, buf_str(&d.text));
    buf_release(&d.text);
    return d.worst == VERDICT_FAIL ? ERR_UNAVAILABLE : ERR_OK;
}
