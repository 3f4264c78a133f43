/* An HTTP/1.1 server on a libuv loop: connections, llhttp and the strict policy around it.
 *
 * Threads: a server belongs to the thread of its loop; every function here is called on it. A
 * connection never leaves its loop. Who wants to answer from another thread posts to a queue of the
 * loop's.
 *
 * Life of a request: the header is parsed and checked -> hooks->accept (body limit, early refusal)
 * -> the body is gathered -> hooks->handle -> somebody, now or later, calls http_respond exactly
 * once. Until then no byte of the next request on that connection is looked at: pipelined requests
 * are answered in order, and a slow answer holds back only its own connection. The request and its
 * arena die right after http_respond (or http_stream_begin). If the client goes away first, `gone`
 * becomes true; the handler answers all the same, and the answer is dropped unless the client only
 * ended its side.
 *
 * What is malformed never reaches a hook but `refuse`, which writes the body of the answer; the
 * connection is closed after it. Answers to one loop turn's pipelined requests leave in one write.
 */
#pragma once

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/list.h"
#include <uv.h>

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_METHOD_COUNT, /* all others are refused with 501 */
};
const char *http_method_name(enum http_method m);

struct http_header {
    struct str name;
    struct str value; /* blanks trimmed */
};

#define HTTP_REQUEST_ID_LEN 28 /* "req_" and 24 characters (developer-api.md §1.4) */

struct http_request {
    struct arena arena; /* everything of this request */
    enum http_method method;
    struct str target; /* as sent, such as "/a/b?x=1" */
    struct str path;   /* "/a/b", raw: not percent-decoded */
    struct str query;  /* "?x=1", with its "?", raw; empty when there is none */
    struct http_header headers[HTTP_HEADERS_MAX];
    size_t n_headers;
    struct str body; /* whole, decoded from chunks */
    char id[HTTP_REQUEST_ID_LEN];
    int64_t begun_us; /* monotonic, when its header was complete */
    bool gone;        /* the client closed, or will send no more, before the answer */
    bool from_unix;   /* came in by a unix socket: the control socket */
    struct sockaddr_storage peer;
    void *user; /* the handler's own */
};

/* The value of a header that occurs exactly once: {NULL,0} when it is absent; *ret_twice, unless
 * NULL, is set when it occurs more than once (the first is returned). Names in any case. */
struct str http_header_get(const struct http_request *r, struct str name, bool *ret_twice);

struct http_response {
    int status;
    struct str content_type;                            /* empty: no Content-Type (204, 304) */
    struct http_header headers[HTTP_EXTRA_HEADERS_MAX]; /* ours: never a client's bytes */
    size_t n_headers;
    struct str body; /* copied by http_respond; left out for HEAD, 204 and 304 */
    bool close;      /* close the connection after it */
};

/* name and value must stay valid until http_respond; a value with a control character aborts in
 * debug builds and is dropped otherwise. */
void http_response_add(struct http_response *response, struct str name, struct str value);

/* Exactly once a request, on the loop's thread. Frees the request. */
void http_respond(struct http_request *r, const struct http_response *response);
/* The connection is cut without an answer, as a simulator of faults wants it; instead of
 * http_respond. `partial` is sent before. */
void http_cut(struct http_request *r, struct str partial);

/* --- streams: an answer whose end nobody knows yet ----------------------------------------- */
struct http_stream;

enum http_stream_end {
    HTTP_STREAM_LEFT,    /* the client ended the connection, or it broke */
    HTTP_STREAM_STUCK,   /* the client took nothing for too long */
    HTTP_STREAM_DRAINED, /* the server ends */
};

struct http_stream_hooks {
    /* All that was written is with the kernel, after http_stream_is_ready said no. */
    void (*writable)(void *arg);
    /* The stream is no more. Once, unless http_stream_end came first. It may be called within
     * http_stream_flush, of this and of any other stream. */
    void (*gone)(void *arg, enum http_stream_end why);
};

