/* The JSON body of an /admin call, made from what was typed. Wiped when released, as it may hold a
 * token; it never grows, so that no copy of one is left behind. */
#pragma once

#include "base/err.h"
#include "json/writer.h"

struct payload {
    struct buf text;
    struct json_writer w;
    const char *not_utf8; /* the first member whose text is none */
};

void payload_begin(struct payload *p);
void payload_str(struct payload *p, const char *key, struct str value);
void payload_bool(struct payload *p, const char *key, bool value);
void payload_i64(struct payload *p, const char *key, int64_t value);
/* "a,b" as a list of texts, blanks around them dropped; "all" as that word. */
void payload_list(struct payload *p, const char *key, struct str commas);
void payload_texts(struct payload *p, const char *key, const struct str *values, size_t n);
/* ERR_USAGE when a text is too long or no UTF-8. *ret lives as long as the payload. */
enum err payload_end(struct payload *p, struct str *ret, struct error *error) MUST_USE;
void payload_release(struct payload *p); /* for _cleanup_ */
