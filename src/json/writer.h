/* JSON out: a streaming writer into a buf. Commas and colons are its business; nesting is checked
 * by assertions in debug builds. Text must be UTF-8 (everything that enters the program is checked
 * at its border); control characters are escaped, and "</" is written "<\/".
 *
 *   json_open(&w, '{'); json_key(&w, "status"); json_bool(&w, true); json_close(&w, '}');
 *
 * Failure is the buf's (buf_ok). One thread at a time. */
#pragma once

#include "base/buf.h"
#include "base/str.h"

struct json_writer {
    struct buf *out;
    bool need_comma;
    bool after_key;   /* the next thing is that key's value */
    unsigned depth;   /* open brackets, at most JSON_DEPTH_MAX */
    uint64_t objects; /* a bit for each open bracket, the innermost lowest: 1 is '{' */
};

void json_writer_init(struct json_writer *w, struct buf *out);
void json_open(struct json_writer *w, char bracket);      /* '{' or '[' */
void json_close(struct json_writer *w, char bracket);     /* '}' or ']' */
void json_key(struct json_writer *w, const char *key);    /* a literal of ours: not escaped */
void json_key_str(struct json_writer *w, struct str key); /* any text: escaped */
void json_str(struct json_writer *w, struct str s);
void json_cstr(struct json_writer *w, const char *s); /* NULL: null */
void json_i64(struct json_writer *w, int64_t value);
void json_bool(struct json_writer *w, bool value);
void json_null(struct json_writer *w);
void json_time(struct json_writer *w, int64_t ms);     /* "2024-01-15T10:30:00Z"; 0: null */
void json_raw(struct json_writer *w, struct str json); /* a whole value, already JSON */

/* key and value at once */
void json_member_str(struct json_writer *w, const char *key, struct str s);
void json_member_cstr(struct json_writer *w, const char *key, const char *s);
/* The empty string becomes null: an optional field without a value (developer-api.md §1.4). */
void json_member_opt(struct json_writer *w, const char *key, struct str s);
void json_member_i64(struct json_writer *w, const char *key, int64_t value);
void json_member_bool(struct json_writer *w, const char *key, bool value);
void json_member_time(struct json_writer *w, const char *key, int64_t ms);