/* Instead of http_respond: the head of the answer, without a body and with `Connection: close`.
 * It leaves with the first http_stream_flush. Frees the request. In HTTP/1.1 the stream is chunked,
 * in HTTP/1.0 it ends with the connection. What the client sends meanwhile is thrown away; when it
 * ends its side, it has left. NULL, and no callback, when it has left already, or when the server
 * drains: that is answered with an empty stream. Not for HEAD. */
struct http_stream *http_stream_begin(struct http_request *r, const struct http_response *response,
                                      const struct http_stream_hooks *hooks, void *arg);
/* Has the client taken all that was written? If not, `writable` is called once it has. */
bool http_stream_is_ready(struct http_stream *s);
/* Copies; nothing leaves before http_stream_flush. False, and nothing is written, when the stream
 * would hold more than HTTP_STREAM_MAX. */
bool http_stream_write(struct http_stream *s, struct str bytes) MUST_USE;
/* The stream may be gone when it returns. */
void http_stream_flush(struct http_stream *s);
/* Properly, behind what was written; `gone` is not called any more. */
void http_stream_end(struct http_stream *s);

struct http_hooks {
    /* After the header, before the body: sets *body_max (HTTP_BODY_MAX at first), or refuses by
     * returning an error, which goes to `refuse` with *ret_why, a
     * sentence. NULL: everything is accepted. */
    enum err (*accept)(void *arg, struct http_request *r, size_t *body_max, const char **ret_why);
    /* Must lead to http_respond or http_cut, now or later. */
    void (*handle)(void *arg, struct http_request *r);
    /* Fills status-independent parts (content type, body, headers) of the answer to a request that
     * was refused. r->id is set; method, target and headers may be incomplete. */
    void (*refuse)(void *arg, struct http_request *r, enum err e, const char *why,
                   struct http_response *response);
};

struct http_timeouts { /* milliseconds; zero means the default of limits.h */
    int header, body, idle, write, drain;
};

/* What a connection may take only so long for. */
enum http_deadline {
    HTTP_DEADLINE_IDLE,   /* the first byte of a request */
    HTTP_DEADLINE_DRAIN,  /* the same, while the server drains */
    HTTP_DEADLINE_HEADER, /* the rest of its header */
    HTTP_DEADLINE_BODY,
    HTTP_DEADLINE_WRITE,  /* the client to read some of an answer */
    HTTP_DEADLINE_LINGER, /* the client to notice that it was refused, or its stream ended */
    HTTP_DEADLINE_COUNT,
};

struct http_ledger;
struct http_tls_context;

struct http_server {
    uv_loop_t *loop;
    struct http_hooks hooks;
    void *arg;
    struct http_ledger *ledger; /* NULL: connections are not counted */
    struct list listeners;
    int after_ms[HTTP_DEADLINE_COUNT];            /* how long each kind takes */
    struct list connections[HTTP_DEADLINE_COUNT]; /* the one to expire first is first */
    struct list waiting; /* connections whose request is being handled: no deadline of ours */
    uv_timer_t tick;
    size_t n_connections;
    size_t n_requests;   /* answered since the start */
    size_t n_shed;       /* connections closed because all together held too much */
    struct list streams; /* struct http_stream */
    struct list spare;   /* exchanges that no connection needs */
    size_t n_spare;
    size_t held;                  /* bytes, by all requests and answers that are here */
    size_t memory_max;            /* of them */
    char *received;               /* HTTP_READ_SIZE bytes that a read puts down */
    struct http_tls_context *tls; /* for new connections to TCP listeners; NULL: plain */
    int64_t date_s;               /* the second that `date` tells */
    char date[CLOCK_HTTP_LEN];
    bool draining;
    void (*drained)(void *arg); /* all connections are closed */
};

void http_server_init(struct http_server *s, uv_loop_t *loop, const struct http_hooks *hooks,
                      void *arg, const struct http_timeouts *timeouts);
/* The part before the last colon: "127.0.0.1", "[::1]", or empty, which is all addresses. */
struct str http_address_host(struct str address);
/* Is it of the form that http_server_listen takes? */
bool http_address_is_valid(struct str address);
/* "127.0.0.1:8080", "[::1]:8080", ":8080" (all addresses), port 0 for any free one. ERR_BUSY when
 * anything listens there already. *ret_port, unless NULL, is the port. */
