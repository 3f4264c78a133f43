/* The settings of `hudhud serve`: one table for flags, variables, file and documentation. */
#include "serve/settings.h"
#include "base/limits.h"
#include "base/log.h"
#include "serve/forms.h"
#include "serve/serve.h"
#include "store/store.h"

#define ADDRESS_FORM "an address to listen on: give one such as 127.0.0.1:8080, [::1]:8080 or :8080"

const struct setting serve_settings[] = {
    {
        .name = "listen",
        .fallback = "127.0.0.1:8080",
        .placeholder = "ADDR:PORT",
        .help = "where the signed API listens; \":8080\" is every address, port 0 any free one",
        .accepts = form_is_address,
        .form = ADDRESS_FORM,
    },
    {
        .name = "ops-listen",
        .placeholder = "ADDR:PORT",
        .help = "where /healthz, /readyz and /metrics listen; keep it private",
        .accepts = form_is_address_or_empty,
        .form = ADDRESS_FORM,
    },
    {
        .name = "store",
        .placeholder = "URL",
        .help = "the database, where it is one of PostgreSQL: postgres://USER@HOST/DATABASE; "
                "empty is what the data folder says",
        .accepts = form_is_store,
        .form = STORE_URL_FORM,
        .show = store_show,
        .holds_secret = store_url_has_password,
    },
    {
        .name = "store-password-file",
        .placeholder = "FILE",
        .help = "a file with PostgreSQL's password; PGPASSFILE and PGPASSWORD are good too",
    },
    {
        .name = "store-connections",
        .kind = SETTING_INTEGER,
        .fallback = TEXT_OF(STORE_CONNECTIONS),
        .min = 1,
        .max = STORE_CONNECTIONS_MAX,
        .placeholder = "N",
        .help = "how many connections to PostgreSQL read; two more write and watch",
    },
    {
        .name = "store-prepared",
        .kind = SETTING_SWITCH,
        .fallback = "true",
        .placeholder = "true|false",
        .help = "prepare statements once; false for a pooler that cannot have that",
    },
    {
        .name = "tls-certificate-file",
        .placeholder = "FILE",
        .help = "TLS: the certificate with its chain, in PEM; looked at again every minute",
        .live = true,
    },
    {
        .name = "tls-key-file",
        .placeholder = "FILE",
        .help = "TLS: the certificate's key, in PEM",
        .live = true,
    },
    {
        .name = "connections",
        .kind = SETTING_INTEGER,
        .fallback = "16384",
        .min = 1,
        .max = SERVE_CONNECTIONS_MAX,
        .placeholder = "N",
        .help = "how many connections at once, in all",
        .live = true,
    },
    {
        .name = "connections-per-address",
        .kind = SETTING_INTEGER,
        .fallback = "512",
        .min = 0,
        .max = SERVE_CONNECTIONS_MAX,
        .placeholder = "N",
        .help = "how many of one address, trusted proxies apart; 0 is no limit",
        .live = true,
    },
    {
        .name = "request-memory",
        .kind = SETTING_INTEGER,
        .fallback = "256",
        .min = HTTP_MEMORY_MIN / MIB,
        .max = 65536,
        .placeholder = "MIB",
        .help = "what all requests and unread answers may hold together, in MiB",
    },
    {
        .name = "trusted-proxies",
        .placeholder = "LIST",
        .help = "networks whose X-Forwarded-For is believed, such as 127.0.0.1,10.0.0.0/8",
        .live = true,
        .accepts = form_is_networks,
        .form = "a list of networks such as 127.0.0.1,10.0.0.0/8,2001:db8::/32",
    },
    {
        .name = "auth-failure-limit",
        .fallback = "60/min",
        .placeholder = "RATE",
        .help = "how often an address may fail to authenticate: 60/min, 500/h, unlimited",
        .live = true,
        .accepts = form_is_rate,
        .form = "a rate such as 60/min, 500/h or unlimited",
    },
    {
        .name = "sign-window",
        .kind = SETTING_DURATION,
        .fallback = "300s",
        .min = 1,
        .max = SIGN_WINDOW_MAX_S,
        .placeholder = "TIME",
        .help = "how far X-Timestamp may be from this machine's clock",
        .live = true,
    },
    {
        .name = "cors-origins",
        .placeholder = "LIST",
        .help = "web pages whose scripts may call, such as https://app.example, or *",
        .live = true,
        .accepts = form_is_origins,
        .form = "a list of origins such as https://app.example,http://localhost:3000, or *",
    },
    {
        .name = "compression",
        .kind = SETTING_SWITCH,
        .fallback = "true",
        .placeholder = "true|false",
        .help = "gzip for who accepts it, where it is worth it",
        .live = true,
    },
    {
        .name = "graph-url",
        .fallback = "https://graph.facebook.com",
        .placeholder = "URL",
        .help = "Meta's Graph API; point it at `hudhud sim` to try things out",
    },
    {
        .name = "graph-version",
        .fallback = "v25.0",
        .placeholder = "vN.0",
        .help = "the Graph API's version",
    },
    {
        .name = "graph-timeout",
        .kind = SETTING_DURATION,
        .fallback = "15s",
        .min = 1,
        .max = 300,
        .placeholder = "TIME",
        .help = "how long one request to Meta may take",
    },
    {
        .name = "app-id",
        .placeholder = "ID",
        .help = "your Meta app's id; needed to link with a code of embedded signup",
    },
    {
        .name = "app-secret-file",
        .placeholder = "FILE",
        .help =
            "a file with your Meta app's secret; every call to Meta then carries appsecret_proof",
    },
    {
        .name = "sync-interval",
        .kind = SETTING_DURATION,
        .fallback = "15m",
        .min = 1,
        .max = 86400,
        .placeholder = "TIME",
        .help = "how often each linked account is asked about",
    },
    {
        .name = "webhook-allow-http",
        .kind = SETTING_SWITCH,
        .fallback = "false",
        .placeholder = "true|false",
        .help =
            "whether events may be delivered to http:// URLs, which anybody on the way can read",
    },
    {
        .name = "webhook-allow-private",
        .kind = SETTING_SWITCH,
        .fallback = "false",
        .placeholder = "true|false",
        .help = "whether events may be delivered to private, loopback and link-local addresses",
    },
    {
        .name = "webhook-ca-file",
        .placeholder = "FILE",
        .help = "the certificate authorities that webhooks are checked against, instead of the "
                "system's",
    },
    {
        .name = "webhook-timeout",
        .kind = SETTING_DURATION,
        .fallback = "15s",
        .min = 1,
        .max = 60,
        .placeholder = "TIME",
        .help = "how long a webhook may take to answer a delivery",
    },
    {
        .name = "webhook-retries",
        .fallback = "5s,1m,5m,30m,2h,5h,10h,14h,20h,24h",
        .placeholder = "TIME,...",
        .accepts = form_is_pauses,
        .form = "a list of times such as 5s,1m,5m,30m",
        .help = "the pauses after the failures of a delivery, each give or take a fifth; after one "
                "more failure it is dead",
    },
    {
        .name = "webhook-disable-after",
        .kind = SETTING_DURATION,
        .fallback = "120h",
        .min = 60,
        .max = 2592000,
        .placeholder = "TIME",
        .help = "how long a webhook may do nothing but fail before it is disabled",
    },
    {
        .name = "events-keep",
        .kind = SETTING_DURATION,
        .fallback = "168h",
        .min = 3600,
        .max = 31536000,
        .placeholder = "TIME",
        .help = "how long events and their ended deliveries stay on record",
    },
    {
        .name = "inbound-keep",
        .kind = SETTING_DURATION,
        .fallback = "336h",
        .min = 3600,
        .max = 31536000,
        .placeholder = "TIME",
        .help = "how long what Meta sent stays on record once all of it is applied",
    },
    {
        .name = "inbound-keep-unapplied",
        .kind = SETTING_DURATION,
        .fallback = "2160h",
        .min = 3600,
        .max = 315360000,
        .placeholder = "TIME",
        .help = "how long what Meta sent stays on record when some of it could not be applied",
    },
    {
        .name = "threads",
        .kind = SETTING_INTEGER,
        .fallback = "0",
        .max = SERVE_LOOPS_MAX,
        .placeholder = "N",
        .help = "event loops; 0 is one a core",
    },
    {
        .name = "drain-timeout",
        .kind = SETTING_DURATION,
        .fallback = "30s",
        .max = 3600,
        .placeholder = "TIME",
        .help = "how long requests that were begun may still take at the end",
        .live = true,
    },
    {
        .name = "log-level",
        .kind = SETTING_CHOICE,
        .fallback = "info",
        .choices = "debug|info|warn|error|off",
        .placeholder = "LEVEL",
        .help = "what is logged: debug|info|warn|error|off",
        .live = true,
    },
    {
        .name = "log-format",
        .kind = SETTING_CHOICE,
        .fallback = "logfmt",
        .choices = "logfmt|json",
        .placeholder = "FORMAT",
        .help = "how: logfmt|json",
        .live = true,
    },
    {
        .name = "log-requests",
        .kind = SETTING_CHOICE,
        .fallback = "errors",
        .choices = "all|errors|none",
        .placeholder = "WHICH",
        .help = "which requests have a line: all|errors|none; errors are answers of 5xx",
        .live = true,
    },
};

