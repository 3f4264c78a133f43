#include "http/parser.h"
#include "base/clock.h"
#include "base/random.h"

#define HTTP_VERSION_LEN 8 /* "HTTP/1.1" */

static const char *const method_names[HTTP_METHOD_COUNT + 1] = {
    [HTTP_GET] = "GET",         [HTTP_HEAD] = "HEAD",      [HTTP_POST] = "POST",
    [HTTP_PUT] = "PUT",         [HTTP_PATCH] = "PATCH",    [HTTP_DELETE] = "DELETE",
    [HTTP_OPTIONS] = "OPTIONS", [HTTP_METHOD_COUNT] = "?",
};

const char *http_method_name(enum http_method m)
{
    return method_names[m < HTTP_METHOD_COUNT ? m : HTTP_METHOD_COUNT];
}

/* --- refusing ----------------------------------------------------------------------------- */

/* Any value but 0 and HPE_PAUSED ends llhttp's run; why is in p. */
static int refuse(struct http_parser *p, enum err e, const char *why)
{
    p->err = e;
    p->why = why;
    p->stage = STAGE_REFUSED;
    if (!p->r->begun_us)
        p->r->begun_us = clock_monotonic_us();
    return HPE_USER;
}

/* Also for a request line without a version, which llhttp takes for HTTP/0.9. */
static int refuse_version(struct http_parser *p)
{
    return refuse(p, ERR_HTTP_VERSION, "only HTTP/1.0 and HTTP/1.1 are spoken here");
}

static bool is_token_char(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool has_header(const struct http_request *r, struct str name)
{
    return http_header_get(r, name, NULL).ptr != NULL;
}

/* What llhttp itself found wrong. */
static void refuse_malformed(struct http_parser *p, llhttp_errno_t e)
{
    if (p->stage == STAGE_LINE && memchr(p->input + p->begin, '\n', p->at - p->begin)) {
        refuse_version(p); /* its line had none; what llhttp stumbled over is another's */
        return;
    }
    switch (e) {
    case HPE_INVALID_METHOD:
        if (p->at < p->end && is_token_char((unsigned char)p->input[p->at]))
            refuse(p, ERR_NOT_IMPLEMENTED, "this method is not known here");
        else
            refuse(p, ERR_BAD_REQUEST, "the request does not begin with a method");
        break;
    case HPE_INVALID_VERSION:
        if (p->stage == STAGE_LINE)
            refuse_version(p);
        else
            refuse(p, ERR_BAD_REQUEST, "the request line does not end behind its version");
        break;
    case HPE_INVALID_TRANSFER_ENCODING:
        if (has_header(p->r, STR("Content-Length")))
            refuse(p, ERR_BAD_REQUEST, "both Content-Length and Transfer-Encoding are given");
        else if (p->http10)
            refuse(p, ERR_BAD_REQUEST, "HTTP/1.0 has no Transfer-Encoding");
        else
            refuse(p, ERR_NOT_IMPLEMENTED, "the only Transfer-Encoding spoken here is chunked");
        break;
    default: refuse(p, ERR_BAD_REQUEST, llhttp_get_error_reason(&p->llhttp));
    }
}

/* --- the request line --------------------------------------------------------------------- */

static int on_method_complete(llhttp_t *l)
{
    static const enum http_method ours[] = {
        [LLHTTP_DELETE] = HTTP_DELETE + 1, [LLHTTP_GET] = HTTP_GET + 1,
        [LLHTTP_HEAD] = HTTP_HEAD + 1,     [LLHTTP_POST] = HTTP_POST + 1,
        [LLHTTP_PUT] = HTTP_PUT + 1,       [LLHTTP_OPTIONS] = HTTP_OPTIONS + 1,
        [LLHTTP_PATCH] = HTTP_PATCH + 1,
    };
    struct http_parser *p = l->data;
    size_t method = llhttp_get_method(l);
    if (method == HTTP_PRI)
        return refuse(p, ERR_HTTP_VERSION, "HTTP/2 is not spoken here");
    if (method >= ARRAY_LEN(ours) || !ours[method])
        return refuse(p, ERR_NOT_IMPLEMENTED, "this method is not known here");
    p->r->method = ours[method] - 1;
    return 0;
}

static int on_url(llhttp_t *l, const char *at, size_t len)
{
    struct http_parser *p = l->data;
    if (p->r->target.len == 0)
        p->r->target.ptr = at;
    p->r->target.len += len;
    if ((size_t)(at + len - p->input) - p->begin > HTTP_REQUEST_LINE_MAX)
        return refuse(p, ERR_URI_TOO_LONG, "the request line is too long");
    return 0;
}

/* Leaves the path and query of an absolute-form in *target and gives its host; {NULL,0}, and all
 * as it was, when it is none (RFC 9112 §3.2.2). */
static struct str take_host(struct str *target)
{
    static const struct str schemes[] = {STR_INIT("http://"), STR_INIT("https://")};
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        struct str start = str_make(target->ptr, MIN(target->len, schemes[i].len));
        if (!str_eq_nocase(start, schemes[i]))
            continue;
        struct str host = str_skip(*target, schemes[i].len);
        host.len = str_find(host, '/');
        *target = str_skip(*target, schemes[i].len + host.len);
        return host;
    }
    return (struct str){NULL, 0};
}

