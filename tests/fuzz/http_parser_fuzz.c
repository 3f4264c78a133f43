/* Bytes of a connection, fed whole and in pieces: the requests and the end must be the same. The
 * first byte decides on the pieces, the second on the body limit. */
#include "http/parser.h"

struct subject {
    struct http_request request;
    struct http_parser parser;
    uint64_t seen; /* a hash of all requests so far */
    size_t n_seen;
    bool refused;
};

static void subject_init(struct subject *s)
{
    *s = (struct subject){0};
    arena_init(&s->request.arena, REQUEST_ARENA_MAX);
    http_parser_init(&s->parser, &s->request);
}

static void subject_release(struct subject *s)
{
    http_parser_release(&s->parser);
    arena_release(&s->request.arena);
}

static void mix(struct subject *s, struct str text)
{
    s->seen = (s->seen ^ str_hash(text)) * 0x100000001b3 + text.len;
}

/* What every request that gets through promises. */
static void check_request(struct subject *s, size_t body_max)
{
    const struct http_request *r = &s->request;
    if (r->method >= HTTP_METHOD_COUNT || r->path.len == 0 || r->path.ptr[0] != '/' ||
        r->path.ptr + r->path.len + r->query.len != r->target.ptr + r->target.len ||
        r->n_headers > HTTP_HEADERS_MAX || r->body.len > body_max)
        abort();
    bool twice;
    struct str host = http_header_get(r, STR("Host"), &twice);
    if (twice || (!host.ptr && !s->parser.http10))
        abort();
    s->n_seen++;
    mix(s, r->target);
    mix(s, r->path);
    mix(s, r->body);
    for (size_t i = 0; i < r->n_headers; i++) {
        mix(s, r->headers[i].name);
        mix(s, r->headers[i].value);
        if (memchr(r->headers[i].value.ptr, '\0', r->headers[i].value.len) ||
            memchr(r->headers[i].value.ptr, '\n', r->headers[i].value.len))
            abort();
    }
}

static void go_on(struct subject *s, size_t body_max)
{
    for (;;) {
        switch (http_parser_next(&s->parser)) {
        case PARSER_MORE: return;
        case PARSER_HEAD: http_parser_accept(&s->parser, body_max); break;
        case PARSER_COMPLETE:
            check_request(s, body_max);
            http_parser_finish(&s->parser);
            break;
        case PARSER_REFUSED: s->refused = true; return;
        }
    }
}

static void feed(struct subject *s, struct str bytes, size_t piece, size_t body_max)
{
    while (bytes.len && !s->refused) {
        size_t room = http_parser_room(&s->parser);
        if (room == 0)
            abort(); /* whoever is not refused can go on */
        size_t n = MIN(MIN(room, piece), bytes.len);
        http_parser_feed(&s->parser, str_make(bytes.ptr, n));
        bytes = str_skip(bytes, n);
        go_on(s, body_max);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t piece = (size_t)data[0] % 32 + 1, body_max = data[1];
    struct str bytes = str_make((const char *)data + 2, size - 2);
    static struct subject whole, pieces;
    subject_init(&whole);
    subject_init(&pieces);
    feed(&whole, bytes, SIZE_MAX, body_max);
    feed(&pieces, bytes, piece, body_max);
    if (whole.seen != pieces.seen || whole.n_seen != pieces.n_seen ||
        whole.refused != pieces.refused)
        abort();
    subject_release(&whole);
    subject_release(&pieces);
    return 0;
}
