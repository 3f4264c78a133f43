#include "http/multipart.h"
#include "http/http.h"

#include <assert.h>

struct reader {
    struct str body;
    struct str delimiter; /* "\r\n--" and the boundary */
    size_t at;
    struct arena *arena;
    struct error *error;
};

static enum err refuse(struct reader *r, size_t offset, const char *why)
{
    error_detail(r->error, "offset", "%zu", offset);
    return error_set(r->error, ERR_INVALID_FORM,
                     "This is not multipart/form-data as we accept it: %s at byte %zu", why,
                     offset);
}

static enum err refuse_memory(struct reader *r)
{
    return error_set(r->error, ERR_NO_MEMORY, "There is no memory for the names in the form");
}

/* Where in the body a part of it stands. */
static size_t offset_of(const struct reader *r, struct str s)
{
    return (size_t)(s.ptr - r->body.ptr);
}

/* --- text --------------------------------------------------------------------------------- */

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c))
            return false;
    }
    return s.len > 0;
}

static bool is_clean(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f)
            return false;
    return str_is_utf8(s);
}

/* --- parameters: ; name=value, ; name="value" --------------------------------------------- */

struct parameter {
    struct str name;
    struct str value; /* without its quotes, still escaped */
    bool quoted;
};

/* Only \" and \\ are escapes: browsers send other backslashes as they are. */
static size_t escape_length(struct str s)
{
    if (s.len >= 2 && s.ptr[0] == '\\' && (s.ptr[1] == '"' || s.ptr[1] == '\\'))
        return 2;
    return 1;
}

/* Takes the next one off the front of *rest; false when it is malformed. */
static bool take_parameter(struct str *rest, struct parameter *ret)
{
    *rest = str_trim(str_skip(*rest, 1));
    size_t equals = str_find(*rest, '=');
    ret->name = str_make(rest->ptr, equals);
    if (equals == rest->len || !is_token(ret->name))
        return false;
    *rest = str_skip(*rest, equals + 1);
    ret->quoted = str_starts(*rest, STR("\""));
    size_t len = 0;
    if (ret->quoted) {
        *rest = str_skip(*rest, 1);
        while (len < rest->len && rest->ptr[len] != '"')
            len += escape_length(str_skip(*rest, len));
        if (len == rest->len)
            return false;
    } else {
        len = str_find(*rest, ';');
    }
    ret->value = str_make(rest->ptr, len);
    *rest = str_trim(str_skip(*rest, ret->quoted ? len + 1 : len));
    if (!ret->quoted)
        ret->value = str_trim(ret->value);
    return (ret->quoted || is_token(ret->value)) && (rest->len == 0 || rest->ptr[0] == ';');
}

/* What is between quotes, without its escapes; {NULL,0}: no memory. */
static struct str unquote(struct str s, struct arena *arena)
{
    if (!memchr(s.ptr, '\\', s.len) && !memmem(s.ptr, s.len, "%22", 3))
        return s;
    char *to = arena_alloc(arena, s.len);
    size_t len = 0;
    if (!to)
        return str_make(NULL, 0);
    while (s.len) {
        size_t escape = escape_length(s);
        if (str_starts(s, STR("%22"))) {
            to[len++] = '"';
            escape = 3;
        } else {
            to[len++] = s.ptr[escape - 1];
        }
        s = str_skip(s, escape);
    }
    return str_make(to, len);
}

/* RFC 5987 §3.2.1: UTF-8'language'percent-encoded. {NULL,0} when it is anything else. */
static struct str decode_extended(struct str s, struct arena *arena)
{
    static const struct str nothing = {NULL, 0};
    struct str charset = str_split(&s, '\'');
    if (!str_eq_nocase(charset, STR("utf-8")) || str_find(s, '\'') == s.len)
        return nothing;
    str_split(&s, '\'');
    for (size_t i = 0; i < s.len; i++)
        if (strchr("'*", s.ptr[i])) /* the rest of what a token may hold is allowed here */
            return nothing;
    return http_url_decode(s, false, arena);
}

/* --- the boundary ------------------------------------------------------------------------- */

/* RFC 2046 §5.1.1: 1 to 70 of these, no blank at the end. */
static bool is_boundary(struct str s)
{
    if (s.len == 0 || s.len > 70 || s.ptr[s.len - 1] == ' ')
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool alphanumeric =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alphanumeric && (c == '\0' || !strchr("'()+_,-./:=? ", c)))
            return false;
    }
    return true;
}

