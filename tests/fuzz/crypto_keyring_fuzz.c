/* The key file is text that people copy and edit. */
#include "base/secret.h"
#include "crypto/keyring.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(closep)
    int fd = memfd_create("key", MFD_CLOEXEC);
    char path[32];
    struct arena arena;
    struct error error;
    if (fd < 0 || fchmod(fd, 0600) != 0 || write(fd, data, size) != (ssize_t)size)
        die("cannot make a file");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    arena_init(&arena, 64 * KIB);
    error_init(&error, &arena);
    struct keyring k = {0};
    uint32_t ids[KEYRING_MAX];
    enum err e = keyring_load(&k, path, &error);
    size_t n = keyring_ids(&k, ids);
    if ((e == ERR_OK) != (n > 0))
        die("taken without a key, or refused with one");
    keyring_release(&k);
    arena_release(&arena);
    return 0;
}
