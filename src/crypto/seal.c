#include "crypto/seal.h"
#include "base/random.h"

#include <limits.h>
#include <openssl/evp.h>

#define RECORD_VERSION 1
#define NONCE_LEN      12
#define TAG_LEN        16
#define HEADER_LEN     (1 + 4 + NONCE_LEN)

static void put_u32(unsigned char out[4], uint32_t value)
{
    for (int i = 3; i >= 0; i--, value >>= 8)
        out[i] = (unsigned char)value;
}

static uint32_t get_u32(const unsigned char in[4])
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

static void free_cipher(EVP_CIPHER_CTX **ctx)
{
    EVP_CIPHER_CTX_free(*ctx);
}

/* A cipher ready for the text: key and nonce set, `context` taken as what is authenticated but not
 * sealed. NULL when it cannot be. */
static EVP_CIPHER_CTX *begin_cipher(const unsigned char key[SEAL_KEY_LEN],
                                    const unsigned char *nonce, struct str context, bool sealing)
{
    int ignored;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (ctx && context.len <= INT_MAX &&
        EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce, sealing) &&
        EVP_CipherUpdate(ctx, NULL, &ignored, (const unsigned char *)context.ptr, (int)context.len))
        return ctx;
    EVP_CIPHER_CTX_free(ctx);
    return NULL;
}

/* The text, sealed or opened, into `out` of the same length. GCM writes nothing at its end;
 * opening, that end is where the tag is checked. */
static bool run_cipher(EVP_CIPHER_CTX *ctx, struct str text, unsigned char *out)
{
    int len = 0;
    unsigned char nothing[1];
    if (text.len &&
        !EVP_CipherUpdate(ctx, out, &len, (const unsigned char *)text.ptr, (int)text.len))
        return false;
    return EVP_CipherFinal_ex(ctx, nothing, &len) > 0;
}

static void seal_text(const unsigned char key[SEAL_KEY_LEN], struct str context, struct str text,
                      unsigned char *record)
{
    unsigned char *nonce = record + 5, *sealed = record + HEADER_LEN;
    random_bytes(nonce, NONCE_LEN);
    _cleanup_(free_cipher)
    EVP_CIPHER_CTX *ctx = begin_cipher(key, nonce, context, true);
    if (!ctx || !run_cipher(ctx, text, sealed) ||
        !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, sealed + text.len))
        die("OpenSSL cannot seal with AES-256-GCM");
}

struct str seal(const struct keyring *k, struct str context, struct str text, struct arena *arena)
{
    unsigned char key[SEAL_KEY_LEN];
    uint32_t id = keyring_current(k);
    if (!keyring_get(k, id, key))
        die("sealing without a key");
    unsigned char *record =
        text.len > INT_MAX ? NULL : arena_alloc(arena, text.len + SEAL_OVERHEAD);
    if (record) {
        record[0] = RECORD_VERSION;
        put_u32(record + 1, id);
        seal_text(key, context, text, record);
    }
    wipe(key, sizeof(key));
    return record ? str_make((char *)record, text.len + SEAL_OVERHEAD) : (struct str){NULL, 0};
}

static bool open_text(const unsigned char key[SEAL_KEY_LEN], struct str context,
                      const unsigned char *nonce, struct str sealed, unsigned char *out)
{
    _cleanup_(free_cipher)
    EVP_CIPHER_CTX *ctx = begin_cipher(key, nonce, context, false);
    void *tag = (char *)sealed.ptr + sealed.len; /* OpenSSL does not write to it */
    return ctx && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) &&
           run_cipher(ctx, sealed, out);
}

static bool is_record(struct str record)
{
    return record.len >= SEAL_OVERHEAD && record.len <= INT_MAX && record.ptr[0] == RECORD_VERSION;
}

uint32_t seal_key_id(struct str record)
{
    return is_record(record) ? get_u32((const unsigned char *)record.ptr + 1) : 0;
}

enum err seal_open(const struct keyring *k, struct str context, struct str record,
                   struct secret *ret)
{
    unsigned char key[SEAL_KEY_LEN];
    if (!is_record(record) || !keyring_get(k, seal_key_id(record), key))
        return ERR_AUTHENTICATION;
    const unsigned char *nonce = (const unsigned char *)record.ptr + 5;
    struct str sealed = str_make(record.ptr + HEADER_LEN, record.len - SEAL_OVERHEAD);
    unsigned char *text = xmalloc(sealed.len);
    bool opened = open_text(key, context, nonce, sealed, text);
    if (opened)
        secret_set(ret, str_make((char *)text, sealed.len));
    wipe(key, sizeof(key));
    wipe(text, sealed.len);
    free(text);
    return opened ? ERR_OK : ERR_AUTHENTICATION;
}
