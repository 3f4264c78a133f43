/* An arena: everything of one request (or one job) is allocated from it and dies with it.
 *
 * Invariants: a pointer from an arena stays valid until arena_clear or arena_release. The arena
 * never hands out more than `max` bytes in all: what a client can size answers NULL, and the caller
 * returns ERR_NO_MEMORY. Under AddressSanitizer each allocation is its own malloc, so that nothing
 * is hidden from it. One thread at a time. */
#pragma once

#include "base/base.h"
#include "base/str.h"
#include <stdarg.h>

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    char *next;                 /* free part of the newest block */
    size_t left;
    size_t used; /* bytes handed out since the last clear, each allocation rounded up */
    size_t max;
};

void arena_init(struct arena *a, size_t max);
/* Frees all but one block, which the next request uses. */
void arena_clear(struct arena *a);
void arena_release(struct arena *a);

/* Aligned for any type; NULL when over `max`. Not cleared. */
void *arena_alloc(struct arena *a, size_t size) MUST_USE;
void *arena_calloc(struct arena *a, size_t count, size_t size) MUST_USE;
#define ARENA_NEW(a, type) ((type *)arena_calloc((a), 1, sizeof(type)))

/* Copies; {NULL, 0} when over `max`. */
struct str arena_dup(struct arena *a, struct str s) MUST_USE;
/* NUL-terminated copy, or NULL. The caller knows that s holds no NUL. */
char *arena_cstr(struct arena *a, struct str s) MUST_USE;
struct str arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct str arena_vprintf(struct arena *a, const char *fmt, va_list args) PRINTF_LIKE(2, 0);
