#include "serve/secret_file.h"
#include "base/file.h"
#include "base/log.h"

#include <sys/stat.h>

static void warn_if_open(const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)))
        log_event(LOG_WARN, "secret_file_open_to_others", LOG_CSTR("file", path),
                  LOG_CSTR("mend", "chmod 600"));
}

enum err secret_file_read(const char *path, const char *what, size_t max, struct secret *ret,
                          struct error *error)
{
    _cleanup_(buf_release)
    struct buf text;
    buf_init(&text, max);
    enum err e = file_read(path, &text, error);
    if (e)
        return e;
    struct str secret = buf_str(&text);
    while (secret.len && (secret.ptr[secret.len - 1] == '\n' || secret.ptr[secret.len - 1] == '\r'))
        secret.len--;
    if (secret.len == 0)
        return error_set(error, ERR_VALIDATION, "%s is empty: it should hold %s", path, what);
    warn_if_open(path);
    secret_set(ret, secret);
    wipe(text.ptr, text.len);
    return ERR_OK;
}
