#include "crypto/hmac.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

void hmac_init(struct hmac *h)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac); /* ctx keeps it */
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    if (!ctx || !EVP_MAC_CTX_set_params(ctx, params))
        die("OpenSSL has no HMAC-SHA256");
    h->ctx = ctx;
}

void hmac_release(struct hmac *h)
{
    EVP_MAC_CTX_free(h->ctx);
    h->ctx = NULL;
}

void hmac_sha256(struct hmac *h, struct str key, const struct str *parts, size_t n,
                 unsigned char out[HMAC_LEN])
{
    /* An empty key would mean "keep the last one" to EVP_MAC_init. HMAC fills a short key up with
     * zeros (RFC 2104 §2), so one zero byte is the same key. */
    if (key.len == 0)
        key = str_make("\0", 1);
    size_t len = 0;
    bool ok = EVP_MAC_init(h->ctx, (const unsigned char *)key.ptr, key.len, NULL);
    for (size_t i = 0; ok && i < n; i++)
        ok = EVP_MAC_update(h->ctx, (const unsigned char *)parts[i].ptr, parts[i].len);
    if (!ok || !EVP_MAC_final(h->ctx, out, &len, HMAC_LEN) || len != HMAC_LEN)
        die("OpenSSL cannot compute an HMAC");
}
