#include "cli/commands.h"
#include "cli/signing.h"
#include "json/writer.h"

#include "base/limits.h"

static void write_json(struct cli *cli, const struct http_header headers[SIGNED_HEADERS])
{
    _cleanup_(buf_release)
    struct buf text;
    buf_init(&text, 2 * CLI_LINE_MAX);
    struct json_writer w;
    json_writer_init(&w, &text);
    json_open(&w, '{');
    for (size_t i = 0; i < SIGNED_HEADERS; i++)
        json_member_str(&w, headers[i].name.ptr, headers[i].value);
    json_close(&w, '}');
    cli_print_json(cli, buf_str(&text));
}

enum err sign_run(struct cli *cli)
{
    _cleanup_(credentials_release)
    struct credentials credentials = {0};
    _cleanup_(buf_release)
    struct buf body;
    buf_init(&body, CLI_BODY_MAX);
    struct target target;
    struct http_header headers[SIGNED_HEADERS];
    enum err e = credentials_load(cli, &credentials);
    if (!e)
        e = target_parse(cli, &target);
    if (!e && cli->args.n_operands > 2)
        e = cli_read_body(cli, cli->args.operands[2], &body);
    if (!e)
        e = sign_request(cli, &credentials, &target, buf_str(&body), headers);
    if (e)
        return e;
    if (cli_wants_json(cli)) {
        write_json(cli, headers);
        return ERR_OK;
    }
    for (size_t i = 0; i < SIGNED_HEADERS; i++)
        fprintf(cli->out, "%.*s: %.*s\n", STR_FMT(headers[i].name), STR_FMT(headers[i].value));
    return ERR_OK;
}
