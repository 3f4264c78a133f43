/* hudhud event follow: the events of a workspace as they happen, over whatever breaks the stream.
 */
#include "cli/call.h"
#include "cli/commands.h"
#include "cli/request.h"
#include "cli/signing.h"
#include "cli/sse.h"
#include "cli/table.h"
#include "cli/webhook.h"

#include "base/clock.h"
#include "base/file.h"
#include "json/writer.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#define OLDEST_ID "evt_000000000000000000000000"

struct follow {
    struct cli *cli;
    struct credentials credentials;
    struct target target;
    const char *url;
    struct sse sse;
    int stop_fd;      /* readable at SIGINT and SIGTERM; -1: not yet */
    enum err unread;  /* what came could not be read */
    int64_t pause_ms; /* before the next connection, at least; of Retry-After */
    bool reached;     /* the server answered, once at least: it is where it is said to be */
    bool connected;   /* once at least */
    long status;      /* of the last answer; 0: none came */
    long told; /* ... with which it was told that it is being connected again; -1: not told */
};

static void follow_release(struct follow *f)
{
    credentials_release(&f->credentials);
    sse_release(&f->sse);
    closep(&f->stop_fd);
}

/* --- one event ---------------------------------------------------------------------------- */

/* As JSON: what it is, or a text. */
static struct str data_text(struct str data, struct json json, struct arena *arena)
{
    struct buf text;
    struct json_writer w;
    if (json_present(json))
        return json_text(json, arena);
    buf_init(&text, 6 * CLI_EVENT_MAX + 2);
    json_writer_init(&w, &text);
    json_str(&w, data);
    struct str copy = arena_dup(arena, buf_str(&text));
    buf_release(&text);
    return copy;
}

/* An event of ours is an envelope: its members are shown side by side, and `data` alone is what
 * happened. */
static enum err print_line(struct cli *cli, const struct sse_event *event, struct arena *arena)
{
    struct json json = {0};
    struct error ignored;
    error_init(&ignored, arena);
    if (json_parse(event->data, arena, &json, &ignored))
        json = (struct json){0};
    struct str time = json_as_str(json_get(json, "timestamp"), STR("-"));
    bool envelope = json_present(json_get(json, "data"));
    struct str data = data_text(event->data, envelope ? json_get(json, "data") : json, arena);
    struct str line =
        arena_printf(arena, "%.*s  %.*s  %.*s", STR_FMT(time), STR_FMT(event->name), STR_FMT(data));
    return line.ptr && data.ptr ? text_print(line, cli->out, cli->terminal, arena) : ERR_NO_MEMORY;
}

static enum err print_json(struct cli *cli, const struct sse_event *event, struct arena *arena)
{
    _cleanup_(buf_release)
    struct buf text;
    struct json_writer w;
    struct json json = {0};
    struct error ignored;
    error_init(&ignored, arena);
    if (json_parse(event->data, arena, &json, &ignored))
        json = (struct json){0};
    bool envelope = json_present(json_get(json, "data"));
    buf_init(&text, 8 * CLI_EVENT_MAX);
    json_writer_init(&w, &text);
    json_open(&w, '{');
    json_member_str(&w, "id", event->id);
    json_member_str(&w, "event", event->name);
    if (json_is_str(json_get(json, "timestamp")))
        json_member_str(&w, "timestamp", json_as_str(json_get(json, "timestamp"), STR("")));
    json_key(&w, "data");
    json_raw(&w, data_text(event->data, envelope ? json_get(json, "data") : json, arena));
    json_close(&w, '}');
    buf_add_char(&text, '\n');
    cli_print(cli, buf_str(&text));
    return buf_ok(&text) ? ERR_OK : ERR_NO_MEMORY;
}

static bool print_event(void *arg, const struct sse_event *event)
{
    struct follow *f = arg;
    struct arena arena;
    arena_init(&arena, CLI_ARENA_MAX);
    enum err e = cli_wants_json(f->cli) ? print_json(f->cli, event, &arena)
                                        : print_line(f->cli, event, &arena);
    arena_release(&arena);
    f->unread = e;
    return !e && fflush(f->cli->out) == 0;
}

/* --- one connection ----------------------------------------------------------------------- */

static void begin(void *arg, const struct response *r)
{
    struct follow *f = arg;
    if (!f->connected)
        fputs("hudhud: connected; Ctrl-C ends it\n", f->cli->err);
    else if (f->told >= 0)
        fputs("hudhud: connected again\n", f->cli->err);
    f->connected = f->reached = true;
    f->told = -1;
    sse_begin(&f->sse);
}

