#include "cli/duration.h"

#include "base/clock.h"

enum err duration_read(struct cli *cli, const char *option, int64_t fallback, int64_t *ret)
{
    const char *text = args_get(&cli->args, option);
    *ret = fallback;
    if (text && !clock_parse_duration(str_from(text), ret))
        return error_set(&cli->error, ERR_USAGE, "--%s takes a time such as 90s, 15m, 24h, 7d or 0",
                         option);
    return ERR_OK;
}

enum err moment_read(struct cli *cli, const char *option, const char **ret)
{
    const char *text = args_get(&cli->args, option);
    int64_t ms = 0, ago_s, now_ms = clock_now_ms();
    char iso[CLOCK_ISO_LEN];
    *ret = text;
    if (!text || clock_parse_iso(str_from(text), &ms))
        return ERR_OK;
    if (!clock_parse_duration(str_from(text), &ago_s) || ago_s > now_ms / 1000)
        return error_set(
            &cli->error, ERR_USAGE,
            "--%s takes a moment such as 2026-01-31T10:30:00Z, or how long ago it was, "
            "such as 30m, 24h or 7d",
            option);
    clock_format_iso(now_ms - ago_s * 1000, iso);
    *ret = cli_format(cli, "%.*s", CLOCK_ISO_LEN, iso);
    return ERR_OK;
}
