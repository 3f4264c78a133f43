/* Base64 (RFC 4648 §4), with its padding. */
#pragma once

#include "base/base.h"

/* Characters for `len` bytes, and a NUL. */
#define BASE64_SIZE(len) (((len) + 2) / 3 * 4 + 1)

/* `out` has BASE64_SIZE(len) bytes. */
void base64_encode(const unsigned char *bytes, size_t len, char *out);
