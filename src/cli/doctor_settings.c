/* The part of `hudhud doctor` that looks at the server's settings, as --config or the variables
 * give them. */
#include "cli/admin.h"
#include "cli/doctor.h"

#include "base/clock.h"
#include "base/limits.h"
#include "serve/settings.h"

static void check_certificate(struct doctor *d, const struct config *config)
{
    struct error *error = &d->cli->error;
    struct http_tls_context *tls;
    if (settings_load_tls(config, &tls, error)) {
        doctor_report(d, VERDICT_FAIL, "tls", cli_format(d->cli, "%.*s", STR_FMT(error->message)),
                      "the server does not start like this, and a running one keeps the old "
                      "certificate");
        error_init(error, &d->cli->arena);
        return;
    }
    if (!tls)
        return;
    int64_t days = (http_tls_context_expires_at(tls) - clock_now_ms() / 1000) / 86400;
    http_tls_context_release(tls);
    const char *what = cli_format(d->cli,
                                  days < 0 ? "the certificate ended %lld days ago"
                                           : "the certificate ends in %lld days",
                                  (long long)(days < 0 ? -days : days));
    enum verdict verdict = days < 0                         ? VERDICT_FAIL
                           : days < DOCTOR_CERTIFICATE_DAYS ? VERDICT_WARN
                                                            : VERDICT_OK;
    doctor_report(d, verdict, "tls", what,
                  verdict ? "renew it; the server takes the new files within a minute" : NULL);
}

static void check_files(struct doctor *d, const struct config *config, int64_t file_limit)
{
    long long connections = config_number(config, "connections");
    if (file_limit == 0)
        return;
    if (file_limit < connections + SERVE_FILES_RESERVED)
        doctor_report(d, VERDICT_WARN, "files",
                      cli_format(d->cli, "the server may open %lld files, but connections is %lld",
                                 (long long)file_limit, connections),
                      "raise LimitNOFILE of the service (or ulimit -n), or lower connections");
    else
        doctor_report(d, VERDICT_OK, "files",
                      cli_format(d->cli, "the server may open %lld, %lld of them connections",
                                 (long long)file_limit, connections),
                      NULL);
}

void doctor_check_settings(struct doctor *d, int64_t file_limit)
{
    struct config *config;
    if (settings_load(d->cli, &config)) {
        doctor_report(d, VERDICT_FAIL, "settings",
                      cli_format(d->cli, "%.*s", STR_FMT(d->cli->error.message)),
                      "mend what hudhud serve --print-config complains about");
        error_init(&d->cli->error, &d->cli->arena);
        return;
    }
    check_certificate(d, config);
    check_files(d, config, file_limit);
}
