#include "crypto/digest.h"

#include <openssl/evp.h>

void digest_sha256_base64(struct str text, char out[DIGEST_BASE64_SIZE])
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (!EVP_Digest(text.ptr, text.len, bytes, &len, EVP_sha256(), NULL) || len != 32)
        die("OpenSSL has no SHA-256");
    EVP_EncodeBlock((unsigned char *)out, bytes, (int)len);
}
