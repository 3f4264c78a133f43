/* hudhud webhook test, deliveries, delivery and replay. */
#include "cli/delivery.h"

#include "cli/commands.h"
#include "cli/duration.h"
#include "cli/older.h"
#include "cli/payload.h"
#include "cli/webhook.h"

#include "base/clock.h"
#include "model/job.h"
#include "json/writer.h"

static const struct column record[] = {
    {"id", "id"},       {"event", "event"},     {"event id", "event_id"},
    {"state", "state"}, {"tries", "attempts"},  {"next try", "next_attempt_at"},
    {"error", "error"}, {"made", "created_at"}, {"ended", "ended_at"},
};

const char *const delivery_states[] = {JOB_WAITING, JOB_BEHIND,  JOB_DONE,
                                       JOB_DEAD,    JOB_DROPPED, NULL};

/* --- looking ------------------------------------------------------------------------------ */

static enum err print_request(struct cli *cli, struct json request)
{
    struct str text = json_text(request, &cli->arena);
    struct str pretty = text.ptr ? json_pretty(text, &cli->arena) : text;
    if (!pretty.ptr)
        return ERR_NO_MEMORY;
    fputs("\nThe request:\n", cli->out);
    return text_print(pretty, cli->out, cli->terminal, &cli->arena);
}

/* An answer that is no text is told in words. */
static void write_try(struct json_writer *w, struct json one, struct arena *arena)
{
    struct str base64 = json_as_str(json_get(one, "answer_base64"), STR(""));
    size_t padding = str_ends(base64, STR("==")) ? 2 : str_ends(base64, STR("="));
    json_open(w, '{');
    json_for_each_member (key, value, one) {
        if (base64.len && str_eq(key, STR("answer")))
            continue;
        json_key_str(w, key);
        json_raw(w, json_text(value, arena));
    }
    if (base64.len)
        json_member_str(
            w, "answer",
            arena_printf(arena, "(%zu bytes that are no text)", base64.len / 4 * 3 - padding));
    json_close(w, '}');
}

static enum err print_tries(struct cli *cli, struct json tries)
{
    static const struct column attempt[] = {{"TRY", "attempt"},   {"AT", "at"},
                                            {"STATUS", "status"}, {"MS", "duration_ms"},
                                            {"ERROR", "error"},   {"ANSWER", "answer"}};
    _cleanup_(buf_release)
    struct buf text;
    struct json_writer w;
    struct json shown;
    buf_init(&text, CLI_ANSWER_MAX);
    json_writer_init(&w, &text);
    json_open(&w, '[');
    json_for_each (one, tries)
        write_try(&w, one, &cli->arena);
    json_close(&w, ']');
    if (!buf_ok(&text))
        return ERR_NO_MEMORY;
    enum err e = json_parse(buf_str(&text), &cli->arena, &shown, &cli->error);
    return e ? e : list_print(cli, shown, attempt, ARRAY_LEN(attempt), "");
}

enum err delivery_print(struct cli *cli, struct json delivery, const struct column *columns,
                        size_t n)
{
    struct json request = json_get(delivery, "request"), tries = json_get(delivery, "tries");
    enum err e = object_print(cli, delivery, columns, n);
    if (e || cli_wants_json(cli))
        return e;
    if (json_present(request))
        e = print_request(cli, request);
    if (e || !json_len(tries))
        return e;
    fputc('\n', cli->out);
    return print_tries(cli, tries);
}

enum err webhook_deliveries_run(struct cli *cli)
{
    static const struct column columns[] = {{"ID", "id"},
                                            {"EVENT", "event"},
                                            {"STATE", "state"},
                                            {"TRIES", "attempts"},
                                            {"NEXT TRY", "next_attempt_at"},
                                            {"MADE", "created_at"},
                                            {"ENDED", "ended_at"},
                                            {"ERROR", "error"}};
    struct older older;
    struct json data;
    enum err e = older_read(cli, delivery_states, PAGE_LIMIT_MAX, &older);
    if (e)
        return e;
    const char *path = webhook_path(cli, cli_format(cli, "/deliveries%s", older.query));
    e = admin_once(cli, "GET", path, STR(""), &data);
    if (e)
        return e;
    return older_print(cli, &older, data, columns, ARRAY_LEN(columns),
                       "Nothing has been delivered to it yet; try it: hudhud webhook test --help");
}

static const char *delivery_path(struct cli *cli, const char *id, const char *behind)
{
    return webhook_path(cli, cli_format(cli, "/deliveries/%s%s", cli_url_part(cli, id), behind));
}

enum err webhook_delivery_run(struct cli *cli)
{
    struct json data;
    const char *path = delivery_path(cli, cli->args.operands[1], "");
    enum err e = admin_once(cli, "GET", path, STR(""), &data);
    return e ? e : delivery_print(cli, data, record, ARRAY_LEN(record));
}

/* --- test --------------------------------------------------------------------------------- */

