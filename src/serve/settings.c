/* The settings of `hudhud serve`: one table for flags, variables, file and documentation. */
#include "base/limits.h"
#include "serve/serve.h"

const struct setting serve_settings[] = {
    {"listen", SETTING_TEXT, "127.0.0.1:8080", 0, 0, NULL, "ADDR:PORT",
     "where the signed API listens; \":8080\" is every address, port 0 any free one", false},
    {"graph-url", SETTING_TEXT, "https://graph.facebook.com", 0, 0, NULL, "URL",
     "Meta's Graph API; point it at `hudhud sim` to try things out", false},
    {"graph-version", SETTING_TEXT, "v25.0", 0, 0, NULL, "vN.0", "the Graph API's version", false},
    {"graph-timeout", SETTING_DURATION, "15s", 1, 300, NULL, "TIME",
     "how long one request to Meta may take", false},
    {"app-id", SETTING_TEXT, NULL, 0, 0, NULL, "ID",
     "your Meta app's id; needed to link with a code of embedded signup", false},
    {"app-secret-file", SETTING_TEXT, NULL, 0, 0, NULL, "FILE",
     "a file with your Meta app's secret; every call to Meta then carries appsecret_proof", false},
    {"sync-interval", SETTING_DURATION, "15m", 1, 86400, NULL, "TIME",
     "how often each linked account is asked about", false},
    {"sign-window", SETTING_DURATION, "300s", 1, 3600, NULL, "TIME",
     "how far X-Timestamp may be from this machine's clock", false},
    {"threads", SETTING_INTEGER, "0", 0, SERVE_LOOPS_MAX, NULL, "N", "event loops; 0 is one a core",
     false},
    {"drain-timeout", SETTING_DURATION, "30s", 0, 3600, NULL, "TIME",
     "how long requests that were begun may still take at the end", false},
    {"log-level", SETTING_CHOICE, "info", 0, 0, "debug|info|warn|error|off", "LEVEL",
     "debug logs every request", false},
};

const size_t serve_n_settings = ARRAY_LEN(serve_settings);
