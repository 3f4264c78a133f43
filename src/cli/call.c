#include "cli/call.h"

#include "base/limits.h"
#include "cli/commands.h"
#include "cli/request.h"
#include "cli/signing.h"

#define DEFAULT_URL "http://127.0.0.1:8080"

/* --- the request -------------------------------------------------------------------------- */

/* HUDHUD_URL is the server's address; the base URL of the API is taken too. */
enum err call_url(struct cli *cli, const char *path, const char **ret)
{
    const char *variable = getenv("HUDHUD_URL");
    struct str url = str_from(variable && variable[0] ? variable : DEFAULT_URL);
    if (!str_starts(url, STR("http://")) && !str_starts(url, STR("https://")))
        return error_set(&cli->error, ERR_USAGE,
                         "HUDHUD_URL begins with http:// or https://, such as " DEFAULT_URL);
    while (str_ends(url, STR("/")))
        url.len--;
    const char *base = str_ends(url, STR("/developer")) ? "" : "/api/developer";
    *ret = cli_format(cli, "%.*s%s%s", STR_FMT(url), base, path);
    return ERR_OK;
}

/* Its name in a header line, as in "Name: value", "Name:" (leave it out) or "Name;" (empty). */
static struct str header_name(struct str line)
{
    size_t len = MIN(str_find(line, ':'), str_find(line, ';'));
    return str_make(line.ptr, len);
}

static bool is_given(const struct args *args, struct str name)
{
    for (size_t i = 0; i < args->n_given; i++) {
        const struct option *o = args->given[i].option;
        if (o && o->letter == 'H' &&
            str_eq_nocase(header_name(str_from(args->given[i].value)), name))
            return true;
    }
    return false;
}

/* One of ours, unless the caller gives the same header. */
static void add_header(struct cli *cli, struct call_request *call, struct str name,
                       struct str value)
{
    if (!is_given(&cli->args, name))
        call->headers[call->n_headers++] =
            cli_format(cli, "%.*s: %.*s", STR_FMT(name), STR_FMT(value));
}

static enum err add_given_headers(struct cli *cli, struct call_request *call)
{
    for (size_t i = 0; i < cli->args.n_given; i++) {
        const struct arg *arg = &cli->args.given[i];
        if (!arg->option || arg->option->letter != 'H')
            continue;
        struct str line = str_from(arg->value);
        struct str name = header_name(line);
        if (!name.len || name.len == line.len || strpbrk(arg->value, "\r\n"))
            return error_set(&cli->error, ERR_USAGE, "-H takes a line such as \"Name: value\"");
        call->headers[call->n_headers++] = arg->value;
    }
    return ERR_OK;
}

static enum err make_headers(struct cli *cli, struct call_request *call,
                             const struct credentials *credentials, const struct target *target)
{
    size_t most = SIGNED_HEADERS + 2 + cli->args.n_given;
    call->headers = arena_calloc(&cli->arena, most, sizeof(*call->headers));
    if (!call->headers)
        return ERR_NO_MEMORY;
    struct http_header headers[SIGNED_HEADERS];
    enum err e = sign_request(cli, credentials, target, call->body, headers);
    if (e)
        return e;
    add_header(cli, call, STR("Accept"), STR("application/json"));
    for (size_t i = 0; i < SIGNED_HEADERS; i++)
        add_header(cli, call, headers[i].name, headers[i].value);
    if (call->has_body)
        add_header(cli, call, STR("Content-Type"), STR("application/json"));
    return add_given_headers(cli, call);
}

/* --- the answer --------------------------------------------------------------------------- */

static const struct {
    const char *code;
    const char *hint;
} hints[] = {
    {"authentication_failed", "check HUDHUD_DOMAIN, HUDHUD_CLIENT_ID and HUDHUD_SECRET"},
    {"timestamp_expired", "set the clock of this machine or of the server: hudhud doctor"},
    {"rate_limit_exceeded", "wait as long as Retry-After says (hudhud call -i)"},
    {"service_unavailable", "wait as long as Retry-After says (hudhud call -i)"},
};

const char *call_hint(struct str code)
{
    for (size_t i = 0; i < ARRAY_LEN(hints); i++)
        if (str_eq(code, str_from(hints[i].code)))
            return hints[i].hint;
    return NULL;
}

/* The answer itself says what is wrong; this is for people, beside it. */
static void print_status(struct cli *cli, const struct call_request *call,
                         const struct response *response)
{
    struct error ignored;
    error_init(&ignored, &cli->arena);
    struct json answer = {0};
    if (json_parse(buf_str(&response->body), &cli->arena, &answer, &ignored))
        answer = (struct json){0};
    struct str code = json_as_str(json_get(answer, "error"), STR(""));
    fprintf(cli->err, "hudhud: %s was answered with %ld%s%.*s", call->method, response->status,
            code.len ? " " : "", STR_FMT(code));
    if (call_hint(code))
        fprintf(cli->err, "; %s", call_hint(code));
    fputc('\n', cli->err);
}

