/* multipart/form-data (RFC 7578; RFC 2046 §5.1): a whole body in memory, read strictly and without
 * a copy of what its parts hold.
 *
 * Strictly: the body begins with its boundary and ends with its last one (blank lines may follow);
 * a boundary stands alone on its line; each part says exactly once what it is. So that all who read
 * a body find the same parts in it, and no byte before the first boundary is left out of what was
 * signed (developer-api.md §1.2).
 *
 * Names and file names are taken as browsers, curl, Node's FormData, Python and .NET write them:
 * quoted, with %22 or \" for a quote and \\ for a backslash, a bare token, or name*= and filename*=
 * of RFC 5987 in UTF-8, which count more than the plain ones. They are clean text: UTF-8 without
 * control characters. %0D and %0A, which browsers send for line ends, stay as they are. */
#pragma once

#include "base/err.h"
#include "base/limits.h"

struct http_part {
    struct str name;         /* never empty */
    struct str filename;     /* as the client calls it, perhaps with a path: never open it; {NULL,0}
                                when the part is no file */
    struct str content_type; /* as sent; "text/plain" when the part says none (RFC 7578 §4.4) */
    struct str content;      /* into the body */
    size_t offset;           /* of the content in the body */
};

struct http_multipart {
    struct http_part parts[HTTP_PARTS_MAX]; /* in the order of the body; names may repeat */
    size_t n;
};

/* `content_type` is the request's, with its boundary. Names are in the body, or in the arena where
 * they had to be decoded. ERR_UNSUPPORTED_MEDIA_TYPE when it is not multipart/form-data;
 * ERR_INVALID_FORM with details.offset; ERR_NO_MEMORY. */
enum err http_multipart_parse(struct str content_type, struct str body, struct arena *arena,
                              struct http_multipart *ret, struct error *error) MUST_USE;
/* The first part of that name, or NULL; *ret_twice, unless NULL, is set when there are more. */
const struct http_part *http_multipart_find(const struct http_multipart *m, struct str name,
                                            bool *ret_twice);
