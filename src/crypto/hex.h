/* Hex, and comparing without telling how far one got. */
#pragma once

#include "base/base.h"
#include "base/str.h"

/* 2 * len lower-case digits; no NUL. */
void hex_encode(const unsigned char *bytes, size_t len, char *out);
/* Lower-case digits only, exactly 2 * len of them. */
bool hex_decode(struct str text, unsigned char *out, size_t len) MUST_USE;
/* In constant time for a given len. */
bool bytes_equal(const void *a, const void *b, size_t len) MUST_USE;
