/* One HTTP request of a command, over libcurl: to the control socket, to a server, or to Graph. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

struct curl_slist;

struct response;

/* What takes an answer that is a stream of events (text/event-stream, 2xx) as it comes. Such a one
 * has no end in time, but is dead when nothing comes of it. */
struct request_stream {
    void (*begin)(void *arg, const struct response *r); /* its header is there */
    bool (*take)(void *arg, struct str bytes);          /* false: enough */
    void *arg;
    int stop_fd;     /* ends it, or the wait for it, when it can be read; -1: none */
    long silence_ms; /* ... so long */
};

struct request {
    const char *method;
    const char *url;
    const char *unix_socket;          /* NULL: over TCP */
    const struct curl_slist *headers; /* whole lines; NULL: none */
    struct str body;
    bool has_body;           /* an empty body is one too */
    bool header_only;        /* the answer has no body, whatever its header says: HEAD */
    long timeout_ms;         /* 0: as long as it takes */
    void (*tick)(void *arg); /* about once a second while it goes on; NULL: nothing */
    void *tick_arg;
    const struct request_stream *stream; /* NULL: an answer is one that ends, whatever it is */
};

struct response {
    long status;
    bool streamed;     /* it went to request.stream: `body` is empty */
    struct buf header; /* as it came, with the blank line at its end; of the last answer only */
    struct buf body;
};

void response_init(struct response *r);
/* Wipes: an answer may hold a new client's secret. Fit for _cleanup_. */
void response_release(struct response *r);

/* ERR_UNAVAILABLE when there is no answer, or not all of it: the message says why, without the
 * URL's query. ERR_CLOSED, without a message: the stream was stopped from here. */
enum err request_run(const struct request *request, struct response *response,
                     struct error *error) MUST_USE;

/* The value of a header of the answer, in any case; empty when absent. */
struct str response_header(const struct response *r, struct str name);

/* Adds a line to a list; aborts without memory. */
void header_add(struct curl_slist **headers, const char *line);
/* For _cleanup_. */
void headers_free(struct curl_slist **headers);