enum err http_server_listen(struct http_server *s, struct str address, int *ret_port,
                            struct error *error) MUST_USE;
/* Listens beside a server of another loop of this process, at the port that http_server_listen gave
 * for the same address: the kernel spreads connections over them (SO_REUSEPORT). */
enum err http_server_join(struct http_server *s, struct str address, int port,
                          struct error *error) MUST_USE;
/* A unix socket with mode 0600; a stale file in its place is removed. */
enum err http_server_listen_unix(struct http_server *s, const char *path,
                                 struct error *error) MUST_USE;
/* Takes over a TCP socket that is bound, or listening, already (socket activation); its port is
 * *ret_port. The descriptor is the server's from now on, also when this fails. No other kind: who
 * comes by a unix socket is taken for an administrator (from_unix), and that is true of our own
 * alone, which nobody else can open. */
enum err http_server_adopt(struct http_server *s, int fd, int *ret_port,
                           struct error *error) MUST_USE;
/* Counts the connections of the TCP listeners; shared by the servers of all loops, and outlives
 * them. Before the first connection. */
void http_server_set_ledger(struct http_server *s, struct http_ledger *ledger);
/* How many bytes all requests and unread answers of this server may hold together: HTTP_MEMORY_MAX
 * unless set. A body that would not fit any more is refused with 503; when they hold more all the
 * same, the connection that holds most is closed. */
void http_server_set_memory(struct http_server *s, size_t max);
/* TLS for the connections to TCP listeners that come from now on; NULL: none. Retained. On the
 * loop's thread. */
void http_server_set_tls(struct http_server *s, struct http_tls_context *context);
/* Stops listening, and ends without a request that goes unanswered: who has connected is let in, a
 * connection may send another request for HTTP_DRAIN_IDLE_MS, what was begun is answered, streams
 * end at once, and the answer behind which nothing more has arrived says `Connection: close`.
 * `drained` is called once no connection is left. http_server_kill closes what is left by force. */
void http_server_drain(struct http_server *s, void (*drained)(void *arg));
void http_server_kill(struct http_server *s);
/* Requests of which something has arrived and whose answer is not with the client yet. */
size_t http_server_count_begun(const struct http_server *s);

/* --- the router: patterns such as "/waba-numbers/{id}/history" ---------------------------- */
#define HTTP_PATH_PARAMS_MAX 4

struct http_match {
    struct str params[HTTP_PATH_PARAMS_MAX]; /* raw text of each {...}, never empty */
    size_t n_params;
};
/* Does the raw path follow the pattern? A parameter is one whole segment. */
bool http_path_match(const char *pattern, struct str path, struct http_match *ret);

/* --- URLs and queries --------------------------------------------------------------------- */
/* Percent-decoding, with '+' as blank when `form`. {NULL,0} when malformed (a bad escape, a NUL,
 * not UTF-8) or the arena is full. */
struct str http_url_decode(struct str s, bool form, struct arena *arena);
/* Percent-encodes all but unreserved characters (RFC 3986 §2.3), onto `out`. */
void http_url_encode(struct str s, struct buf *out);
/* The parts of an absolute http or https URL, each a part of its text. False when it is none, or
 * has what no request of ours has: a user, a fragment, a blank, a port that there cannot be, a
 * segment "." or "..", a character beyond ASCII (a host in Arabic is written in its xn-- form, a
 * path percent-encoded). */
struct http_url {
    bool secure;      /* https */
    struct str host;  /* with its port, as it is written */
    struct str path;  /* "/" when the URL has none */
    struct str query; /* with its "?"; empty when there is none */
};
bool http_url_split(struct str url, struct http_url *ret) MUST_USE;
/* The decoded value of a query parameter; {NULL,0} when absent. ERR_BAD_REQUEST when malformed.
 * `query` may begin with "?". The first one counts when it is repeated. */
enum err http_query_get(struct str query, const char *name, struct arena *arena,
                        struct str *ret) MUST_USE;
