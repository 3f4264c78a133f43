#include "cli/admin.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/secret.h"
#include "cli/request.h"
#include "serve/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* --- whose turn --------------------------------------------------------------------------- */

static enum err open_folder(struct admin *a)
{
    struct error *error = &a->cli->error;
    a->turn = open(a->data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (a->turn >= 0)
        return ERR_OK;
    if (errno == ENOENT)
        return error_set(error, ERR_NOT_FOUND,
                         "there is no data folder %s; make it with \"hudhud init --data %s\", or "
                         "say where it is with --data or HUDHUD_DATA",
                         a->data, a->data);
    if (errno == EACCES)
        return error_set(error, ERR_IO,
                         "the data folder %s belongs to another user; run this as that user",
                         a->data);
    return error_set_errno(error, ERR_IO, "cannot open the data folder %s", a->data);
}

/* LOCK_SH or LOCK_EX, within CLI_TURN_WAIT_MS. */
static enum err take_turn(struct admin *a, int kind)
{
    int64_t deadline = clock_monotonic_us() + CLI_TURN_WAIT_MS * INT64_C(1000);
    while (flock(a->turn, kind | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return error_set_errno(&a->cli->error, ERR_IO, "cannot lock %s", a->data);
        if (clock_monotonic_us() > deadline)
            return error_set(&a->cli->error, ERR_BUSY,
                             "another hudhud command has been at work in %s for %d seconds; wait "
                             "for it to end, or start the server: commands then need not wait",
                             a->data, CLI_TURN_WAIT_MS / 1000);
        cli_sleep_ms(CLI_RETRY_MS);
    }
    return ERR_OK;
}

/* --- who answers -------------------------------------------------------------------------- */

/* ERR_OK: a server listens. ERR_CLOSED: none does. */
static enum err probe(struct admin *a)
{
    struct error *error = &a->cli->error;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(a->socket);
    if (len >= sizeof(address.sun_path))
        return error_set(error, ERR_LIMIT,
                         "the path %s is too long for a socket (at most %zu bytes); use a folder "
                         "with a shorter path",
                         a->socket, sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, a->socket, len);
    _cleanup_(closep)
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set_errno(error, ERR_IO, "cannot make a socket");
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return ERR_OK;
    if (errno == ENOENT || errno == ECONNREFUSED)
        return ERR_CLOSED;
    if (errno == EACCES)
        return error_set(error, ERR_IO,
                         "%s belongs to another user; run this as the user of the server",
                         a->socket);
    return error_set_errno(error, ERR_IO, "cannot connect to %s", a->socket);
}

static enum err start_inside(struct admin *a)
{
    if (!a->config) {
        enum err e = settings_load(a->cli, &a->config);
        if (e)
            return e;
    }
    return serve_start(a->data, a->config, false, &a->serve, &a->cli->error);
}

/* The exclusive turn is ours: no other command is a server. But a real one may be about to listen,
 * or may have stopped listening and still be draining: then the folder is busy for a while. */
static enum err start_or_wait(struct admin *a)
{
    int64_t deadline = clock_monotonic_us() + CLI_BUSY_WAIT_MS * INT64_C(1000);
    for (;;) {
        enum err e = probe(a);
        if (e != ERR_CLOSED)
            return e;
        e = start_inside(a);
        if (e != ERR_BUSY || clock_monotonic_us() > deadline)
            return e;
        error_init(&a->cli->error, &a->cli->arena);
        cli_sleep_ms(CLI_RETRY_MS);
    }
}

enum err admin_open(struct admin *a, struct cli *cli)
{
    *a = (struct admin){.cli = cli, .data = cli_data_folder(cli), .turn = -1};
    a->socket = cli_format(cli, "%s/control.sock", a->data);
    enum err e = open_folder(a);
    if (!e)
        e = take_turn(a, LOCK_SH);
    if (!e)
        e = probe(a);
    if (e != ERR_CLOSED)
        return e;
    log_set_level(LOG_WARN);
    e = take_turn(a, LOCK_EX);
    if (!e)
        e = start_or_wait(a);
    if (!e && !a->serve)
        e = take_turn(a, LOCK_SH); /* a real server came up meanwhile: let the others at it too */
    return e;
}

void admin_close(struct admin *a)
{
    if (a->serve) {
        serve_request_stop(a->serve);
        serve_finish(a->serve);
        a->serve = NULL;
    }
    closep(&a->turn);
    a->turn = -1;
}

/* --- calls -------------------------------------------------------------------------------- */

/* The enum of an answer's `error`; ERR_INTERNAL when it is none that we know. */
static enum err err_of_code(struct str code)
{
    for (int e = ERR_BAD_REQUEST; e < ERR_COUNT; e++)
        if (str_eq(str_from(err_code((enum err)e)), code))
            return (enum err)e;
    return ERR_INTERNAL;
}

/* What a person does about a message of the server's. */
static const struct {
    const char *message; /* its beginning */
    const char *hint;
    const char *group; /* the commands that it is for; NULL: any */
} hints[] = {
    {"Workspace not found", "see which there are: hudhud workspace list", NULL},
    {"Client not found", "see which there are: hudhud client list --domain DOMAIN", NULL},
    {"Number not found", "see which there are: hudhud number list --domain DOMAIN", NULL},
    {"This account is linked already, and its token works", "here: --replace", NULL},
    {"No connected numbers", "link an account first: hudhud number link --help", NULL},
    {"App not found", "see which there are: hudhud app list", NULL},
    {"Webhook not found", "see which there are: hudhud webhook list --domain DOMAIN", NULL},
    {"Delivery not found", "see which there are: hudhud webhook deliveries --domain DOMAIN ID",
     "webhook"},
    {"Delivery not found", "see which there are: hudhud inbound list", "inbound"},
    {"Job not found", "see which there are: hudhud job list", NULL},
};

static bool is_for(const struct cli *cli, const char *group)
{
    return !group || command_in_group(cli->args.command, str_from(group));
}

static enum err take_error(struct admin *a, const struct response *r, struct json answer)
{
    struct error *error = &a->cli->error;
    struct str message = json_as_str(json_get(answer, "message"), STR(""));
    if (!message.len)
        return error_set(error, ERR_INTERNAL, "the server answered %ld without a reason",
                         r->status);
    const char *hint = NULL;
    for (size_t i = 0; i < ARRAY_LEN(hints); i++)
        if (str_starts(message, str_from(hints[i].message)) && is_for(a->cli, hints[i].group))
            hint = hints[i].hint;
    enum err e = err_of_code(json_as_str(json_get(answer, "error"), STR("")));
    if (hint)
        error_set(error, e, "%.*s; %s", STR_FMT(message), hint);
    else
        error_set(error, e, "%.*s", STR_FMT(message));
    json_for_each_member (field, problem, json_get(answer, "details")) {
        if (!json_present(problem)) /* nothing that a person had to know */
            continue;
        const char *name = arena_cstr(error->arena, field);
        struct str text =
            json_is_str(problem) ? json_as_str(problem, STR("")) : json_text(problem, error->arena);
        if (text.len)
            error_detail(error, name ? name : "", "%.*s", STR_FMT(text));
    }
    return e;
}

static enum err take_answer(struct admin *a, const struct response *r, struct json *ret)
{
    struct cli *cli = a->cli;
    struct json answer = {0};
    /* It may hold what Meta sent, as it came. */
    enum err e = json_parse_loose(buf_str(&r->body), &cli->arena, &answer, &cli->error);
    if (e)
        return error_set(&cli->error, ERR_INTERNAL,
                         "the answer on %s (%ld) is not JSON; is "
                         "another program listening there?",
                         a->socket, r->status);
    if (r->status < 200 || r->status > 299)
        return take_error(a, r, answer);
    *ret = json_get(answer, "data");
    return ERR_OK;
}

enum err admin_call(struct admin *a, const char *method, const char *path, struct str body,
                    struct json *ret)
{
    struct cli *cli = a->cli;
    _cleanup_(headers_free)
    struct curl_slist *headers = NULL;
    header_add(&headers, "Accept: application/json");
    header_add(&headers, "Content-Type: application/json");
    header_add(&headers, "Expect:");
    const struct request request = {
        .method = method,
        .url = cli_format(cli, "http://localhost%s", path),
        .unix_socket = a->socket,
        .headers = headers,
        .body = body,
        .has_body = body.len > 0,
        .timeout_ms = a->tick ? 0 : CLI_ADMIN_TIMEOUT_MS,
        .tick = a->tick,
        .tick_arg = a->tick_arg,
    };
    _cleanup_(response_release)
    struct response response;
    response_init(&response);
    enum err e = request_run(&request, &response, &cli->error);
    if (e == ERR_UNAVAILABLE)
        return error_set(&cli->error, e,
                         "the server did not answer (%.*s); it may have been "
                         "stopped: look whether the change was made, then try again",
                         STR_FMT(cli->error.message));
    return e ? e : take_answer(a, &response, ret);
}

enum err admin_once(struct cli *cli, const char *method, const char *path, struct str body,
                    struct json *ret)
{
    _cleanup_(admin_close)
    struct admin admin;
    enum err e = admin_open(&admin, cli);
    return e ? e : admin_call(&admin, method, path, body, ret);
}
