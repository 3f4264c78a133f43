/* Base64 (RFC 4648 §4), with its padding. */
#pragma once

#include "base/base.h"
#include "base/str.h"

/* Characters for `len` bytes, and a NUL. */
#define BASE64_SIZE(len) (((len) + 2) / 3 * 4 + 1)

/* `out` has BASE64_SIZE(len) bytes. */
void base64_encode(const unsigned char *bytes, size_t len, char *out);
/* Exactly `len` bytes, which must be what the text stands for. False: it is no base64 of so many.
 */
bool base64_decode(struct str text, unsigned char *out, size_t len) MUST_USE;
