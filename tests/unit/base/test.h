/* What unit tests share: cmocka with what it wants included first, comparing strings, and a random
 * source with a fixed seed, so that a failure comes back the next time. */
#pragma once

#include "base/arena.h"
#include "base/limits.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Shows both when they differ. */
#define assert_str(got, want)                                                                      \
    do {                                                                                           \
        struct str got_ = (got), want_ = str_from(want);                                           \
        if (!str_eq(got_, want_))                                                                  \
            fail_msg("\n  got:  %.*s\n  want: %.*s", STR_FMT(got_), STR_FMT(want_));               \
    } while (0)

/* splitmix64 */
static inline uint64_t test_random(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline size_t test_below(uint64_t *seed, size_t below)
{
    return (size_t)(test_random(seed) % below);
}

/* One code point in UTF-8; surrogates too, in the form that is not allowed. */
static inline size_t test_utf8(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)((n == 2 ? 0xC0 : n == 3 ? 0xE0 : 0xF0) | c);
    return n;
}
