/* ETag and If-None-Match (RFC 9110 §8.8.3, §13.1.2): a hash of the answer's bytes. */
#pragma once

#include "base/str.h"

#define ETAG_LEN 18 /* 16 hex digits in quotes */

void etag_make(struct str body, char out[ETAG_LEN]);
/* Does a value of If-None-Match name the etag? "*" names all; W/"..." compares as "...". */
bool etag_matches(struct str if_none_match, struct str etag);