static bool take(void *arg, struct str bytes)
{
    struct follow *f = arg;
    enum err e = sse_feed(&f->sse, bytes, print_event, f);
    if (e && e != ERR_CLOSED)
        f->unread = e;
    return e == ERR_OK;
}

static const char *refusal_hint(const struct follow *f, long status, struct str code)
{
    if (status == 403)
        return "\"hudhud client permit\" gives the resource events, and --numbers all: the stream "
               "tells of all numbers";
    if (status == 409)
        return "what came behind that event is not on record any more. Leave --after out for what "
               "happens from now on, or give --after " OLDEST_ID
               " for the oldest event on record; "
               "and read your numbers anew";
    return call_hint(code);
}

/* An answer that is no stream. What will be another one later is ERR_UNAVAILABLE. */
static enum err refuse(struct follow *f, const struct response *r)
{
    struct cli *cli = f->cli;
    struct json answer = {0};
    struct error ignored;
    error_init(&ignored, &cli->arena);
    if (json_parse(buf_str(&r->body), &cli->arena, &answer, &ignored))
        answer = (struct json){0};
    struct str code = json_as_str(json_get(answer, "error"), STR(""));
    struct str message = json_as_str(json_get(answer, "message"), STR("no event stream"));
    const char *hint = refusal_hint(f, r->status, code);
    bool passes = r->status == 429 || r->status >= 500;
    int64_t seconds;
    f->reached = true;
    if (str_to_i64(response_header(r, STR("Retry-After")), &seconds))
        f->pause_ms = MIN(seconds, (int64_t)CLI_PAUSE_MAX_MS / 1000) * 1000;
    enum err e =
        error_set(&cli->error, passes ? ERR_UNAVAILABLE : ERR_UPSTREAM,
                  "the server answered %ld %.*s: %.*s%s%s", r->status, STR_FMT(code),
                  STR_FMT(message), hint && !passes ? "; " : "", hint && !passes ? hint : "");
    json_for_each_member (key, problem, json_get(answer, "details")) {
        const char *field = cli_format(cli, "%.*s", STR_FMT(key));
        error_detail(&cli->error, field, "%.*s", STR_FMT(json_as_str(problem, STR(""))));
    }
    return e;
}

static enum err make_headers(struct follow *f, struct curl_slist **headers)
{
    struct cli *cli = f->cli;
    struct http_header signed_headers[SIGNED_HEADERS];
    struct str last_id = buf_str(&f->sse.last_id);
    enum err e = sign_request(cli, &f->credentials, &f->target, STR(""), signed_headers);
    if (e)
        return e;
    header_add(headers, "Accept: text/event-stream");
    for (size_t i = 0; i < SIGNED_HEADERS; i++)
        header_add(headers, cli_format(cli, "%.*s: %.*s", STR_FMT(signed_headers[i].name),
                                       STR_FMT(signed_headers[i].value)));
    if (last_id.len)
        header_add(headers, cli_format(cli, "Last-Event-ID: %.*s", STR_FMT(last_id)));
    return ERR_OK;
}

/* ERR_UNAVAILABLE: it is to be tried again. ERR_CLOSED: the person, or the output, had enough. */
static enum err connect_once(struct follow *f)
{
    struct error *error = &f->cli->error;
    _cleanup_(headers_free)
    struct curl_slist *headers = NULL;
    _cleanup_(response_release)
    struct response response;
    const struct request_stream stream = {begin, take, f, f->stop_fd, CLI_SILENCE_MS};
    response_init(&response);
    enum err e = make_headers(f, &headers);
    if (e)
        return e;
    const struct request request = {
        .method = f->target.method,
        .url = f->url,
        .headers = headers,
        .timeout_ms = CLI_CALL_TIMEOUT_MS,
        .stream = &stream,
    };
    f->pause_ms = 0;
    e = request_run(&request, &response, error);
    f->status = response.status;
    if (f->unread)
        return error_set(error, ERR_UPSTREAM, "what came is no stream of Hudhud's events");
    if (e || response.streamed)
        return e ? e : error_set(error, ERR_UNAVAILABLE, "the server ended the stream");
    return refuse(f, &response);
}

/* --- again and again ---------------------------------------------------------------------- */

