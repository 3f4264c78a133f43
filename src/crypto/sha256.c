#include "crypto/sha256.h"

#include <openssl/evp.h>

void sha256_begin(struct sha256 *h)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (!ctx || !EVP_DigestInit_ex(ctx, EVP_sha256(), NULL))
        die("OpenSSL has no SHA-256");
    h->ctx = ctx;
}

void sha256_add(struct sha256 *h, struct str bytes)
{
    if (!EVP_DigestUpdate(h->ctx, bytes.ptr, bytes.len))
        die("OpenSSL cannot compute a SHA-256");
}

void sha256_end(struct sha256 *h, unsigned char out[SHA256_LEN])
{
    if (!EVP_DigestFinal_ex(h->ctx, out, NULL))
        die("OpenSSL cannot compute a SHA-256");
    EVP_MD_CTX_free(h->ctx);
    h->ctx = NULL;
}
