#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static ssize_t read_some(int fd, char *to, size_t size)
{
    ssize_t n;
    do
        n = read(fd, to, size);
    while (n < 0 && errno == EINTR);
    return n;
}

enum err file_read_fd(int fd, const char *name, struct buf *to, struct error *error)
{
    for (;;) {
        /* A full buffer still has to see the file's end: one byte more is one too many. */
        char more;
        size_t want = MIN(to->max - to->len, (size_t)65536);
        char *room = want ? buf_reserve(to, want) : &more;
        if (!room)
            return error_set(error, ERR_NO_MEMORY, "no memory to read %s", name);
        ssize_t n = read_some(fd, room, MAX(want, (size_t)1));
        if (n < 0)
            return error_set_errno(error, ERR_IO, "cannot read %s", name);
        if (n == 0)
            return ERR_OK;
        if (want == 0)
            return error_set(error, ERR_LIMIT, "%s is larger than %zu bytes", name, to->max);
        to->len += (size_t)n;
    }
}

enum err file_read(const char *path, struct buf *to, struct error *error)
{
    if (str_eq(str_from(path), STR("-")))
        return file_read_fd(STDIN_FILENO, "standard input", to, error);
    _cleanup_(closep)
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(error, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot open %s",
                               path);
    return file_read_fd(fd, path, to, error);
}

bool file_write_all(int fd, struct str s)
{
    while (s.len) {
        ssize_t n = write(fd, s.ptr, s.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        s = str_skip(s, (size_t)n);
    }
    return true;
}

/* A file's name is only durable once its folder is. */
static bool sync_folder_of(const char *path)
{
    _cleanup_(freep)
    char *copy = xstrdup(path);
    _cleanup_(closep)
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0;
}

enum err file_create(const char *path, struct str content, unsigned mode, struct error *error)
{
    _cleanup_(closep)
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
    if (fd < 0)
        return error_set_errno(error, errno == EEXIST ? ERR_CONFLICT : ERR_IO, "cannot make %s",
                               path);
    if (fchmod(fd, (mode_t)mode) != 0 || !file_write_all(fd, content) || fsync(fd) != 0 ||
        !sync_folder_of(path)) {
        int why = errno;
        unlink(path);
        errno = why;
        return error_set_errno(error, ERR_IO, "cannot write %s", path);
    }
    return ERR_OK;
}

enum err file_sync_folder_of(const char *path, struct error *error)
{
    return sync_folder_of(path)
               ? ERR_OK
               : error_set_errno(error, ERR_IO, "cannot sync the folder of %s", path);
}

enum err file_replace(const char *path, struct str content, unsigned mode, struct error *error)
{
    _cleanup_(freep)
    char *fresh = NULL;
    struct stat st;
    bool there = lstat(path, &st) == 0;
    if (there && !S_ISREG(st.st_mode))
        return error_set(error, ERR_IO, "%s is not an ordinary file", path);
    if (asprintf(&fresh, "%s.new", path) < 0)
        die("out of memory");
    unlink(fresh); /* of a crash */
    enum err err = file_create(fresh, content, mode, error);
    if (err)
        return err;
    bool foreign = there && (st.st_uid != geteuid() || st.st_gid != getegid());
    if ((foreign && chown(fresh, st.st_uid, st.st_gid) != 0) || rename(fresh, path) != 0) {
        err = error_set_errno(error, ERR_IO, "cannot replace %s", path);
        unlink(fresh);
        return err;
    }
    return file_sync_folder_of(path, error);
}
