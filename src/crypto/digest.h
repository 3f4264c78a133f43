/* SHA-256 of public text, as a Content-Security-Policy names it. */
#pragma once

#include "base/base.h"
#include "base/str.h"

#define DIGEST_BASE64_SIZE 45 /* 44 characters and a NUL */

void digest_sha256_base64(struct str text, char out[DIGEST_BASE64_SIZE]);
