/* A backup may come from anywhere: its manifest is read before anything of it is believed. */
#include "model/backup.h"

#include <fcntl.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/hudhud-fuzz-XXXXXX";
static char path[sizeof(folder) + 16];

static void remove_all(void)
{
    unlink(path);
    rmdir(folder);
}

static void put_manifest(const uint8_t *data, size_t size)
{
    if (!path[0]) {
        if (!mkdtemp(folder))
            die("cannot make a folder");
        snprintf(path, sizeof(path), "%s/manifest.json", folder);
        atexit(remove_all);
    }
    _cleanup_(closep)
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        die("cannot write the manifest");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct error error;
    struct backup backup;
    put_manifest(data, size);
    arena_init(&arena, MIB);
    error_init(&error, &arena);
    enum err e = backup_read(folder, &backup, &error);
    if (!e && (!backup.sha256.len || !backup.version.len))
        die("a manifest without what it must have was taken");
    if (e && !error.message.len)
        die("refused without a reason");
    arena_release(&arena);
    return 0;
}
