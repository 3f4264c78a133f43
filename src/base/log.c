#include "base/log.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"

#include <stdatomic.h>
#include <unistd.h>

static _Atomic int minimum = LOG_INFO;
static _Atomic int form = LOG_LOGFMT;

static const char *const names[] = {"debug", "info", "warn", "error", "off"};

void log_set_level(enum log_level level)
{
    atomic_store(&minimum, (int)level);
}

void log_set_format(enum log_format format)
{
    atomic_store(&form, (int)format);
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&minimum, memory_order_relaxed);
}

bool log_level_parse(struct str name, enum log_level *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq(name, str_from(names[i]))) {
            *ret = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* --- values ------------------------------------------------------------------------------- */

/* At most LOG_VALUE_MAX bytes, not cut within a character. */
static struct str cut_value(struct str s)
{
    if (s.len <= LOG_VALUE_MAX)
        return s;
    s.len = LOG_VALUE_MAX;
    while (s.len && ((unsigned char)s.ptr[s.len] & 0xC0) == 0x80)
        s.len--;
    return s;
}

/* Control characters, U+0080 to U+009F among them, which some terminals obey too. */
static bool is_control(struct str s, size_t i)
{
    unsigned char c = (unsigned char)s.ptr[i];
    unsigned char before = i > 0 ? (unsigned char)s.ptr[i - 1] : 0;
    unsigned char after = i + 1 < s.len ? (unsigned char)s.ptr[i + 1] : 0xFF;
    return c < ' ' || c == 0x7F || (c == 0xC2 && after < 0xA0) ||
           (c >= 0x80 && c < 0xA0 && before == 0xC2);
}

static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == ' ' || c == '"' || c == '=' || c == '\\' || is_control(s, i))
            return false;
    }
    return s.len > 0 && str_is_utf8(s);
}

/* Control characters are escaped: a client's text can never begin a line of its own. So is all
 * that is not ASCII in text that is not UTF-8. */
static void add_quoted(struct buf *line, struct str s)
{
    bool utf8 = str_is_utf8(s);
    buf_add_char(line, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == '"' || c == '\\')
            buf_printf(line, "\\%c", c);
        else if (is_control(s, i) || (c >= 0x80 && !utf8))
            buf_printf(line, "\\x%02x", c);
        else
            buf_add_char(line, (char)c);
    }
    buf_add_char(line, '"');
}

static void add_text(struct buf *line, struct str whole)
{
    struct str s = cut_value(whole);
    if (is_plain(s))
        buf_add(line, s);
    else
        add_quoted(line, s);
    if (s.len < whole.len)
        buf_add(line, STR("..."));
}

/* RFC 8259 §7. A byte that is no part of UTF-8 becomes U+FFFD; control characters of either range
 * are escaped, so that a terminal shows the log as it is. */
static void add_json_text(struct buf *line, struct str whole)
{
    struct str s = cut_value(whole);
    bool utf8 = str_is_utf8(s);
    buf_add_char(line, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == '"' || c == '\\')
            buf_printf(line, "\\%c", c);
        else if (c >= 0x80 && !utf8)
            buf_add(line, STR("\\ufffd"));
        else if (c == 0xC2 && is_control(s, i))
            buf_printf(line, "\\u00%02x", (unsigned char)s.ptr[++i]);
        else if (is_control(s, i))
            buf_printf(line, "\\u00%02x", c);
        else
            buf_add_char(line, (char)c);
    }
    buf_add(line, s.len < whole.len ? STR("...\"") : STR("\""));
}

/* --- lines -------------------------------------------------------------------------------- */

static void write_logfmt(struct buf *line, const char *event, const struct log_field *fields,
                         size_t n)
{
    buf_printf(line, " event=%s", event);
    for (size_t i = 1; i < n && buf_ok(line); i++) {
        buf_printf(line, " %s=", fields[i].key);
        if (fields[i].kind == LOG_FIELD_INT)
            buf_add_i64(line, fields[i].number);
        else
            add_text(line, fields[i].text);
    }
    line->failed = false;
    if (line->len == line->max)
        line->len--;
}

#define JSON_CUT STR(",\"cut\":true")

static void write_json(struct buf *line, const char *event, const struct log_field *fields,
                       size_t n)
{
    size_t max = line->max;
    line->max -= JSON_CUT.len + 2; /* what has to fit behind the fields */
    buf_printf(line, ",\"event\":\"%s\"", event);
    size_t whole = line->len;
    for (size_t i = 1; i < n && buf_ok(line); i++) {
        whole = line->len;
        buf_printf(line, ",\"%s\":", fields[i].key);
        if (fields[i].kind == LOG_FIELD_INT)
            buf_add_i64(line, fields[i].number);
        else
            add_json_text(line, fields[i].text);
    }
    line->max = max;
    if (!buf_ok(line)) {
        line->failed = false;
        line->len = whole;
        buf_add(line, JSON_CUT);
    }
    buf_add_char(line, '}');
}

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t n)
{
    char now[CLOCK_ISO_MS_LEN];
    clock_format_iso_ms(clock_now_ms(), now);
    _cleanup_(buf_release)
    struct buf line;
    buf_init(&line, LOG_LINE_MAX);
    if (atomic_load_explicit(&form, memory_order_relaxed) == LOG_JSON) {
        buf_printf(&line, "{\"time\":\"%.*s\",\"level\":\"%s\"", CLOCK_ISO_MS_LEN, now,
                   names[level]);
        write_json(&line, event, fields, n);
    } else {
        buf_printf(&line, "time=%.*s level=%s", CLOCK_ISO_MS_LEN, now, names[level]);
        write_logfmt(&line, event, fields, n);
    }
    buf_add_char(&line, '\n');
    /* One write a line, so that threads do not mix. If stderr is gone there is nobody to tell. */
    ssize_t written = write(STDERR_FILENO, line.ptr, line.len);
    (void)written;
}
