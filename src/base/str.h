/* A string is a pointer and a length. It owns nothing and is not NUL-terminated; only at the edge
 * of a library that wants it is a NUL added (arena_cstr). The empty string has len 0 and any ptr.
 */
#pragma once

#include "base/base.h"
#include <string.h>

struct str {
    const char *ptr;
    size_t len;
};

/* A literal, with its length known to the compiler. */
#define STR(literal) ((struct str){("" literal), sizeof(literal) - 1})
/* The same where C wants a constant initialiser. */
#define STR_INIT(literal)                                                                          \
    {                                                                                              \
        ("" literal), sizeof(literal) - 1                                                          \
    }
/* printf's "%.*s". */
#define STR_FMT(s) (int)(s).len, (s).ptr

static inline struct str str_make(const char *ptr, size_t len)
{
    return (struct str){ptr, len};
}

/* NULL becomes the empty string. */
static inline struct str str_from(const char *cstr)
{
    return (struct str){cstr ? cstr : "", cstr ? strlen(cstr) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool str_starts(struct str s, struct str prefix)
{
    return prefix.len == 0 || (s.len >= prefix.len && memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool str_ends(struct str s, struct str suffix)
{
    return suffix.len == 0 ||
           (s.len >= suffix.len && memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

/* The part of s from byte `from` on; from is at most s.len. */
static inline struct str str_skip(struct str s, size_t from)
{
    return from ? (struct str){s.ptr + from, s.len - from} : s; /* NULL + 0 is not defined */
}

/* ASCII only, as HTTP's header names are compared. */
bool str_eq_nocase(struct str a, struct str b);
/* Index of the byte, or s.len. */
size_t str_find(struct str s, char c);
/* Its beginning, at most `max` bytes, and no part of a character; s is well-formed UTF-8. */
struct str str_cut(struct str s, size_t max);
/* ASCII blanks and tabs off both ends. */
struct str str_trim(struct str s);
/* Splits at the first sep: the part before it is returned, *rest keeps the part behind it. Returns
 * all of *rest, and leaves it empty, when there is no sep. */
struct str str_split(struct str *rest, char sep);

/* Decimal digits only, no sign, no blanks, no leading zero but "0" itself, within the type. False
 * otherwise; *ret is then untouched. */
bool str_to_u64(struct str s, uint64_t *ret) MUST_USE;
/* The same with an optional '-'. */
bool str_to_i64(struct str s, int64_t *ret) MUST_USE;
/* 1 or more, all '0'..'9'. */
bool str_is_digits(struct str s);

/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF). */
bool str_is_utf8(struct str s);
/* Without the beginning of a character at its end, whose rest was cut off. */
struct str str_whole_utf8(struct str s);
/* Code points in well-formed UTF-8. */
size_t str_code_points(struct str s);
/* Columns a terminal needs for well-formed UTF-8: combining marks count nothing. */
size_t str_columns(struct str s);

/* FNV-1a, for tables whose keys we made ourselves or that are bounded. */
uint64_t str_hash(struct str s);
