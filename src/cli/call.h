/* One signed request, ready to be made or to be shown as a curl line. */
#pragma once

#include "cli/cli.h"

struct call_request {
    const char *method;
    const char *url;
    const char **headers; /* "Name: value" lines */
    size_t n_headers;
    const char *body_file; /* of @FILE, without the '@'; NULL: none */
    struct str body;
    bool has_body;
};

/* HUDHUD_URL and the path, which is relative to the base URL of the API. ERR_USAGE. */
enum err call_url(struct cli *cli, const char *path, const char **ret) MUST_USE;
/* What helps against an `error` of the API; NULL: nothing in particular. */
const char *call_hint(struct str code);

/* The line of shell that makes the same request with curl. A body with a NUL byte in it is only
 * possible from a file: no argument can hold one. */
void call_write_curl(const struct call_request *call, struct buf *out);
/* Quotes a word for a POSIX shell. */
void shell_quote(struct str word, struct buf *out);
