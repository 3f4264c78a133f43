/* SHA-256 (FIPS 180-4) of what comes in pieces, over OpenSSL. */
#pragma once

#include "base/base.h"
#include "base/str.h"

#define SHA256_LEN 32

struct sha256 {
    void *ctx; /* EVP_MD_CTX */
};

void sha256_begin(struct sha256 *h); /* aborts when OpenSSL has none: nothing works without */
void sha256_add(struct sha256 *h, struct str bytes);
/* Releases too. */
void sha256_end(struct sha256 *h, unsigned char out[SHA256_LEN]);
