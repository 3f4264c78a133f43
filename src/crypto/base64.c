#include "crypto/base64.h"

#include <openssl/evp.h>

void base64_encode(const unsigned char *bytes, size_t len, char *out)
{
    EVP_EncodeBlock((unsigned char *)out, bytes, (int)len);
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(struct str text, unsigned char *out, size_t len)
{
    size_t padding = (3 - len % 3) % 3, n = 0;
    uint32_t bits = 0;
    if (text.len != BASE64_SIZE(len) - 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        bool is_padding = i >= text.len - padding;
        int value = is_padding && text.ptr[i] == '=' ? 0 : value_of(text.ptr[i]);
        if (value < 0 || (is_padding && text.ptr[i] != '='))
            return false;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4 != 3)
            continue;
        for (int shift = 16; shift >= 0 && n < len; shift -= 8)
            out[n++] = (unsigned char)(bits >> shift);
    }
    /* Bits that stand for no byte are zero (§3.5): one text for each bytes. */
    return n == len && (bits & ((1U << 8 * padding) - 1)) == 0;
}
