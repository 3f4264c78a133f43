/* Sealed records come from the database file, which may be damaged or forged. The key is fixed, so
 * that the corpus can hold records that open; the first byte says how long the context is. */
#include "crypto/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    _cleanup_(keyring_release)
    struct keyring k = {0};
    unsigned char key[SEAL_KEY_LEN];
    memset(key, 'k', sizeof(key));
    keyring_add(&k, 0x01020304, key);
    struct str input = str_make((const char *)data + 1, size - 1);
    size_t at = MIN(data[0], input.len);
    _cleanup_(secret_release)
    struct secret opened = {0};
    if (seal_open(&k, str_make(input.ptr, at), str_skip(input, at), &opened) != ERR_OK &&
        opened.bytes)
        die("refused, and opened all the same");
    return 0;
}
