#include "http/http.h"
#include "http/network.h"

static const struct str nothing = {NULL, 0};

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The byte at the front of *s, taken off; -1 for a bad escape. */
static int take_byte(struct str *s, bool form)
{
    char c = s->ptr[0];
    if (c != '%') {
        *s = str_skip(*s, 1);
        return form && c == '+' ? ' ' : (unsigned char)c;
    }
    int high = s->len >= 3 ? hex_value(s->ptr[1]) : -1;
    int low = s->len >= 3 ? hex_value(s->ptr[2]) : -1;
    if (high < 0 || low < 0)
        return -1;
    *s = str_skip(*s, 3);
    return high << 4 | low;
}

struct str http_url_decode(struct str s, bool form, struct arena *arena)
{
    if (s.len == 0)
        return STR("");
    char *text = arena_alloc(arena, s.len);
    size_t len = 0;
    if (!text)
        return nothing;
    while (s.len) {
        int byte = take_byte(&s, form);
        if (byte <= 0)
            return nothing;
        text[len++] = (char)byte;
    }
    struct str decoded = str_make(text, len);
    return str_is_utf8(decoded) ? decoded : nothing;
}

static bool is_unreserved(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void http_url_encode(struct str s, struct buf *out)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        unsigned char byte = (unsigned char)s.ptr[i];
        if (is_unreserved(s.ptr[i]))
            buf_add_char(out, s.ptr[i]);
        else
            buf_add(out, str_make((char[]){'%', digits[byte >> 4], digits[byte & 15]}, 3));
    }
}

enum err http_query_get(struct str query, const char *name, struct arena *arena, struct str *ret)
{
    if (str_starts(query, STR("?")))
        query = str_skip(query, 1);
    while (query.len) {
        struct str value = str_split(&query, '&');
        struct str key = http_url_decode(str_split(&value, '='), true, arena);
        if (!key.ptr)
            return ERR_BAD_REQUEST;
        if (!str_eq(key, str_from(name)))
            continue;
        struct str decoded = http_url_decode(value, true, arena);
        if (!decoded.ptr)
            return ERR_BAD_REQUEST;
        *ret = decoded;
        return ERR_OK;
    }
    *ret = nothing;
    return ERR_OK;
}

static bool is_url_text(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~' || strchr("#\\\"<>^`{|}", s.ptr[i]))
            return false;
    return true;
}

static bool take_scheme(struct str *rest, bool *ret_secure)
{
    const struct str schemes[] = {STR("http://"), STR("https://")};
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        struct str start = str_make(rest->ptr, MIN(rest->len, schemes[i].len));
        if (!str_eq_nocase(start, schemes[i]))
            continue;
        *rest = str_skip(*rest, schemes[i].len);
        *ret_secure = i == 1;
        return true;
    }
    return false;
}

/* "." and "..", also percent-encoded: whoever sends the request might walk them, and what was
 * signed would be another path. */
static bool is_dots(struct str segment)
{
    size_t dots = 0;
    while (segment.len) {
        size_t len = segment.ptr[0] == '.' ? 1 : 3;
        if (len == 3 && (segment.len < 3 || !str_eq_nocase(str_make(segment.ptr, 3), STR("%2e"))))
            return false;
        segment = str_skip(segment, len);
        dots++;
    }
    return dots == 1 || dots == 2;
}

static bool has_dot_segment(struct str path)
{
    while (path.len)
        if (is_dots(str_split(&path, '/')))
            return true;
    return false;
}

/* A port of 0 is nobody's; behind a colon alone is the scheme's own (RFC 3986 §3.2.3). */
static bool is_port(struct str s)
{
    int64_t port;
    return !s.len || (str_is_digits(s) && str_to_i64(s, &port) && port >= 1 && port <= 65535);
}

/* A name or an IPv4 address, or an IPv6 address in brackets; and a port. */
static bool is_host(struct str host)
{
    struct http_address address;
    bool bracket = str_starts(host, STR("["));
    size_t len = bracket ? str_find(host, ']') + 1 : str_find(host, ':');
    if (len > host.len || len == 0)
        return false;
    struct str name = str_make(host.ptr, len), port = str_skip(host, len);
    if (bracket && !http_address_parse(name, &address))
        return false;
    if (!bracket && (str_find(name, '[') < len || str_find(name, ']') < len))
        return false;
    return !port.len || (port.ptr[0] == ':' && is_port(str_skip(port, 1)));
}

bool http_url_split(struct str url, struct http_url *ret)
{
    struct http_url u;
    struct str rest = url;
    if (!is_url_text(url) || !take_scheme(&rest, &u.secure))
        return false;
    size_t host = MIN(str_find(rest, '/'), str_find(rest, '?'));
    u.host = str_make(rest.ptr, host);
    rest = str_skip(rest, host);
    if (str_find(u.host, '@') < u.host.len || !is_host(u.host))
        return false;
    size_t path = str_find(rest, '?');
    u.path = path ? str_make(rest.ptr, path) : STR("/");
    u.query = str_skip(rest, path);
    if (has_dot_segment(u.path))
        return false;
    *ret = u;
    return true;
}
