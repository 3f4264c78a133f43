/* One signed request, ready to be made or to be shown as a curl line. */
#pragma once

#include "base/buf.h"

struct call_request {
    const char *method;
    const char *url;
    const char **headers; /* "Name: value" lines */
    size_t n_headers;
    const char *body_file; /* of @FILE, without the '@'; NULL: none */
    struct str body;
    bool has_body;
};

/* The line of shell that makes the same request with curl. A body with a NUL byte in it is only
 * possible from a file: no argument can hold one. */
void call_write_curl(const struct call_request *call, struct buf *out);
/* Quotes a word for a POSIX shell. */
void shell_quote(struct str word, struct buf *out);
