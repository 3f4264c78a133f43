/* A growing buffer that is born with its maximum.
 *
 * Invariants: len <= max always. An append that would pass `max`, or finds no memory, changes
 * nothing and sets `failed`; so do all later appends. Whoever fills a buf checks buf_ok once, at
 * the end. One thread at a time. */
#pragma once

#include "base/base.h"
#include "base/str.h"

struct buf {
    char *ptr;
    size_t len;
    size_t capacity;
    size_t max;
    bool failed;
};

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b); /* fit for _cleanup_ */
/* Empties it and forgives a failure; keeps its memory up to BUF_KEEP_SIZE. */
void buf_clear(struct buf *b);

/* Room for `size` more bytes at b->ptr + b->len, or NULL (and `failed`). Does not move len. */
char *buf_reserve(struct buf *b, size_t size) MUST_USE;
void buf_add(struct buf *b, struct str s);
void buf_add_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_add_i64(struct buf *b, int64_t value);
/* Drops the first n bytes. */
void buf_drop(struct buf *b, size_t n);

static inline bool buf_ok(const struct buf *b)
{
    return !b->failed;
}

static inline struct str buf_str(const struct buf *b)
{
    return str_make(b->ptr ? b->ptr : "", b->len);
}
