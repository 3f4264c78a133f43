/* Bytes in, requests out: llhttp and the strict policy around it (style.md). No sockets here, so
 * that a test or a fuzzer can drive it.
 *
 * The parser owns the bytes that arrived. What a request's header fields point to stays in place
 * from PARSER_HEAD until http_parser_finish. Bytes behind a complete request are kept and not
 * looked at before then.
 *
 *   feed -> next -> PARSER_MORE      (feed more)
 *                -> PARSER_HEAD      (check the header, then http_parser_accept)
 *                -> PARSER_COMPLETE  (handle it, then http_parser_finish)
 *                -> PARSER_REFUSED   (p->err and p->why; the connection is of no more use)
 *
 * The outcome does not depend on how the bytes were split. */
#pragma once

#include "http/http.h"
#include "http/llhttp_names.h"

enum http_parser_event { PARSER_MORE, PARSER_HEAD, PARSER_COMPLETE, PARSER_REFUSED };

enum http_parser_stage {
    STAGE_START,    /* no byte of a request yet */
    STAGE_LINE,     /* in the request line */
    STAGE_FIELDS,   /* in the header fields */
    STAGE_HEAD,     /* header complete, waiting for http_parser_accept */
    STAGE_BODY,     /* in the body or the trailers, which are counted and forgotten */
    STAGE_COMPLETE, /* waiting for http_parser_finish */
    STAGE_REFUSED,
};

struct http_parser {
    llhttp_t llhttp;
    struct http_request *r; /* being filled; the owner's */
    struct buf body;        /* decoded; grows as bytes arrive, never past the route's maximum */
    enum http_parser_stage stage;

    char *input;     /* grows with a header, up to HTTP_INPUT_SIZE; NULL before the first byte */
    size_t capacity; /* of it */
    size_t begin;    /* the first byte of this request */
    size_t fields;   /* the first byte of its header fields */
    size_t head_end; /* the first byte behind its header */
    size_t at;       /* the next byte to parse */
    size_t end;      /* behind the last byte that arrived */

    struct str target_host; /* of an absolute-form; {NULL,0}: there is none */

    size_t n_fields;      /* header and trailer fields */
    size_t trailing_size; /* trailers and chunk extensions */
    bool in_name;         /* of a header field */
    bool line_skipped;    /* one empty line before a request is forgiven (RFC 9112 §2.2) */
    bool keep_alive;      /* the client can take another answer on this connection */
    bool http10;
    bool has_body;         /* a Content-Length above zero, or chunks */
    bool expects_continue; /* and is waiting with its body */

    enum err err;
    const char *why;
};

void http_parser_init(struct http_parser *p, struct http_request *r);
void http_parser_release(struct http_parser *p);

/* Gives back what only a large request needed. Between requests. */
void http_parser_trim(struct http_parser *p);

/* How many bytes it takes for now; 0: none. */
size_t http_parser_room(const struct http_parser *p);
/* Copies what has arrived: at most that many. */
void http_parser_feed(struct http_parser *p, struct str bytes);
enum http_parser_event http_parser_next(struct http_parser *p);
/* After PARSER_HEAD: go on to the body. Too large a Content-Length is the next event. */
void http_parser_accept(struct http_parser *p, size_t body_max);
/* The request is answered: its bytes are forgotten, the next one begins behind them. */
void http_parser_finish(struct http_parser *p);
/* Nothing of a request has arrived. */
static inline bool http_parser_is_idle(const struct http_parser *p)
{
    return p->stage == STAGE_START;
}

/* ... nor an empty line before it: it could as well be a new parser. */
static inline bool http_parser_is_empty(const struct http_parser *p)
{
    return p->stage == STAGE_START && p->at == p->end && !p->line_skipped;
}

/* Bytes have arrived that were not parsed yet. */
static inline bool http_parser_has_more(const struct http_parser *p)
{
    return p->at < p->end;
}
