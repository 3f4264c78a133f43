#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/each.h"
#include "cli/older.h"

#include "crypto/base64.h"
#include "inbound/inbound.h"
#include "json/writer.h"

static const struct column columns[] = {
    {"ID", "id"},          {"STATE", "state"},       {"CHANGES", "changes"},
    {"KEPT", "unapplied"}, {"APP", "app_id"},        {"WORKSPACE", "workspace"},
    {"BYTES", "bytes"},    {"ARRIVALS", "arrivals"}, {"RECEIVED", "received_at"},
};

static const char *const states[] = {INBOUND_KEPT, INBOUND_APPLIED, NULL};

enum err inbound_list_run(struct cli *cli)
{
    struct older older;
    struct json data;
    enum err e = older_read(cli, states, OLDER_LIMIT_MAX, &older);
    if (e)
        return e;
    e = admin_once(cli, "GET", cli_format(cli, "/admin/inbound%s", older.query), STR(""), &data);
    if (e)
        return e;
    return older_print(cli, &older, data, columns, ARRAY_LEN(columns),
                       "Meta has sent nothing yet; docs/webhooks.md tells how it comes to");
}

/* --- show --------------------------------------------------------------------------------- */

static enum err print_reasons(struct cli *cli, struct json reasons)
{
    static const struct column reason[] = {
        {"CHANGE", "change"}, {"FIELD", "field"}, {"WHY IT IS KEPT", "reason"}};
    if (json_len(reasons) == 0)
        return ERR_OK;
    fputc('\n', cli->out);
    return list_print(cli, reasons, reason, ARRAY_LEN(reason), "");
}

/* JSON indented, text as it is. */
static enum err print_body(struct cli *cli, struct json delivery)
{
    struct json body = json_get(delivery, "body");
    struct str text = json_as_str(body, STR(""));
    if (json_present(json_get(delivery, "body_base64")))
        text = arena_printf(&cli->arena, "(%lld bytes that are no text; as they came: --raw)",
                            (long long)json_as_i64(json_get(delivery, "bytes"), 0));
    else if (!json_present(body))
        text = STR("null");
    else if (!json_is_str(body))
        text = json_pretty(json_text(body, &cli->arena), &cli->arena);
    if (!text.ptr)
        return ERR_NO_MEMORY;
    fputs("\nThe body:\n", cli->out);
    return text_print(text, cli->out, cli->terminal, &cli->arena);
}

static const char *inbound_path(struct cli *cli, const char *id)
{
    return cli_format(cli, "/admin/inbound/%s", cli_url_part(cli, id));
}

/* The bytes that came, and nothing else. */
static enum err show_raw(struct cli *cli)
{
    struct json data;
    const char *path = inbound_path(cli, cli->args.operands[0]);
    enum err e = admin_once(cli, "GET", cli_format(cli, "%s?body=base64", path), STR(""), &data);
    if (e)
        return e;
    struct str base64 = json_as_str(json_get(data, "body_base64"), STR(""));
    size_t len = (size_t)json_as_i64(json_get(data, "bytes"), 0);
    if (len > INBOUND_BODY_MAX)
        return error_set(&cli->error, ERR_LIMIT, "the body is larger than any that is taken");
    char *bytes = arena_alloc(&cli->arena, len + 1);
    if (!bytes)
        return ERR_NO_MEMORY;
    if (!base64_decode(base64, (unsigned char *)bytes, len))
        return error_set(&cli->error, ERR_UPSTREAM, "the server's answer has no body_base64");
    cli_print(cli, str_make(bytes, len));
    return ERR_OK;
}

static enum err show(struct cli *cli)
{
    static const struct column record[] = {
        {"id", "id"},
        {"state", "state"},
        {"changes", "changes"},
        {"kept of them", "unapplied"},
        {"app", "app_id"},
        {"workspace", "workspace"},
        {"bytes", "bytes"},
        {"sha256", "sha256"},
        {"received", "received_at"},
        {"arrivals", "arrivals"},
        {"last arrival", "arrived_at"},
    };
    struct json data;
    enum err e = admin_once(cli, "GET", inbound_path(cli, cli->args.operands[0]), STR(""), &data);
    if (!e)
        e = object_print(cli, data, record, ARRAY_LEN(record));
    if (e || cli_wants_json(cli))
        return e;
    e = print_reasons(cli, json_get(data, "reasons"));
    return e ? e : print_body(cli, data);
}

enum err inbound_show_run(struct cli *cli)
{
    if (!args_has(&cli->args, "raw"))
        return show(cli);
    if (cli_wants_json(cli))
        return error_set(&cli->error, ERR_USAGE, "--raw and --json exclude each other");
    return show_raw(cli);
}

/* --- reapply ------------------------------------------------------------------------------ */

static const char *reapply_path(struct cli *cli, const char *id)
{
    return cli_format(cli, "%s/reapply", inbound_path(cli, id));
}

