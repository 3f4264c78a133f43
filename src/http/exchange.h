/* What a connection needs while something of a request is there, or of its answer: parser, request
 * and buffers. An idle connection has none; those that come free serve the next one, whose it is.
 *
 * What all exchanges of a server hold is counted, to be bounded (http_server_set_memory). */
#pragma once

#include "http/parser.h"

struct http_connection;

struct http_exchange {
    struct list node; /* of the spare ones */
    struct http_connection *connection;
    struct http_request request; /* one after the other: only the next one reuses it */
    struct http_parser parser;   /* fills it */
    struct buf out;              /* answers not given to the socket yet */
    size_t sealed;               /* bytes of `out` that are in `sending` or gone, over TLS */
    struct buf sending;          /* what libuv is writing: stays in place */
    uv_write_t write;
    size_t counted;       /* bytes of the server's `held` */
    size_t arena_counted; /* of these, the request's arena */
};

struct http_exchange *http_exchange_take(struct http_server *s, struct http_connection *c);
void http_exchange_give_back(struct http_server *s, struct http_exchange *x);
/* Says to the server how much it holds now. While a handler has the request its arena is not looked
 * at, for it may be on another thread: what was counted of it stays. */
void http_exchange_count(struct http_server *s, struct http_exchange *x, bool handling);
/* It is about to go. */
void http_exchange_uncount(struct http_server *s, struct http_exchange *x);
void http_exchanges_release(struct http_server *s);