/* Sets r->delimiter. */
static enum err read_boundary(struct reader *r, struct str content_type)
{
    struct str type = str_trim(str_make(content_type.ptr, str_find(content_type, ';')));
    struct str rest = str_skip(content_type, str_find(content_type, ';'));
    struct str boundary = {NULL, 0};
    if (!str_eq_nocase(type, STR("multipart/form-data")))
        return error_set(r->error, ERR_UNSUPPORTED_MEDIA_TYPE,
                         "The body must be a form: Content-Type: multipart/form-data");
    while (rest.len) {
        struct parameter p;
        if (!take_parameter(&rest, &p))
            return refuse(r, 0, "the Content-Type of the request is malformed");
        if (!str_eq_nocase(p.name, STR("boundary")))
            continue;
        if (boundary.ptr)
            return refuse(r, 0, "the Content-Type of the request has two boundaries");
        boundary = p.value;
    }
    if (!is_boundary(boundary))
        return refuse(r, 0, "the Content-Type of the request has no valid boundary");
    r->delimiter = arena_printf(r->arena, "\r\n--%.*s", STR_FMT(boundary));
    return r->delimiter.ptr ? ERR_OK : refuse_memory(r);
}

/* --- the header of a part ----------------------------------------------------------------- */

struct part_header {
    struct str name, extended_name;
    struct str filename, extended_filename;
    struct str content_type;
    bool disposed; /* its Content-Disposition was seen */
};

static enum err keep_parameter(struct reader *r, const struct parameter *p, struct str *ret)
{
    bool extended = str_ends(p->name, STR("*"));
    if (ret->ptr)
        return refuse(r, offset_of(r, p->name), "the same parameter twice");
    struct str text = p->value;
    if (extended && (p->quoted || !(text = decode_extended(p->value, r->arena)).ptr))
        return refuse(r, offset_of(r, p->name), "a parameter that is not UTF-8''... (RFC 5987)");
    if (p->quoted)
        text = unquote(p->value, r->arena);
    if (!text.ptr)
        return refuse_memory(r);
    if (!is_clean(text))
        return refuse(r, offset_of(r, p->value), "a control character in a name");
    *ret = text;
    return ERR_OK;
}

/* RFC 7578 §4.2. */
static enum err read_disposition(struct reader *r, struct str value, struct part_header *h)
{
    size_t offset = offset_of(r, value);
    if (h->disposed)
        return refuse(r, offset, "a second Content-Disposition");
    h->disposed = true;
    struct str kind = str_trim(str_make(value.ptr, str_find(value, ';')));
    struct str rest = str_skip(value, str_find(value, ';'));
    if (!str_eq_nocase(kind, STR("form-data")))
        return refuse(r, offset, "a Content-Disposition that is not form-data");
    while (rest.len) {
        struct parameter p;
        size_t at = offset_of(r, rest);
        if (!take_parameter(&rest, &p))
            return refuse(r, at, "a malformed parameter");
        struct str *to = str_eq_nocase(p.name, STR("name"))        ? &h->name
                         : str_eq_nocase(p.name, STR("name*"))     ? &h->extended_name
                         : str_eq_nocase(p.name, STR("filename"))  ? &h->filename
                         : str_eq_nocase(p.name, STR("filename*")) ? &h->extended_filename
                                                                   : NULL;
        enum err e = to ? keep_parameter(r, &p, to) : ERR_OK;
        if (e)
            return e;
    }
    return ERR_OK;
}

/* Others are ignored (RFC 7578 §4.8), Content-Length too, which some clients send. */
static enum err read_field(struct reader *r, struct str line, struct part_header *h)
{
    size_t offset = offset_of(r, line), colon = str_find(line, ':');
    struct str name = str_make(line.ptr, colon);
    if (colon == line.len || !is_token(name))
        return refuse(r, offset, "a line that is no header field");
    struct str value = str_trim(str_skip(line, colon + 1));
    if (!is_clean(value))
        return refuse(r, offset, "a control character in a header field, or no UTF-8");
    if (str_eq_nocase(name, STR("Content-Disposition")))
        return read_disposition(r, value, h);
    if (str_eq_nocase(name, STR("Content-Type"))) {
        if (h->content_type.ptr)
            return refuse(r, offset, "a second Content-Type");
        h->content_type = value;
    }
    if (str_eq_nocase(name, STR("Content-Transfer-Encoding")) &&
        !str_eq_nocase(value, STR("binary")) && !str_eq_nocase(value, STR("8bit")) &&
        !str_eq_nocase(value, STR("7bit")))
        return refuse(r, offset, "a Content-Transfer-Encoding (RFC 7578 §4.7)");
    return ERR_OK;
}