static enum err check_ready(struct admin *admin)
{
    struct cli *cli = admin->cli;
    struct json webhook;
    enum err e = admin_call(admin, "GET", webhook_path(cli, ""), STR(""), &webhook);
    if (e)
        return e;
    if (!json_as_bool(json_get(webhook, "enabled"), true))
        return error_set(&cli->error, ERR_CONFLICT,
                         "it is disabled; first: hudhud webhook enable --domain %s %s",
                         args_get(&cli->args, "domain"), cli->args.operands[0]);
    if (admin->serve)
        return error_set(&cli->error, ERR_UNAVAILABLE,
                         "no server runs on %s, and it is the server that delivers; start it: "
                         "hudhud serve",
                         admin->data);
    return ERR_OK;
}

/* Until it was tried once, or CLI_TEST_WAIT_MS. */
static enum err wait_for_try(struct admin *admin, struct json *delivery)
{
    struct cli *cli = admin->cli;
    int64_t deadline = clock_monotonic_us() + CLI_TEST_WAIT_MS * INT64_C(1000);
    struct str id = json_text(json_get(*delivery, "id"), &cli->arena);
    const char *path = delivery_path(cli, cli_format(cli, "%.*s", STR_FMT(id)), "");
    enum err e = ERR_OK;
    cli_progress(cli, "Waiting for the webhook's answer ...");
    while (!e && clock_monotonic_us() < deadline) {
        e = admin_call(admin, "GET", path, STR(""), delivery);
        if (e || json_as_i64(json_get(*delivery, "attempts"), 0) ||
            json_present(json_get(*delivery, "ended_at")))
            break;
        cli_sleep_ms(CLI_TEST_POLL_MS);
    }
    cli_progress_end(cli);
    return e;
}

static enum err judge(struct cli *cli, struct json delivery)
{
    struct str state = json_as_str(json_get(delivery, "state"), STR(""));
    struct str error = json_as_str(json_get(delivery, "error"), STR(""));
    long long id = (long long)json_as_i64(json_get(delivery, "id"), 0);
    if (str_eq(state, STR(JOB_DONE)))
        return ERR_OK;
    if (error.len)
        return error_set(&cli->error, ERR_UPSTREAM, "it was sent, and failed: %.*s",
                         STR_FMT(error));
    return error_set(
        &cli->error, ERR_UPSTREAM,
        "no answer came within %d seconds: it is under way, or not sent yet; what comes "
        "of it: hudhud webhook delivery --domain %s %s %lld",
        CLI_TEST_WAIT_MS / 1000, args_get(&cli->args, "domain"), cli->args.operands[0], id);
}

enum err webhook_test_run(struct cli *cli)
{
    _cleanup_(admin_close)
    struct admin admin;
    struct json delivery;
    enum err e = admin_open(&admin, cli);
    if (!e)
        e = check_ready(&admin);
    if (!e)
        e = admin_call(&admin, "POST", webhook_path(cli, "/test"), STR(""), &delivery);
    if (!e)
        e = wait_for_try(&admin, &delivery);
    if (!e)
        e = delivery_print(cli, delivery, record, ARRAY_LEN(record));
    return e ? e : judge(cli, delivery);
}

/* --- replay ------------------------------------------------------------------------------- */

static enum err replay_range(struct cli *cli)
{
    static const struct column replayed[] = {{"deliveries", "deliveries"}};
    const char *from, *to;
    _cleanup_(payload_release)
    struct payload payload;
    struct str body;
    struct json data;
    payload_begin(&payload);
    enum err e = moment_read(cli, "from", &from);
    if (!e)
        e = moment_read(cli, "to", &to);
    if (e)
        return e;
    payload_str(&payload, "from", str_from(from));
    if (to)
        payload_str(&payload, "to", str_from(to));
    e = payload_end(&payload, &body, &cli->error);
    if (!e)
        e = admin_once(cli, "POST", webhook_path(cli, "/replay"), body, &data);
    if (!e)
        e = object_print(cli, data, replayed, ARRAY_LEN(replayed));
    if (!e && json_as_i64(json_get(data, "deliveries"), 0) == 0)
        fputs("Nothing was to be delivered to it in that time.\n", cli->err);
    return e;
}

enum err webhook_replay_run(struct cli *cli)
{
    struct args *args = &cli->args;
    bool from = args_has(args, "from"), to = args_has(args, "to");
    struct json data;
    if (args->n_operands == 1 && from)
        return replay_range(cli);
    if (args->n_operands == 1)
        return error_set(&cli->error, ERR_USAGE, "say which DELIVERY, or --from when");
    if (from || to)
        return error_set(&cli->error, ERR_USAGE,
                         "a DELIVERY and --from or --to exclude each other");
    enum err e =
        admin_once(cli, "POST", delivery_path(cli, args->operands[1], "/replay"), STR(""), &data);
    return e ? e : object_print(cli, data, record, ARRAY_LEN(record));
}
