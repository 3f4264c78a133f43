/* ETag and If-None-Match (RFC 9110 §8.8.3, §13.1.2): a hash of the answer's bytes. */
#pragma once

#include "base/str.h"

#define ETAG_LEN      18 /* 16 hex digits in quotes */
#define ETAG_GZIP_LEN 23 /* and "-gzip" */

void etag_make(struct str body, char out[ETAG_LEN]);
/* Of the same body in gzip. */
void etag_make_gzip(const char etag[ETAG_LEN], char out[ETAG_GZIP_LEN]);
/* Does a value of If-None-Match name the etag? "*" names all; W/"..." compares as "...". */
bool etag_matches(struct str if_none_match, struct str etag);