/* Once, and once more when it fails in another way: not every few seconds for a night. */
static void tell_again(struct follow *f)
{
    struct str id = buf_str(&f->sse.last_id), why = f->cli->error.message;
    if (f->told == f->status)
        return;
    f->told = f->status;
    fprintf(f->cli->err, "hudhud: %.*s; connecting again", STR_FMT(why));
    if (id.len)
        fprintf(f->cli->err, ", behind %.*s", STR_FMT(id));
    fputc('\n', f->cli->err);
}

/* False: stopped meanwhile. */
static bool wait_a_while(const struct follow *f)
{
    int64_t said = f->sse.retry_ms < 0 ? EVENT_RETRY_MS : f->sse.retry_ms;
    int64_t ms = MAX(MAX(said, f->pause_ms), (int64_t)CLI_PAUSE_MIN_MS);
    struct pollfd stop = {.fd = f->stop_fd, .events = POLLIN};
    return poll(&stop, 1, (int)MIN(ms, (int64_t)CLI_PAUSE_MAX_MS)) == 0;
}

/* Each connection has memory of its own: there may be any number. What is wrong with the last one
 * is kept. */
static enum err connect_in_arena(struct follow *f, bool *ret_again)
{
    struct cli *cli = f->cli;
    struct arena whole = cli->arena;
    struct error kept;
    error_init(&kept, &whole);
    arena_init(&cli->arena, CLI_ARENA_MAX);
    error_init(&cli->error, &cli->arena);
    enum err e = connect_once(f);
    *ret_again = e == ERR_UNAVAILABLE && f->reached;
    if (*ret_again)
        tell_again(f);
    else
        error_copy(&kept, &cli->error);
    arena_release(&cli->arena);
    cli->arena = whole;
    cli->error = kept;
    cli->error.arena = &cli->arena;
    return e;
}

static enum err follow(struct follow *f)
{
    struct error *error = &f->cli->error;
    bool again;
    enum err e;
    do {
        e = connect_in_arena(f, &again);
    } while (again && wait_a_while(f));
    if (again || e == ERR_CLOSED)
        return ERR_OK;
    if (e == ERR_UNAVAILABLE)
        return error_set(error, e,
                         "%.*s; start the server with \"hudhud serve\", or set HUDHUD_URL to where "
                         "it is",
                         STR_FMT(error->message));
    return e;
}

/* --- the command -------------------------------------------------------------------------- */

/* From now on they are read, and end nothing by themselves: what came is printed whole. */
static enum err catch_signals(struct follow *f)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return error_set_errno(&f->cli->error, ERR_IO, "cannot block signals");
    f->stop_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return f->stop_fd < 0 ? error_set_errno(&f->cli->error, ERR_IO, "cannot watch for signals")
                          : ERR_OK;
}

/* "?events=a,b" of --events; empty: all. */
static enum err make_query(struct cli *cli, const char **ret)
{
    struct str list = str_from(args_get(&cli->args, "events"));
    const char *query = "";
    if (!list.len || str_eq(list, STR("all"))) {
        *ret = query;
        return ERR_OK;
    }
    enum err e = webhook_check_events(cli, list);
    while (!e && list.len) {
        struct str name = str_trim(str_split(&list, ','));
        if (name.len)
            query = cli_format(cli, "%s%s%.*s", query, query[0] ? "," : "?events=", STR_FMT(name));
    }
    *ret = query;
    return e;
}

static enum err read_after(struct follow *f)
{
    const char *after = args_get(&f->cli->args, "after");
    if (!after)
        return ERR_OK;
    for (const char *c = after; *c; c++)
        if (*c <= ' ' || *c > '~')
            return error_set(&f->cli->error, ERR_USAGE, "--after takes an id such as " OLDEST_ID);
    sse_resume(&f->sse, str_from(after));
    return ERR_OK;
}

enum err event_follow_run(struct cli *cli)
{
    _cleanup_(follow_release)
    struct follow f = {.cli = cli, .target = {.method = "GET"}, .stop_fd = -1, .told = -1};
    const char *query;
    sse_init(&f.sse, CLI_EVENT_MAX);
    enum err e = credentials_load(cli, &f.credentials);
    if (!e)
        e = make_query(cli, &query);
    if (!e)
        e = read_after(&f);
    if (e)
        return e;
    f.target.path = cli_format(cli, "/events%s", query);
    e = call_url(cli, f.target.path, &f.url);
    if (!e)
        e = catch_signals(&f);
    return e ? e : follow(&f);
}