/* A path and a query, of the characters a URL may hold. */
static bool target_is_lawful(struct str target)
{
    if (target.len == 0 || target.ptr[0] != '/')
        return false;
    for (size_t i = 0; i < target.len; i++)
        if (target.ptr[i] <= ' ' || target.ptr[i] >= 0x7f || target.ptr[i] == '#')
            return false;
    return true;
}

/* The line is METHOD SP target SP HTTP/1.x, with exactly one blank each: llhttp forgives more, and
 * knows other protocols. */
static int on_version_complete(llhttp_t *l)
{
    struct http_parser *p = l->data;
    struct http_request *r = p->r;
    size_t target_at = (size_t)(r->target.ptr - p->input);
    size_t version_at = target_at + r->target.len + 1;
    p->fields = version_at + HTTP_VERSION_LEN;
    if (p->fields - p->begin > HTTP_REQUEST_LINE_MAX)
        return refuse(p, ERR_URI_TOO_LONG, "the request line is too long");
    if (l->http_major != 1 || l->http_minor > 1)
        return refuse_version(p);
    if (target_at != p->begin + strlen(http_method_name(r->method)) + 1 ||
        memcmp(p->input + version_at, "HTTP/", 5) != 0)
        return refuse(p, ERR_BAD_REQUEST, "the request line is not METHOD, path and HTTP version");
    struct str target = r->target;
    p->target_host = take_host(&target);
    if (!target_is_lawful(target))
        return refuse(p, ERR_BAD_REQUEST, "the request target is not a path");
    r->path = str_make(target.ptr, str_find(target, '?'));
    r->query = str_skip(target, r->path.len);
    p->http10 = l->http_minor == 0;
    p->stage = STAGE_FIELDS;
    return 0;
}

/* --- the header fields -------------------------------------------------------------------- */

/* What a trailer or a chunk extension says is not used: it only counts. */
static int count_trailing(struct http_parser *p, size_t len)
{
    p->trailing_size += len;
    if (p->head_end - p->fields + p->trailing_size > HTTP_HEADER_SIZE_MAX)
        return refuse(p, ERR_HEADERS_TOO_LARGE,
                      "header, trailers and chunk extensions are too long");
    return 0;
}

static int on_chunk_extension(llhttp_t *l, const char *at, size_t len)
{
    return count_trailing(l->data, len);
}

static int on_header_field(llhttp_t *l, const char *at, size_t len)
{
    struct http_parser *p = l->data;
    struct http_request *r = p->r;
    if (p->stage == STAGE_LINE)
        return refuse_version(p);
    if (!p->in_name && p->n_fields++ == HTTP_HEADERS_MAX)
        return refuse(p, ERR_HEADERS_TOO_LARGE, "too many header fields");
    bool begins = !p->in_name;
    p->in_name = true;
    if (p->stage == STAGE_BODY)
        return count_trailing(p, len);
    if (begins)
        r->headers[r->n_headers++] = (struct http_header){.name = {at, 0}, .value = STR("")};
    r->headers[r->n_headers - 1].name.len += len;
    return 0;
}

static int on_header_field_complete(llhttp_t *l)
{
    struct http_parser *p = l->data;
    p->in_name = false;
    return 0;
}