const size_t serve_n_settings = ARRAY_LEN(serve_settings);

/* --- what they mean ----------------------------------------------------------------------- */

static enum policy_log read_log_requests(struct str text)
{
    if (str_eq(text, STR("all")))
        return POLICY_LOG_ALL;
    return str_eq(text, STR("errors")) ? POLICY_LOG_ERRORS : POLICY_LOG_NONE;
}

enum err settings_make_policy(const struct config *config, struct policy **ret, struct error *error)
{
    struct policy *p = policy_new();
    p->sign_window_s = config_number(config, "sign-window");
    p->authentication_failures = form_read_rate(config_text(config, "auth-failure-limit"));
    p->compression = config_switch(config, "compression");
    p->log_requests = read_log_requests(config_text(config, "log-requests"));
    if (form_read_networks(config_text(config, "trusted-proxies"), p) &&
        form_read_origins(config_text(config, "cors-origins"), p)) {
        *ret = p;
        return ERR_OK;
    }
    policy_release(p);
    return error_set(error, ERR_NO_MEMORY, "no memory for the settings");
}

void settings_apply_log(const struct config *config)
{
    enum log_level level;
    if (log_level_parse(config_text(config, "log-level"), &level))
        log_set_level(level);
    log_set_format(str_eq(config_text(config, "log-format"), STR("json")) ? LOG_JSON : LOG_LOGFMT);
}

