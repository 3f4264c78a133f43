#include "cli/signing.h"

#include "base/clock.h"
#include "base/limits.h"
#include "gate/signature.h"

#define BASE_PATH     STR("/api/developer")
#define TIMESTAMP_MAX INT64_C(999999999999) /* TIMESTAMP_DIGITS_MAX digits */

/* --- credentials -------------------------------------------------------------------------- */

/* Visible ASCII: what may stand in a header or a request line without being encoded. */
static bool is_visible(const char *s)
{
    for (; *s; s++)
        if (*s <= ' ' || *s > '~')
            return false;
    return true;
}

/* The variable's value, in the arena or "" and named in `missing`. */
static const char *take_variable(struct cli *cli, const char *name, struct buf *missing)
{
    const char *value = getenv(name);
    if (value && value[0])
        return cli_format(cli, "%s", value);
    buf_printf(missing, "%s%s", missing->len ? ", " : "", name);
    return "";
}

/* The environment of a process can be read by its user's other processes. */
static void take_secret(struct credentials *c, struct buf *missing)
{
    char *value = getenv("HUDHUD_SECRET");
    if (!value || !value[0]) {
        buf_printf(missing, "%sHUDHUD_SECRET", missing->len ? ", " : "");
        return;
    }
    secret_set(&c->secret, str_from(value));
    wipe(value, strlen(value));
    unsetenv("HUDHUD_SECRET");
}

enum err credentials_load(struct cli *cli, struct credentials *ret)
{
    _cleanup_(buf_release)
    struct buf missing;
    buf_init(&missing, CLI_LINE_MAX);
    ret->domain = take_variable(cli, "HUDHUD_DOMAIN", &missing);
    ret->client_id = take_variable(cli, "HUDHUD_CLIENT_ID", &missing);
    take_secret(ret, &missing);
    if (missing.len)
        return error_set(&cli->error, ERR_USAGE,
                         "not set: %.*s; \"hudhud client create\" makes a client and prints them",
                         STR_FMT(buf_str(&missing)));
    if (!is_visible(ret->domain) || !is_visible(ret->client_id))
        return error_set(&cli->error, ERR_USAGE,
                         "HUDHUD_DOMAIN and HUDHUD_CLIENT_ID hold letters, digits and dashes only");
    return ERR_OK;
}

void credentials_release(struct credentials *c)
{
    secret_release(&c->secret);
}

/* --- the request -------------------------------------------------------------------------- */

static bool upper_method(struct cli *cli, const char *text, const char **ret)
{
    char *method = arena_cstr(&cli->arena, str_from(text));
    if (!method || !method[0])
        return false;
    for (char *c = method; *c; c++) {
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
        if (*c < 'A' || *c > 'Z')
            return false;
    }
    *ret = method;
    return true;
}

enum err target_parse(struct cli *cli, struct target *ret)
{
    if (!upper_method(cli, cli->args.operands[0], &ret->method))
        return error_set(&cli->error, ERR_USAGE, "METHOD is a word such as GET or POST");
    const char *path = cli->args.operands[1];
    if (path[0] != '/')
        return error_set(&cli->error, ERR_USAGE,
                         "PATH begins with a slash: /waba-numbers, relative to /api/developer");
    if (!is_visible(path) || strchr(path, '#'))
        return error_set(&cli->error, ERR_USAGE,
                         "PATH holds visible ASCII and no '#'; percent-encode all else");
    struct str full = str_from(path);
    if (str_starts(full, STR("/api/developer/")))
        path += BASE_PATH.len;
    ret->path = path;
    return ERR_OK;
}

static const char *make_signature(struct cli *cli, const struct credentials *credentials,
                                  const struct target *target, struct str timestamp,
                                  struct str body)
{
    struct str query = str_from(target->path);
    struct str path = str_make(query.ptr, str_find(query, '?'));
    query = str_skip(query, path.len);
    const struct signature_parts parts = {
        .method = str_from(target->method),
        .path = path,
        .query = query,
        .timestamp = timestamp,
        .body = body,
    };
    struct hmac hmac;
    hmac_init(&hmac);
    char signature[SIGNATURE_LEN];
    signature_make(&hmac, secret_reveal(&credentials->secret), &parts, signature);
    hmac_release(&hmac);
    return cli_format(cli, "%.*s", SIGNATURE_LEN, signature);
}

enum err sign_request(struct cli *cli, const struct credentials *credentials,
                      const struct target *target, struct str body,
                      struct http_header ret[SIGNED_HEADERS])
{
    int64_t now;
    enum err e = args_i64(&cli->args, "timestamp", 0, TIMESTAMP_MAX, clock_now_ms() / 1000, &now,
                          &cli->error);
    if (e)
        return e;
    struct str timestamp = str_from(cli_format(cli, "%lld", (long long)now));
    const char *signature = make_signature(cli, credentials, target, timestamp, body);
    ret[0] = (struct http_header){STR("X-Awal-Signature-256"), str_from(signature)};
    ret[1] = (struct http_header){STR("X-Timestamp"), timestamp};
    ret[2] = (struct http_header){STR("X-Domain"), str_from(credentials->domain)};
    ret[3] = (struct http_header){STR("X-Client-ID"), str_from(credentials->client_id)};
    return ERR_OK;
}