static int on_header_value(llhttp_t *l, const char *at, size_t len)
{
    struct http_parser *p = l->data;
    if (p->stage == STAGE_BODY)
        return count_trailing(p, len);
    struct str *value = &p->r->headers[p->r->n_headers - 1].value;
    if (value->len == 0)
        value->ptr = at;
    value->len += len;
    return 0;
}

/* The fields that decide about the message itself. */
struct framing {
    size_t n_host, n_length, n_coding, n_expect;
    struct str host, coding, expect; /* the last one each */
};

static void count_field(const struct http_header *h, struct str name, size_t *n, struct str *value)
{
    if (str_eq_nocase(h->name, name)) {
        *value = h->value;
        ++*n;
    }
}

static struct framing read_framing(struct http_request *r)
{
    struct framing f = {0};
    struct str length;
    for (size_t i = 0; i < r->n_headers; i++) {
        struct http_header *h = &r->headers[i];
        h->value = str_trim(h->value);
        switch (h->name.len) {
        case sizeof("host") - 1: count_field(h, STR("host"), &f.n_host, &f.host); break;
        case sizeof("expect") - 1: count_field(h, STR("expect"), &f.n_expect, &f.expect); break;
        case sizeof("content-length") - 1:
            count_field(h, STR("content-length"), &f.n_length, &length);
            break;
        case sizeof("transfer-encoding") - 1:
            count_field(h, STR("transfer-encoding"), &f.n_coding, &f.coding);
            break;
        default: break;
        }
    }
    return f;
}

/* A host and perhaps a port, or nothing: no blank, no part of another URL component. */
static bool host_is_lawful(struct str host)
{
    for (size_t i = 0; i < host.len; i++)
        if (host.ptr[i] <= ' ' || host.ptr[i] >= 0x7f || strchr("/?#@\\\"<>", host.ptr[i]))
            return false;
    return true;
}

/* RFC 9112 §3.2 (Host), §6.1 and §6.3 (framing); RFC 9110 §10.1.1 (Expect). */
static int check_framing(struct http_parser *p, const struct framing *f)
{
    if (f->n_host > 1 || (f->n_host == 0 && !p->http10))
        return refuse(p, ERR_BAD_REQUEST, "there must be exactly one Host");
    if (!host_is_lawful(f->host))
        return refuse(p, ERR_BAD_REQUEST, "Host is not a host");
    /* A server may take either: that two readers would not take the same is refused. */
    if (p->target_host.ptr && f->n_host && !str_eq_nocase(p->target_host, f->host))
        return refuse(p, ERR_BAD_REQUEST, "the request target names another host than Host");
    if (p->target_host.ptr && (p->target_host.len == 0 || !host_is_lawful(p->target_host)))
        return refuse(p, ERR_BAD_REQUEST, "the request target names no host");
    if (f->n_length > 1)
        return refuse(p, ERR_BAD_REQUEST, "there is more than one Content-Length");
    if (f->n_coding && f->n_length)
        return refuse(p, ERR_BAD_REQUEST, "both Content-Length and Transfer-Encoding are given");
    if (f->n_coding && p->http10)
        return refuse(p, ERR_BAD_REQUEST, "HTTP/1.0 has no Transfer-Encoding");
    if (f->n_coding && (f->n_coding > 1 || !str_eq_nocase(f->coding, STR("chunked"))))
        return refuse(p, ERR_NOT_IMPLEMENTED, "the only Transfer-Encoding spoken here is chunked");
    if (f->n_expect && !p->http10 &&
        (f->n_expect > 1 || !str_eq_nocase(f->expect, STR("100-continue"))))
        return refuse(p, ERR_EXPECTATION_FAILED, "the only expectation met here is 100-continue");
    return 0;
}

static int on_headers_complete(llhttp_t *l)
{
    struct http_parser *p = l->data;
    if (p->stage == STAGE_LINE)
        return refuse_version(p);
    struct framing f = read_framing(p->r);
    if (check_framing(p, &f) != 0)
        return HPE_USER;
    p->keep_alive = llhttp_should_keep_alive(l) && !(l->flags & F_CONNECTION_CLOSE);
    p->has_body = f.n_coding > 0 || (f.n_length > 0 && l->content_length > 0);
    p->expects_continue = f.n_expect && !p->http10 && p->has_body;
    p->r->begun_us = clock_monotonic_us();
    p->stage = STAGE_HEAD;
    return HPE_PAUSED;
}

