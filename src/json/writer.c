#include "json/writer.h"
#include "base/clock.h"
#include "base/limits.h"

#include <assert.h>

_Static_assert(JSON_DEPTH_MAX <= 64, "struct json_writer keeps a bit for each level");

/* What stands behind the backslash: 0 for bytes that need none, 'u' for \u00XX. A '/' is escaped
 * only behind a '<': JSON inside a <script> must not be able to end it. */
static const char escapes[256] = {
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b',         't',         'n',           'u',
    'f', 'r', 'u', 'u', 'u', 'u', 'u', 'u', 'u',         'u',         'u',           'u',
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', ['"'] = '"', ['/'] = '/', ['\\'] = '\\',
};

void json_writer_init(struct json_writer *w, struct buf *out)
{
    *w = (struct json_writer){.out = out};
}

/* Room for `size` bytes of the next key or value, with the comma before it already written. */
static char *begin_item(struct json_writer *w, size_t size)
{
    char *to = buf_reserve(w->out, size + w->need_comma);
    if (to && w->need_comma) {
        *to++ = ',';
        w->out->len++;
    }
    return to;
}

static char *begin_value(struct json_writer *w, size_t size)
{
    assert((w->objects & 1) == w->after_key); /* in an object, a value stands behind a key */
    char *to = begin_item(w, size);
    w->need_comma = true;
    w->after_key = false;
    return to;
}

static void add_value(struct json_writer *w, struct str json)
{
    char *to = begin_value(w, json.len);
    if (to && json.len) {
        memcpy(to, json.ptr, json.len);
        w->out->len += json.len;
    }
}

void json_open(struct json_writer *w, char bracket)
{
    assert(bracket == '{' || bracket == '[');
    assert(w->depth < JSON_DEPTH_MAX);
    add_value(w, str_make(&bracket, 1));
    w->need_comma = false;
    w->depth++;
    w->objects = w->objects << 1 | (bracket == '{');
}

void json_close(struct json_writer *w, char bracket)
{
    assert(w->depth > 0 && !w->after_key);
    assert(bracket == (w->objects & 1 ? '}' : ']'));
    buf_add_char(w->out, bracket);
    w->need_comma = true;
    w->depth--;
    w->objects >>= 1;
}

/* Index of the first byte from `at` on that needs a backslash, or s.len. */
static size_t find_escape(struct str s, size_t at)
{
    for (; at < s.len; at++) {
        char escape = escapes[(unsigned char)s.ptr[at]];
        if (escape && (escape != '/' || (at > 0 && s.ptr[at - 1] == '<')))
            break;
    }
    return at;
}

static void add_escape(struct buf *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char text[] = {'\\', escapes[c], '0', '0', hex[c >> 4], hex[c & 15]};
    buf_add(out, str_make(text, text[1] == 'u' ? 6 : 2));
}

/* The quoted text and `end` behind it, at `to`, which has room for it should nothing need an
 * escape: nearly always. */
static void add_quoted(struct buf *out, char *to, struct str s, struct str end)
{
    size_t plain = find_escape(s, 0);
    *to++ = '"';
    if (plain)
        memcpy(to, s.ptr, plain);
    out->len += 1 + plain;
    while (plain < s.len) {
        add_escape(out, (unsigned char)s.ptr[plain]);
        size_t from = plain + 1;
        plain = find_escape(s, from);
        buf_add(out, str_make(s.ptr + from, plain - from));
    }
    buf_add(out, end);
}

static char *begin_key(struct json_writer *w, size_t size)
{
    assert((w->objects & 1) && !w->after_key);
    char *to = begin_item(w, size);
    w->need_comma = false;
    w->after_key = true;
    return to;
}

void json_key(struct json_writer *w, const char *key)
{
    size_t len = strlen(key);
    char *to = begin_key(w, len + 3);
    if (!to)
        return;
    *to++ = '"';
    memcpy(to, key, len);
    memcpy(to + len, "\":", 2);
    w->out->len += len + 3;
}

void json_key_str(struct json_writer *w, struct str key)
{
    char *to = begin_key(w, key.len + 3);
    if (to)
        add_quoted(w->out, to, key, STR("\":"));
}

void json_str(struct json_writer *w, struct str s)
{
    char *to = begin_value(w, s.len + 2);
    if (to)
        add_quoted(w->out, to, s, STR("\""));
}

void json_cstr(struct json_writer *w, const char *s)
{
    if (s)
        json_str(w, str_from(s));
    else
        json_null(w);
}

void json_i64(struct json_writer *w, int64_t value)
{
    if (begin_value(w, 1))
        buf_add_i64(w->out, value);
}

void json_bool(struct json_writer *w, bool value)
{
    add_value(w, value ? STR("true") : STR("false"));
}

void json_null(struct json_writer *w)
{
    add_value(w, STR("null"));
}

void json_time(struct json_writer *w, int64_t ms)
{
    if (ms == 0) {
        json_null(w);
        return;
    }
    char text[CLOCK_ISO_LEN + 2];
    text[0] = text[CLOCK_ISO_LEN + 1] = '"';
    clock_format_iso(ms, text + 1);
    add_value(w, str_make(text, sizeof(text)));
}

void json_raw(struct json_writer *w, struct str json)
{
    add_value(w, json);
}

void json_member_str(struct json_writer *w, const char *key, struct str s)
{
    json_key(w, key);
    json_str(w, s);
}

void json_member_cstr(struct json_writer *w, const char *key, const char *s)
{
    json_key(w, key);
    json_cstr(w, s);
}

void json_member_opt(struct json_writer *w, const char *key, struct str s)
{
    json_key(w, key);
    if (s.len)
        json_str(w, s);
    else
        json_null(w);
}

void json_member_i64(struct json_writer *w, const char *key, int64_t value)
{
    json_key(w, key);
    json_i64(w, value);
}

void json_member_bool(struct json_writer *w, const char *key, bool value)
{
    json_key(w, key);
    json_bool(w, value);
}

void json_member_time(struct json_writer *w, const char *key, int64_t ms)
{
    json_key(w, key);
    json_time(w, ms);
}