struct walk {
    struct admin admin;
    int64_t before; /* 0: from the newest on */
    int64_t seen, applied, kept, failed;
    enum err worst;
};

static void walk_release(struct walk *w)
{
    admin_close(&w->admin);
}

/* An error is one that would meet the others too; what is wrong with this one alone is told. */
static enum err reapply_one(struct walk *w, int64_t id)
{
    struct cli *cli = w->admin.cli;
    struct json data;
    const char *path = reapply_path(cli, cli_format(cli, "%lld", (long long)id));
    cli_progress(cli, "Applying what was kept: %lld looked at, %lld applied", (long long)w->seen,
                 (long long)w->applied);
    enum err e = admin_call(&w->admin, "POST", path, STR(""), &data);
    if (e == ERR_UNAVAILABLE)
        return e;
    w->seen++;
    if (e) {
        cli_progress_end(cli);
        w->failed++;
        w->worst = error_set(&cli->error, e, "delivery %lld: %.*s", (long long)id,
                             STR_FMT(cli->error.message));
        cli_print_error(cli);
        error_init(&cli->error, &cli->arena);
    } else if (str_eq(json_as_str(json_get(data, "state"), STR("")), STR(INBOUND_KEPT))) {
        w->kept++;
    } else {
        w->applied++;
    }
    return ERR_OK;
}

static enum err reapply_page(struct walk *w, bool *ret_more)
{
    struct cli *cli = w->admin.cli;
    const char *before = w->before ? cli_format(cli, "&before=%lld", (long long)w->before) : "";
    const char *path = cli_format(cli, "/admin/inbound?state=" INBOUND_KEPT "&limit=%d%s",
                                  OLDER_LIMIT_MAX, before);
    struct json page;
    enum err e = admin_call(&w->admin, "GET", path, STR(""), &page);
    if (e)
        return e;
    json_for_each (one, page) {
        w->before = json_as_i64(json_get(one, "id"), 0);
        e = e ? e : reapply_one(w, w->before);
    }
    *ret_more = json_len(page) == OLDER_LIMIT_MAX;
    return e;
}

/* Each page has memory of its own: there may be a million. */
static enum err walk_page(struct walk *w, bool *ret_more)
{
    struct cli *cli = w->admin.cli;
    struct arena whole = cli->arena;
    arena_init(&cli->arena, CLI_ARENA_MAX);
    error_init(&cli->error, &cli->arena);
    enum err e = reapply_page(w, ret_more);
    if (e) {
        cli_progress_end(cli);
        cli_print_error(cli);
    }
    arena_release(&cli->arena);
    cli->arena = whole;
    error_init(&cli->error, &cli->arena);
    return e;
}

static enum err print_walk(struct cli *cli, const struct walk *w)
{
    static const struct column counts[] = {{"looked at", "looked_at"},
                                           {"applied", "applied"},
                                           {"kept still", "kept"},
                                           {"failed", "failed"}};
    _cleanup_(buf_release)
    struct buf text;
    struct json_writer out;
    struct json json;
    buf_init(&text, CLI_LINE_MAX);
    json_writer_init(&out, &text);
    json_open(&out, '{');
    json_member_i64(&out, "looked_at", w->seen);
    json_member_i64(&out, "applied", w->applied);
    json_member_i64(&out, "kept", w->kept);
    json_member_i64(&out, "failed", w->failed);
    json_close(&out, '}');
    enum err e = json_parse(buf_str(&text), &cli->arena, &json, &cli->error);
    if (!e && !w->seen && !cli_wants_json(cli)) {
        fputs("Nothing is kept: all that Meta sent is applied.\n", cli->err);
        return ERR_OK;
    }
    return e ? e : object_print(cli, json, counts, ARRAY_LEN(counts));
}

static enum err reapply_all(struct cli *cli)
{
    _cleanup_(walk_release)
    struct walk w = {.worst = ERR_OK};
    bool more = true;
    enum err e = admin_open(&w.admin, cli);
    if (e)
        return e;
    while (!e && more)
        e = walk_page(&w, &more);
    cli_progress_end(cli);
    enum err printed = print_walk(cli, &w);
    return e ? e : printed ? printed : w.worst;
}

enum err inbound_reapply_run(struct cli *cli)
{
    static const struct column reapplied[] = {
        {"ID", "id"}, {"STATE", "state"}, {"CHANGES", "changes"}, {"KEPT", "unapplied"}};
    bool all = args_has(&cli->args, "all");
    if (all && cli->args.n_operands)
        return error_set(&cli->error, ERR_USAGE, "ids and --all exclude each other");
    if (!all && !cli->args.n_operands)
        return error_set(&cli->error, ERR_USAGE,
                         "name deliveries by their ids, or say --all for all that are kept");
    if (all)
        return reapply_all(cli);
    return each_post(cli, "delivery", reapply_path, reapplied, ARRAY_LEN(reapplied));
}