/* --- the body ----------------------------------------------------------------------------- */

static int on_chunk_header(llhttp_t *l)
{
    struct http_parser *p = l->data;
    if (l->content_length > p->body.max - p->body.len)
        return refuse(p, ERR_TOO_LARGE, "the body is too large");
    return 0;
}

static int on_body(llhttp_t *l, const char *at, size_t len)
{
    struct http_parser *p = l->data;
    buf_add(&p->body, str_make(at, len));
    return buf_ok(&p->body) ? 0 : refuse(p, ERR_NO_MEMORY, "there is no memory for the body");
}

static int on_message_complete(llhttp_t *l)
{
    struct http_parser *p = l->data;
    p->r->body = buf_str(&p->body);
    p->stage = STAGE_COMPLETE;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_method_complete = on_method_complete,
    .on_url = on_url,
    .on_version_complete = on_version_complete,
    .on_header_field = on_header_field,
    .on_header_field_complete = on_header_field_complete,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_chunk_header = on_chunk_header,
    .on_chunk_extension_name = on_chunk_extension,
    .on_chunk_extension_value = on_chunk_extension,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* --- the run ------------------------------------------------------------------------------ */

void http_parser_init(struct http_parser *p, struct http_request *r)
{
    *p = (struct http_parser){.r = r};
    buf_init(&p->body, HTTP_BODY_MAX);
}

void http_parser_release(struct http_parser *p)
{
    free(p->input);
    p->input = NULL;
    p->capacity = 0;
    buf_release(&p->body);
}

void http_parser_trim(struct http_parser *p)
{
    if (p->capacity > HTTP_INPUT_KEEP)
        http_parser_release(p);
    p->begin = p->at = p->end = 0;
}

static void rebase(struct str *s, const char *from, size_t len, const char *to)
{
    uintptr_t offset = (uintptr_t)s->ptr - (uintptr_t)from;
    if (offset <= len) /* else it is a constant */
        s->ptr = to + offset;
}

/* The request that is being read points into the input, which moves. */
static void rebase_request(struct http_parser *p, const char *to)
{
    struct http_request *r = p->r;
    rebase(&r->target, p->input, p->end, to);
    rebase(&r->path, p->input, p->end, to);
    rebase(&r->query, p->input, p->end, to);
    for (size_t i = 0; i < r->n_headers; i++) {
        rebase(&r->headers[i].name, p->input, p->end, to);
        rebase(&r->headers[i].value, p->input, p->end, to);
    }
}

/* Only before the owner has seen the request. */
static void grow(struct http_parser *p, size_t size)
{
    if (size <= p->capacity)
        return;
    size_t capacity =
        MIN(MAX(MAX(p->capacity * 2, size), (size_t)HTTP_INPUT_FIRST), (size_t)HTTP_INPUT_SIZE);
    char *to = xmalloc(capacity);
    if (p->end)
        memcpy(to, p->input, p->end);
    if (p->stage != STAGE_START)
        rebase_request(p, to);
    free(p->input);
    p->input = to;
    p->capacity = capacity;
}

size_t http_parser_room(const struct http_parser *p)
{
    size_t size = p->stage <= STAGE_FIELDS ? HTTP_INPUT_SIZE : p->capacity;
    return size - p->end;
}

void http_parser_feed(struct http_parser *p, struct str bytes)
{
    if (bytes.len == 0)
        return;
    grow(p, p->end + bytes.len);
    memcpy(p->input + p->end, bytes.ptr, bytes.len);
    p->end += bytes.len;
}

/* Only what the last request left behind is reset: headers[] is large. */
static void begin_request(struct http_parser *p)
{
    struct http_request *r = p->r;
    r->method = HTTP_METHOD_COUNT;
    r->target = r->path = r->query = r->body = STR("");
    r->n_headers = 0;
    r->begun_us = 0;
    r->gone = false;
    r->user = NULL;
    memcpy(r->id, "req_", 4);
    random_name(r->id + 4, sizeof(r->id) - 4);

    llhttp_init(&p->llhttp, HTTP_REQUEST, &settings);
    p->llhttp.data = p;
    p->begin = p->fields = p->head_end = p->at;
    p->n_fields = p->trailing_size = 0;
    p->in_name = p->keep_alive = p->http10 = p->has_body = p->expects_continue = false;
    p->stage = STAGE_LINE;
}

/* Begins a request if there is a byte of one. A whole header and HTTP_READ_SIZE more always fit
 * behind its first byte. */
static void look_for_request(struct http_parser *p)
{
    if (p->at == p->end) {
        p->at = p->end = 0;
        return;
    }
    if (p->at > HTTP_READ_SIZE) {
        memmove(p->input, p->input + p->at, p->end - p->at);
        p->end -= p->at;
        p->at = 0;
    }
    if (p->end - p->at >= 2 && !p->line_skipped && memcmp(p->input + p->at, "\r\n", 2) == 0) {
        p->at += 2;
        p->line_skipped = true;
    }
    if (p->at == p->end)
        return;
    char first = p->input[p->at];
    if (first == '\r' && !p->line_skipped && p->end - p->at == 1)
        return;
    begin_request(p);
    if (first == '\r' || first == '\n')
        refuse(p, ERR_BAD_REQUEST, "the request does not begin with a method");
}

/* All up to p->end was parsed, the last time from `from` on. A header that is not complete must
 * still be able to become so. */
static enum http_parser_event check_unfinished(struct http_parser *p, size_t from)
{
    if (p->stage == STAGE_LINE && memchr(p->input + from, '\n', p->end - from)) {
        refuse_version(p);
        return PARSER_REFUSED;
    }
    if (p->stage == STAGE_LINE && p->end - p->begin > HTTP_REQUEST_LINE_MAX) {
        refuse(p, ERR_URI_TOO_LONG, "the request line is too long");
        return PARSER_REFUSED;
    }
    if (p->stage == STAGE_FIELDS && p->end - p->fields > HTTP_HEADER_SIZE_MAX) {
        refuse(p, ERR_HEADERS_TOO_LARGE, "the header is too long");
        return PARSER_REFUSED;
    }
    if (p->stage == STAGE_BODY)
        p->at = p->end = p->head_end; /* all of it is in `body` */
    return PARSER_MORE;
}

/* From here on the input stays in place: what a read of the body takes has to fit behind the
 * header.
 */
static void make_room_for_body(struct http_parser *p)
{
    uint64_t size = HTTP_READ_SIZE;
    if (p->llhttp.flags & F_CONTENT_LENGTH)
        size = MIN(size, p->llhttp.content_length);
    if (p->has_body)
        grow(p, p->head_end + size);
}

static enum http_parser_event head_complete(struct http_parser *p)
{
    p->head_end = p->at;
    if (p->head_end - p->fields > HTTP_HEADER_SIZE_MAX) {
        refuse(p, ERR_HEADERS_TOO_LARGE, "the header is too long");
        return PARSER_REFUSED;
    }
    make_room_for_body(p);
    return PARSER_HEAD;
}

enum http_parser_event http_parser_next(struct http_parser *p)
{
    if (p->stage == STAGE_START)
        look_for_request(p);
    if (p->stage == STAGE_START)
        return PARSER_MORE;
    if (p->stage == STAGE_REFUSED)
        return PARSER_REFUSED;
    size_t from = p->at;
    llhttp_errno_t e = llhttp_execute(&p->llhttp, p->input + from, p->end - from);
    p->at = e == HPE_OK ? p->end : (size_t)(llhttp_get_error_pos(&p->llhttp) - p->input);
    if (p->stage == STAGE_REFUSED)
        return PARSER_REFUSED;
    if (e == HPE_OK)
        return check_unfinished(p, from);
    if (e == HPE_PAUSED) {
        llhttp_resume(&p->llhttp);
        return p->stage == STAGE_HEAD ? head_complete(p) : PARSER_COMPLETE;
    }
    refuse_malformed(p, e);
    return PARSER_REFUSED;
}

void http_parser_accept(struct http_parser *p, size_t body_max)
{
    p->body.max = body_max;
    p->stage = STAGE_BODY;
    if (p->llhttp.flags & F_CONTENT_LENGTH && p->llhttp.content_length > body_max)
        refuse(p, ERR_TOO_LARGE, "the body is too large");
}

void http_parser_finish(struct http_parser *p)
{
    buf_clear(&p->body);
    p->line_skipped = false;
    p->err = ERR_OK;
    p->why = NULL;
    p->stage = STAGE_START;
}
