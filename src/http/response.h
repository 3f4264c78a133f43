/* Writing an answer's head and body. Nothing in a head is a client's bytes. */
#pragma once

#include "base/clock.h"
#include "http/http.h"

struct http_response_frame {
    const char *id;   /* HTTP_REQUEST_ID_LEN characters */
    const char *date; /* CLOCK_HTTP_LEN characters */
    bool head_only;   /* an answer to HEAD: the length of the body, but not the body */
    bool close;       /* Connection: close */
    bool keep_alive;  /* Connection: keep-alive, which HTTP/1.0 has to be told */
    enum {
        BODY_WHOLE,   /* that of the response, with its length */
        BODY_CHUNKED, /* follows in chunks */
        BODY_ENDLESS, /* follows, up to the end of the connection */
    } body;
};

/* Onto `out`; false, and nothing written, when it does not fit. */
bool http_response_write(struct buf *out, const struct http_response *response,
                         const struct http_response_frame *frame) MUST_USE;
