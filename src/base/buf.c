#include "base/buf.h"
#include "base/limits.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_release(struct buf *b)
{
    free(b->ptr);
    *b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
    if (b->capacity > BUF_KEEP_SIZE)
        buf_release(b);
    b->len = 0;
    b->failed = false;
}

char *buf_reserve(struct buf *b, size_t size)
{
    if (b->failed || size > b->max - b->len) {
        b->failed = true;
        return NULL;
    }
    if (!b->ptr || size > b->capacity - b->len) {
        size_t capacity = MAX(MAX(b->capacity * 2, b->len + size), (size_t)256);
        capacity = MIN(capacity, b->max);
        char *ptr = realloc(b->ptr, capacity + 1); /* the one is for printf's NUL */
        if (!ptr) {
            b->failed = true;
            return NULL;
        }
        b->ptr = ptr;
        b->capacity = capacity;
    }
    return b->ptr + b->len;
}

void buf_add(struct buf *b, struct str s)
{
    if (s.len == 0)
        return;
    char *to = buf_reserve(b, s.len);
    if (!to)
        return;
    memcpy(to, s.ptr, s.len);
    b->len += s.len;
}

void buf_add_char(struct buf *b, char c)
{
    char *to = buf_reserve(b, 1);
    if (!to)
        return;
    *to = c;
    b->len++;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    char *to = len < 0 ? NULL : buf_reserve(b, (size_t)len);
    if (to) {
        vsnprintf(to, (size_t)len + 1, fmt, again);
        b->len += (size_t)len;
    }
    b->failed |= len < 0;
    va_end(again);
    va_end(args);
}

void buf_add_i64(struct buf *b, int64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0)
        digits[--at] = '-';
    buf_add(b, str_make(digits + at, sizeof(digits) - at));
}

void buf_drop(struct buf *b, size_t n)
{
    b->len -= n;
    if (b->len)
        memmove(b->ptr, b->ptr + n, b->len);
}
