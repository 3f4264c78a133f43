/* Requests of ours to other servers: curl multi driven by a libuv loop, each with a callback. TLS
 * is always verified, and 1.2 at least; redirects are never followed; HTTP and HTTPS only.
 *
 * Threads: a client belongs to the thread of its loop; so do all callbacks. No call blocks. */
#pragma once

#include "http/http.h"

struct http_client;

struct http_client_options {
    size_t connections_max; /* requests under way at once; more wait in their order, untimed */
    /* Never connects to an address that is not public (http_address_is_public). It is the address
     * really connected to that is judged, so a name that changes its address does not help. */
    bool public_only;
    bool direct;         /* no proxy, whatever the environment says; public_only implies it */
    const char *ca_file; /* whom to trust instead of the system's; NULL: the system's */
};

enum err http_client_open(uv_loop_t *loop, const struct http_client_options *options,
                          struct http_client **ret, struct error *error) MUST_USE;
/* Cancels all there is: each `done` is called with HTTP_CLIENT_CANCELLED before this returns. The
 * loop must still turn once for its handles to close. A `done` may close its client. NULL is fine.
 */
void http_client_close(struct http_client *c);

enum http_client_outcome {
    HTTP_CLIENT_OK,          /* an HTTP answer, whatever its status */
    HTTP_CLIENT_UNREACHABLE, /* no connection, time-out, cut before the answer's end */
    HTTP_CLIENT_UNUSABLE,    /* too large, broken gzip, not HTTP */
    HTTP_CLIENT_BAD_URL,     /* nothing was sent */
    HTTP_CLIENT_FORBIDDEN,   /* public_only: it has no public address; nothing was sent */
    HTTP_CLIENT_CANCELLED,   /* http_client_close */
};

/* An answer, or why there is none. Valid during the callback only. */
struct http_client_answer {
    enum http_client_outcome outcome;
    int status;      /* of HTTP; 0: none came. May be there although the outcome is not OK. */
    struct str body; /* at most answer_max bytes */
    bool cut_off;    /* there was more, see keep_first */
    struct str why;  /* of all but OK: for a person; UTF-8 */
    bool was_sent;   /* the server may have acted on it */
    int64_t us;      /* from its start, after any waiting, to here; 0: it was not begun */
};

/* All of it is copied, and wiped when it is done: any part may be a secret. */
struct http_client_request {
    enum http_method method;
    struct str url; /* absolute: "https://host/path?query" */
    /* Name and value of each are the caller's own: no control characters. `User-Agent` replaces
     * ours. A body without a Content-Type goes as a form's. */
    const struct http_header *headers;
    size_t n_headers;
    struct str body;        /* empty: none; a POST, PUT or PATCH then says Content-Length: 0 */
    int timeout_ms;         /* from its start to the end of its answer */
    int connect_timeout_ms; /* thereof to connect, TLS included */
    size_t answer_max;      /* bytes of the answer's body, unpacked */
    /* A longer body is cut off at answer_max, and that is HTTP_CLIENT_OK; otherwise it is
     * HTTP_CLIENT_UNUSABLE. */
    bool keep_first;
    /* It reaches the server once at most. Otherwise it is sent again when a kept connection turns
     * out to be closed, as only what may happen twice should be. */
    bool once;
    /* Each header of the answer, its value trimmed; NULL: nobody looks. Must not close the client
     * and must not send. */
    void (*on_header)(void *arg, struct str name, struct str value);
    /* Exactly once, and never from within http_client_send unless the client is being closed. It
     * may send more, and close the client. */
    void (*done)(void *arg, const struct http_client_answer *answer);
    void *arg;
};

void http_client_send(struct http_client *c, const struct http_client_request *request);

/* Under way; waiting for a place. In a callback, its own request is in neither. */
size_t http_client_running(const struct http_client *c);
size_t http_client_waiting(const struct http_client *c);
