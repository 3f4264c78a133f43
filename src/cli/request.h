/* One HTTP request of a command, over libcurl: to the control socket, to a server, or to Graph. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

struct curl_slist;

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
};

struct response {
    long status;
    struct buf header; /* as it came, with the blank line at its end; of the last answer only */
    struct buf body;
};

void response_init(struct response *r);
/* Wipes: an answer may hold a new client's secret. Fit for _cleanup_. */
void response_release(struct response *r);

/* ERR_UNAVAILABLE when there is no answer: the message says why, without the URL's query. */
enum err request_run(const struct request *request, struct response *response,
                     struct error *error) MUST_USE;

/* The value of a header of the answer, in any case; empty when absent. */
struct str response_header(const struct response *r, struct str name);

/* Adds a line to a list; aborts without memory. */
void header_add(struct curl_slist **headers, const char *line);
/* For _cleanup_. */
void headers_free(struct curl_slist **headers);