struct http_ledger_limits settings_ledger_limits(const struct config *config,
                                                 const struct policy *policy)
{
    return (struct http_ledger_limits){
        .connections = (size_t)config_number(config, "connections"),
        .per_address = (size_t)config_number(config, "connections-per-address"),
        .exempt = policy->proxies,
        .n_exempt = policy->n_proxies,
    };
}

static enum err refuse_half(const struct config *config, const char *set, const char *missing,
                            struct error *error)
{
    struct str origin = config_origin(config, set, error->arena);
    return error_set(error, ERR_VALIDATION, "%s is set (%.*s), but not %s: TLS needs both", set,
                     STR_FMT(origin), missing);
}

enum err settings_load_tls(const struct config *config, struct http_tls_context **ret,
                           struct error *error)
{
    static const char certificate_name[] = "tls-certificate-file", key_name[] = "tls-key-file";
    const char *certificate = config_cstr(config, certificate_name);
    const char *key = config_cstr(config, key_name);
    *ret = NULL;
    if (!certificate && !key)
        return ERR_OK;
    if (!certificate || !key)
        return certificate ? refuse_half(config, certificate_name, key_name, error)
                           : refuse_half(config, key_name, certificate_name, error);
    return http_tls_context_load(certificate, key, ret, error);
}
