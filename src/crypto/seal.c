#include "crypto/seal.h"
#include "base/file.h"
#include "base/random.h"
#include "crypto/hex.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#define RECORD_VERSION 1
#define NONCE_LEN      12
#define TAG_LEN        16
#define HEADER_LEN     (1 + 4 + NONCE_LEN)

#define KEY_FILE_PREFIX "hudhud-key-v1 "
#define KEY_FILE_LEN    (sizeof(KEY_FILE_PREFIX) - 1 + 8 + 1 + 2 * SEAL_KEY_LEN + 1)

/* --- the key file ------------------------------------------------------------------------- */

static void put_u32(unsigned char out[4], uint32_t value)
{
    for (int i = 3; i >= 0; i--, value >>= 8)
        out[i] = (unsigned char)value;
}

static uint32_t get_u32(const unsigned char in[4])
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

static void format_key(const struct keyring *k, char out[KEY_FILE_LEN])
{
    unsigned char id[4];
    put_u32(id, k->key_id);
    char *p = mempcpy(out, KEY_FILE_PREFIX, sizeof(KEY_FILE_PREFIX) - 1);
    hex_encode(id, sizeof(id), p);
    p[8] = ' ';
    hex_encode(k->key, SEAL_KEY_LEN, p + 9);
    p[9 + 2 * SEAL_KEY_LEN] = '\n';
}

/* The last line's end may be missing: editors and copying by hand lose it. */
static bool parse_key(struct str text, struct keyring *k)
{
    unsigned char id[4];
    if (str_ends(text, STR("\n")))
        text.len--;
    if (text.len != KEY_FILE_LEN - 1 || !str_starts(text, STR(KEY_FILE_PREFIX)))
        return false;
    text = str_skip(text, sizeof(KEY_FILE_PREFIX) - 1);
    if (!hex_decode(str_make(text.ptr, 8), id, sizeof(id)) || text.ptr[8] != ' ' ||
        !hex_decode(str_skip(text, 9), k->key, SEAL_KEY_LEN))
        return false;
    k->key_id = get_u32(id);
    return true;
}

enum err keyring_create(struct keyring *k, const char *path, struct error *error)
{
    random_bytes(&k->key_id, sizeof(k->key_id));
    random_bytes(k->key, sizeof(k->key));
    char text[KEY_FILE_LEN];
    format_key(k, text);
    enum err err = file_create(path, str_make(text, sizeof(text)), 0600, error);
    wipe(text, sizeof(text));
    k->loaded = err == ERR_OK;
    if (err)
        keyring_release(k);
    if (err == ERR_CONFLICT)
        return error_set(error, err, "%s exists already: a key is never overwritten", path);
    return err;
}

static enum err check_mode(int fd, const char *path, struct error *error)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return error_set_errno(error, ERR_IO, "cannot look at %s", path);
    if (!S_ISREG(st.st_mode))
        return error_set(error, ERR_IO, "%s is not an ordinary file", path);
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return error_set(error, ERR_IO,
                         "%s can be used by others than its owner (mode %03o); "
                         "mend it with: chmod 600 %s",
                         path, (unsigned)st.st_mode & 0777, path);
    return ERR_OK;
}

static enum err refuse_missing(const char *path, struct error *error)
{
    if (errno != ENOENT)
        return error_set_errno(error, ERR_IO, "cannot open the sealing key %s", path);
    return error_set(error, ERR_NOT_FOUND,
                     "the sealing key %s is missing; restore it from your backup, or, without "
                     "one, make a new folder with hudhud init and link the numbers again",
                     path);
}

enum err keyring_load(struct keyring *k, const char *path, struct error *error)
{
    /* Not to wait, should it be a pipe. */
    _cleanup_(closep)
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return refuse_missing(path, error);
    enum err err = check_mode(fd, path, error);
    if (err)
        return err;
    struct buf text;
    buf_init(&text, KEY_FILE_LEN + 1); /* one more than fits shows that it is too long */
    err = file_read_fd(fd, path, &text, error);
    struct keyring read = {.loaded = true};
    if (err == ERR_LIMIT || (!err && !parse_key(buf_str(&text), &read)))
        err = error_set(error, ERR_PARSE,
                        "%s is not a sealing key (one line: " KEY_FILE_PREFIX
                        "<8 hex digits> <64 hex digits>); restore it from your backup",
                        path);
    if (!err)
        *k = read;
    wipe(&read, sizeof(read));
    wipe(text.ptr, text.capacity);
    buf_release(&text);
    return err;
}

void keyring_release(struct keyring *k)
{
    wipe(k, sizeof(*k));
}

/* --- records ------------------------------------------------------------------------------ */

static void free_cipher(EVP_CIPHER_CTX **ctx)
{
    EVP_CIPHER_CTX_free(*ctx);
}

/* A cipher ready for the text: key and nonce set, `context` taken as what is authenticated but not
 * sealed. NULL when it cannot be. */
static EVP_CIPHER_CTX *begin_cipher(const struct keyring *k, const unsigned char *nonce,
                                    struct str context, bool sealing)
{
    int ignored;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (ctx && context.len <= INT_MAX &&
        EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, k->key, nonce, sealing) &&
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

struct str seal(const struct keyring *k, struct str context, struct str text, struct arena *arena)
{
    if (!k->loaded)
        die("sealing without a key");
    unsigned char *record =
        text.len > INT_MAX ? NULL : arena_alloc(arena, text.len + SEAL_OVERHEAD);
    if (!record)
        return (struct str){NULL, 0};
    record[0] = RECORD_VERSION;
    put_u32(record + 1, k->key_id);
    unsigned char *nonce = record + 5, *sealed = record + HEADER_LEN;
    random_bytes(nonce, NONCE_LEN);
    _cleanup_(free_cipher)
    EVP_CIPHER_CTX *ctx = begin_cipher(k, nonce, context, true);
    if (!ctx || !run_cipher(ctx, text, sealed) ||
        !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, sealed + text.len))
        die("OpenSSL cannot seal with AES-256-GCM");
    return str_make((char *)record, text.len + SEAL_OVERHEAD);
}

static bool open_text(const struct keyring *k, struct str context, const unsigned char *nonce,
                      struct str sealed, unsigned char *out)
{
    _cleanup_(free_cipher)
    EVP_CIPHER_CTX *ctx = begin_cipher(k, nonce, context, false);
    void *tag = (char *)sealed.ptr + sealed.len; /* OpenSSL does not write to it */
    return ctx && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) &&
           run_cipher(ctx, sealed, out);
}

enum err seal_open(const struct keyring *k, struct str context, struct str record,
                   struct secret *ret)
{
    const unsigned char *header = (const unsigned char *)record.ptr;
    if (!k->loaded || record.len < SEAL_OVERHEAD || record.len > INT_MAX ||
        header[0] != RECORD_VERSION || get_u32(header + 1) != k->key_id)
        return ERR_AUTHENTICATION;
    struct str sealed = str_make(record.ptr + HEADER_LEN, record.len - SEAL_OVERHEAD);
    unsigned char *text = xmalloc(sealed.len);
    bool opened = open_text(k, context, header + 5, sealed, text);
    if (opened)
        secret_set(ret, str_make((char *)text, sealed.len));
    wipe(text, sealed.len);
    free(text);
    return opened ? ERR_OK : ERR_AUTHENTICATION;
}
