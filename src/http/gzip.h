/* gzip of answers (RFC 1952; RFC 9110 §12.5.3), for who accepts it and where it is worth it. */
#pragma once

#include "base/buf.h"
#include "http/http.h"

/* One a loop: zlib's state, about 256 KiB, is made at its first use and kept. */
struct http_gzip {
    void *stream;
};

void http_gzip_init(struct http_gzip *z);
void http_gzip_release(struct http_gzip *z);
/* Does Accept-Encoding take gzip, by its quality too? */
bool http_accepts_gzip(const struct http_request *r);
/* Onto `out`, which is empty. False, and `out` empty, when it came out no smaller or does not fit.
 * Bodies under HTTP_GZIP_MIN are not worth it. */
bool http_gzip_compress(struct http_gzip *z, struct str body, struct buf *out);
