/* hudhud number request-code, verify-code, register, deregister, pin: Meta's steps, one command
 * each. */
#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/number.h"
#include "cli/payload.h"
#include "cli/token.h"

static enum err take_step(struct cli *cli, const char *step, struct str body, struct json *ret)
{
    const char *id = cli->args.operands[0];
    cli_progress(cli, "Asking Meta about number %s ...", id);
    enum err e = admin_once(cli, "POST", number_path(cli, id, step), body, ret);
    cli_progress_end(cli);
    return e;
}

/* A step whose body is a secret of six digits, and perhaps a region. */
static enum err take_secret_step(struct cli *cli, const char *step, const char *key,
                                 const struct secret *digits, struct json *ret)
{
    _cleanup_(payload_release)
    struct payload payload;
    struct str body;
    payload_begin(&payload);
    payload_str(&payload, key, secret_reveal(digits));
    if (args_has(&cli->args, "region"))
        payload_str(&payload, "data_localization_region", str_from(args_get(&cli->args, "region")));
    enum err e = payload_end(&payload, &body, &cli->error);
    return e ? e : take_step(cli, step, body, ret);
}

static enum err run_secret_step(struct cli *cli, const char *step, const char *key,
                                const char *what, struct json *ret)
{
    _cleanup_(secret_release)
    struct secret digits = {0};
    const char *file = args_get(&cli->args, cli_format(cli, "%s-file", key));
    enum err e = digits_read(cli, file, what, &digits);
    return e ? e : take_secret_step(cli, step, key, &digits, ret);
}

static enum err print_done(struct cli *cli, struct json data, const char *what, const char *next)
{
    if (cli_wants_json(cli))
        return cli_print_value(cli, data);
    fprintf(cli->out, "%s %s.\n", what, cli->args.operands[0]);
    if (next)
        fprintf(cli->out, "%s\n", next);
    return ERR_OK;
}

enum err number_request_code_run(struct cli *cli)
{
    const char *method = args_has(&cli->args, "voice") ? "VOICE" : "SMS";
    const char *language = args_get(&cli->args, "language");
    _cleanup_(payload_release)
    struct payload payload;
    struct str body;
    struct json data;
    payload_begin(&payload);
    payload_str(&payload, "method", str_from(method));
    payload_str(&payload, "language", str_from(language ? language : "en_US"));
    enum err e = payload_end(&payload, &body, &cli->error);
    if (!e)
        e = take_step(cli, "/request-code", body, &data);
    return e ? e : print_done(cli, data, "Meta sends a code to", "Next: hudhud number verify-code");
}

enum err number_verify_code_run(struct cli *cli)
{
    struct json data;
    enum err e = run_secret_step(cli, "/verify-code", "code", "code", &data);
    return e ? e : number_print(cli, data);
}

enum err number_register_run(struct cli *cli)
{
    struct json data;
    enum err e = run_secret_step(cli, "/register", "pin", "PIN", &data);
    return e ? e : number_print(cli, data);
}

enum err number_deregister_run(struct cli *cli)
{
    struct json data;
    enum err e = take_step(cli, "/deregister", STR(""), &data);
    return e ? e : number_print(cli, data);
}

enum err number_pin_run(struct cli *cli)
{
    struct json data;
    enum err e = run_secret_step(cli, "/pin", "pin", "PIN", &data);
    return e ? e : print_done(cli, data, "Set the PIN of", NULL);
}
