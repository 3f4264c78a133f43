#include "base/arena.h"
#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_EACH_ITS_OWN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_EACH_ITS_OWN 1
#endif
#endif
#ifndef ARENA_EACH_ITS_OWN
#define ARENA_EACH_ITS_OWN 0
#endif

struct arena_block {
    struct arena_block *older;
    size_t size; /* of data */
    _Alignas(max_align_t) char data[];
};

void arena_init(struct arena *a, size_t max)
{
    *a = (struct arena){.max = max};
}

static void free_blocks(struct arena_block *b)
{
    while (b) {
        struct arena_block *older = b->older;
        free(b);
        b = older;
    }
}

void arena_release(struct arena *a)
{
    free_blocks(a->blocks);
    *a = (struct arena){.max = a->max};
}

void arena_clear(struct arena *a)
{
    struct arena_block *b = a->blocks;
    if (ARENA_EACH_ITS_OWN || !b || b->size > ARENA_BLOCK_SIZE) {
        arena_release(a);
        return;
    }
    free_blocks(b->older);
    b->older = NULL;
    a->next = b->data;
    a->left = b->size;
    a->used = 0;
}

static bool add_block(struct arena *a, size_t size)
{
    if (!ARENA_EACH_ITS_OWN)
        size = MAX(size, (size_t)ARENA_BLOCK_SIZE);
    struct arena_block *b = malloc(sizeof(*b) + size);
    if (!b)
        return false;
    b->size = size;
    b->older = a->blocks;
    a->blocks = b;
    a->next = b->data;
    a->left = size;
    return true;
}

void *arena_alloc(struct arena *a, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    if (size > a->max)
        return NULL;
    /* An empty allocation is one too: its pointer is not NULL, which would mean "full". */
    size_t cost = (MAX(size, (size_t)1) + align - 1) & ~(align - 1);
    if (cost > a->max - a->used)
        return NULL;
    size_t need = ARENA_EACH_ITS_OWN ? MAX(size, (size_t)1) : cost;
    if ((ARENA_EACH_ITS_OWN || need > a->left) && !add_block(a, need))
        return NULL;
    void *p = a->next;
    a->next += need;
    a->left -= need;
    a->used += cost;
    return p;
}

void *arena_calloc(struct arena *a, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    void *p = arena_alloc(a, total);
    return p ? memset(p, 0, total) : NULL;
}

struct str arena_dup(struct arena *a, struct str s)
{
    char *copy = arena_alloc(a, s.len);
    if (!copy)
        return (struct str){NULL, 0};
    if (s.len)
        memcpy(copy, s.ptr, s.len);
    return str_make(copy, s.len);
}

char *arena_cstr(struct arena *a, struct str s)
{
    char *copy = arena_alloc(a, s.len + 1);
    if (!copy)
        return NULL;
    if (s.len)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

struct str arena_vprintf(struct arena *a, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    char *text = len < 0 ? NULL : arena_alloc(a, (size_t)len + 1);
    if (text)
        vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return text ? str_make(text, (size_t)len) : (struct str){NULL, 0};
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str s = arena_vprintf(a, fmt, args);
    va_end(args);
    return s;
}
