/* One connection: reading, the turn of its requests, writing, and its end. Owned by its server;
 * lives on the server's thread. */
#pragma once

#include "http/exchange.h"
#include "http/ledger.h"
#include "http/response.h"
#include "http/tls.h"

enum http_connection_state {
    CONNECTION_READING,   /* a request, or nothing yet */
    CONNECTION_HANDLING,  /* somebody is to call http_respond */
    CONNECTION_STREAMING, /* an answer goes on, as long as the stream's owner and the client like */
    CONNECTION_CLOSING,   /* the last answer is in `out` */
    CONNECTION_LINGERING, /* it was sent; what still comes in is thrown away */
    CONNECTION_CLOSED,    /* only libuv's and the handler's last call are waited for */
};

struct http_connection {
    struct list node; /* in one of the server's lists */
    struct http_server *server;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    };
    struct http_tls *tls;        /* NULL: plain */
    size_t tls_counted;          /* bytes of the server's `held`, for it */
    struct http_exchange *x;     /* NULL: nothing of a request is here, nor of an answer */
    struct http_stream *ongoing; /* while STREAMING; else NULL */
    struct sockaddr_in6 peer;    /* or a sockaddr_in, or nothing: as its family says */
    struct http_address address; /* of the client */
    enum http_connection_state state;
    bool is_unix;
    bool counted;     /* in the ledger */
    bool running;     /* inside connection_run: an answer only adds to `out` */
    bool writing;     /* libuv is writing `sending` */
    bool reading;     /* libuv reads */
    bool ended;       /* the client will send no more */
    bool streamed;    /* its last answer is, or was, a stream */
    bool linger;      /* it may still be sending: do not answer with a reset */
    bool handling;    /* a handler holds the request */
    bool handle_gone; /* libuv has closed its handle */

    enum http_deadline deadline;
    bool timed;          /* in the list of `deadline` */
    bool renewed;        /* ... which begins anew */
    uint64_t expires_ms; /* by uv_now */
    size_t unsent;       /* when its write deadline began */
    size_t lingered;     /* bytes thrown away */
};

/* Takes the accepted socket `fd`; peer NULL: a unix socket's. Closes it when there are too many. */
void http_connection_open(struct http_server *s, int fd, const struct sockaddr_storage *peer);
/* Closes the connection that has been idle longest. False when none is idle. */
bool http_connection_evict(struct http_server *s);
/* Its deadline has passed. */
void http_connection_expire(struct http_connection *c);
/* Ends it at once, whatever it is doing. */
void http_connection_close(struct http_connection *c);
/* The server drains: if it is idle, it is so for the last time. */
void http_connection_drain(struct http_connection *c);

/* --- for streams -------------------------------------------------------------------------- */
struct http_connection *http_connection_of(struct http_request *r);
/* The handler is done with the request. False when nobody is left to be answered. */
bool http_connection_take_back(struct http_connection *c);
/* Adds the answer to `out`, and leaves the request. Of the frame, id, date and head_only are filled
 * in. The connection is closed instead when there is no memory for it: better no answer than half
 * of one. */
void http_connection_answer(struct http_connection *c, const struct http_response *response,
                            struct http_response_frame frame, enum http_connection_state then);
/* Goes on as far as it can, and writes what there is. */
void http_connection_run(struct http_connection *c);
/* What is read and not looked at: one who sends too much of it is closed. */
void http_connection_throw_away(struct http_connection *c, size_t size);

/* --- the server's side -------------------------------------------------------------------- */
/* The last of what it waits for in a drain may be gone. */
void http_server_check_drained(struct http_server *s);
/* Closes those who hold most, until all together hold no more than they may. */
void http_server_check_memory(struct http_server *s);