/* On a terminal JSON is indented; into a pipe or a file goes what came, byte for byte. */
static void print_answer(struct cli *cli, const struct response *response)
{
    struct str body = buf_str(&response->body);
    if (args_has(&cli->args, "include"))
        cli_print(cli, buf_str(&response->header));
    if (!cli->terminal)
        cli_print(cli, body);
    else if (body.len)
        cli_print_json(cli, body);
}

/* A stream of events goes out as it comes. */
static void begin_stream(void *arg, const struct response *r)
{
    struct cli *cli = arg;
    if (args_has(&cli->args, "include"))
        cli_print(cli, buf_str(&r->header));
    fflush(cli->out);
}

static bool print_part(void *arg, struct str bytes)
{
    struct cli *cli = arg;
    cli_print(cli, bytes);
    return fflush(cli->out) == 0;
}

static enum err tell_failure(struct cli *cli, enum err e, const struct response *response)
{
    if (e == ERR_CLOSED) /* the output takes no more, which is told when the program ends */
        return ERR_OK;
    if (response->streamed)
        return error_set(&cli->error, e, "the stream broke: %.*s", STR_FMT(cli->error.message));
    if (e == ERR_UNAVAILABLE)
        return error_set(&cli->error, e,
                         "%.*s; start the server with \"hudhud serve\", or set "
                         "HUDHUD_URL to where it is",
                         STR_FMT(cli->error.message));
    return e;
}

static enum err make_call(struct cli *cli, const struct call_request *call)
{
    _cleanup_(headers_free)
    struct curl_slist *headers = NULL;
    for (size_t i = 0; i < call->n_headers; i++)
        header_add(&headers, call->headers[i]);
    const struct request_stream stream = {
        .begin = begin_stream,
        .take = print_part,
        .arg = cli,
        .stop_fd = -1,
        .silence_ms = CLI_SILENCE_MS,
    };
    const struct request request = {
        .method = call->method,
        .url = call->url,
        .headers = headers,
        .body = call->body,
        .has_body = call->has_body,
        .header_only = strcmp(call->method, "HEAD") == 0,
        .timeout_ms = CLI_CALL_TIMEOUT_MS,
        .stream = &stream,
    };
    _cleanup_(response_release)
    struct response response;
    response_init(&response);
    enum err e = request_run(&request, &response, &cli->error);
    if (e)
        return tell_failure(cli, e, &response);
    if (!response.streamed)
        print_answer(cli, &response);
    if (response.status >= 200 && response.status <= 299)
        return ERR_OK;
    print_status(cli, call, &response);
    return ERR_UPSTREAM;
}

/* --- the command -------------------------------------------------------------------------- */

static enum err print_curl(struct cli *cli, const struct call_request *call)
{
    if (!call->body_file && str_find(call->body, '\0') < call->body.len)
        return error_set(&cli->error, ERR_USAGE,
                         "the body holds a NUL byte, which no command line can; put it into a file "
                         "and use -d @FILE");
    _cleanup_(buf_release)
    struct buf line;
    buf_init(&line, 4 * CLI_BODY_MAX);
    call_write_curl(call, &line);
    cli_print(cli, buf_str(&line));
    return buf_ok(&line) ? ERR_OK : ERR_NO_MEMORY;
}

static enum err read_body(struct cli *cli, struct call_request *call, struct buf *body)
{
    const char *spec = args_get(&cli->args, "body");
    if (!spec)
        return ERR_OK;
    enum err e = cli_read_body(cli, spec, body);
    call->has_body = true;
    call->body = buf_str(body);
    if (spec[0] == '@' && strcmp(spec, "@-") != 0)
        call->body_file = spec + 1;
    return e;
}

enum err call_run(struct cli *cli)
{
    _cleanup_(credentials_release)
    struct credentials credentials = {0};
    _cleanup_(buf_release)
    struct buf body;
    buf_init(&body, CLI_BODY_MAX);
    struct target target;
    struct call_request call = {0};
    enum err e = credentials_load(cli, &credentials);
    if (!e)
        e = target_parse(cli, &target);
    if (!e)
        e = call_url(cli, target.path, &call.url);
    if (!e)
        e = read_body(cli, &call, &body);
    if (e)
        return e;
    call.method = target.method;
    e = make_headers(cli, &call, &credentials, &target);
    credentials_release(&credentials);
    if (e)
        return e;
    return args_has(&cli->args, "curl") ? print_curl(cli, &call) : make_call(cli, &call);
}
