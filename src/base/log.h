/* Logging, one line an event, to stderr; in logfmt:
 *   time=2024-01-15T10:30:00.123Z level=info event=request workspace=acme status=200 us=41
 * or in JSON:
 *   {"time":"2024-01-15T10:30:00.123Z","level":"info","event":"request","workspace":"acme",...}
 *
 * log_event(LOG_INFO, "number_changed", LOG_STR("field", field), LOG_INT("number", id));
 * A field is a key of ours and a value; text is quoted where it has to be. There is no field for a
 * struct secret, so that none can be logged. Lines longer than LOG_LINE_MAX are cut; of one in
 * JSON, which stays an object, the last fields are left out. Any thread. */
#pragma once

#include "base/base.h"
#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };
enum log_format { LOG_LOGFMT, LOG_JSON };

struct log_field {
    const char *key;
    enum { LOG_FIELD_STR, LOG_FIELD_INT } kind;
    struct str text;
    int64_t number;
};

#define LOG_STR(k, v)  ((struct log_field){.key = (k), .kind = LOG_FIELD_STR, .text = (v)})
#define LOG_CSTR(k, v) LOG_STR(k, str_from(v))
#define LOG_INT(k, v)  ((struct log_field){.key = (k), .kind = LOG_FIELD_INT, .number = (v)})

#define log_event(level, event, ...)                                                               \
    do {                                                                                           \
        if (log_enabled(level))                                                                    \
            log_write(level, event, (const struct log_field[]){{.key = NULL}, ##__VA_ARGS__},      \
                      ARRAY_LEN(((const struct log_field[]){{.key = NULL}, ##__VA_ARGS__})));      \
    } while (0)

/* Process-wide, set by serve/ or cli/ at any time; LOG_INFO and LOG_LOGFMT until then. */
void log_set_level(enum log_level level);
void log_set_format(enum log_format format);
bool log_enabled(enum log_level level);
bool log_level_parse(struct str name, enum log_level *ret) MUST_USE;
/* fields[0] is a filler of the macro's and is skipped. */
void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t n);