/* Reads up to and with the empty line. */
static enum err read_header(struct reader *r, struct part_header *h)
{
    size_t begin = r->at;
    for (;;) {
        struct str rest = str_skip(r->body, r->at);
        size_t room = HTTP_PART_HEADER_MAX - (r->at - begin);
        const char *end = memmem(rest.ptr, MIN(rest.len, room), "\r\n", 2);
        if (!end)
            return refuse(r, begin,
                          rest.len < room ? "a part whose header does not end"
                                          : "a part with too long a header");
        struct str line = str_make(rest.ptr, (size_t)(end - rest.ptr));
        r->at += line.len + 2;
        if (line.len == 0)
            return ERR_OK;
        enum err e = read_field(r, line, h);
        if (e)
            return e;
    }
}

/* --- the body ----------------------------------------------------------------------------- */

static enum err read_part(struct reader *r, struct http_multipart *m)
{
    struct part_header h = {0};
    size_t begin = r->at;
    if (m->n == HTTP_PARTS_MAX)
        return refuse(r, begin, "too many parts");
    enum err e = read_header(r, &h);
    if (e)
        return e;
    struct http_part part = {
        .name = h.extended_name.ptr ? h.extended_name : h.name,
        .filename = h.extended_filename.ptr ? h.extended_filename : h.filename,
        .content_type = h.content_type.len ? h.content_type : STR("text/plain"),
        .offset = r->at,
    };
    if (part.name.len == 0)
        return refuse(r, begin, "a part without a name");
    /* The line end of an empty part's boundary may be that of its header (RFC 2046 §5.1.1). */
    struct str rest = str_skip(r->body, r->at - 2);
    const char *end = memmem(rest.ptr, rest.len, r->delimiter.ptr, r->delimiter.len);
    if (!end)
        return refuse(r, r->at, "a part that does not end");
    size_t end_at = (size_t)(end - r->body.ptr);
    part.content = str_make(r->body.ptr + r->at, MAX(end_at, r->at) - r->at);
    m->parts[m->n++] = part;
    r->at = end_at + r->delimiter.len;
    return ERR_OK;
}

/* Behind a boundary: a line end and a part, or "--" and the end. */
static enum err read_parts(struct reader *r, struct http_multipart *m)
{
    while (!str_starts(str_skip(r->body, r->at), STR("--"))) {
        if (!str_starts(str_skip(r->body, r->at), STR("\r\n")))
            return refuse(r, r->at, "a boundary that does not end its line");
        r->at += 2;
        enum err e = read_part(r, m);
        if (e)
            return e;
    }
    r->at += 2;
    while (str_starts(str_skip(r->body, r->at), STR("\r\n")))
        r->at += 2;
    return r->at == r->body.len ? ERR_OK : refuse(r, r->at, "something behind the last boundary");
}

enum err http_multipart_parse(struct str content_type, struct str body, struct arena *arena,
                              struct http_multipart *ret, struct error *error)
{
    struct reader r = {.body = body, .arena = arena, .error = error};
    ret->n = 0;
    enum err e = read_boundary(&r, content_type);
    if (e)
        return e;
    assert(r.delimiter.ptr);
    struct str first = str_skip(r.delimiter, 2);
    if (!str_starts(body, first))
        return refuse(&r, 0, "a body that does not begin with its boundary");
    r.at = first.len;
    return read_parts(&r, ret);
}

const struct http_part *http_multipart_find(const struct http_multipart *m, struct str name,
                                            bool *ret_twice)
{
    const struct http_part *found = NULL;
    if (ret_twice)
        *ret_twice = false;
    for (size_t i = 0; i < m->n; i++) {
        if (!str_eq(m->parts[i].name, name))
            continue;
        if (!found)
            found = &m->parts[i];
        else if (ret_twice)
            *ret_twice = true;
    }
    return found;
}
