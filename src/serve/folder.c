#include "serve/folder.h"
#include "base/file.h"
#include "base/log.h"
#include "model/backup.h"
#include "model/sealed.h"
#include "serve/serve.h"
#include "serve/storage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A restored database until it is whole. */
#define RESTORED_NAME "hudhud.db.new"

enum err folder_name(struct folder *f, const char *data, struct error *error)
{
    *f = (struct folder){.lock_fd = -1};
    if (strlen(data) > FOLDER_PATH_MAX)
        return error_set(error, ERR_LIMIT, "the data folder's path is longer than %d characters",
                         FOLDER_PATH_MAX);
    snprintf(f->data, sizeof(f->data), "%s", data);
    snprintf(f->database, sizeof(f->database), "%s/hudhud.db", data);
    snprintf(f->store, sizeof(f->store), "%s/store", data);
    snprintf(f->replica, sizeof(f->replica), "%s/replica", data);
    snprintf(f->key, sizeof(f->key), "%s/key", data);
    snprintf(f->lock, sizeof(f->lock), "%s/lock", data);
    snprintf(f->socket, sizeof(f->socket), "%s/control.sock", data);
    return ERR_OK;
}

static enum err explain_busy(struct folder *f, int fd, const char *data, struct error *error)
{
    char text[24] = "";
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
    struct str pid = str_make(text, n > 0 ? (size_t)n : 0);
    pid.len = str_find(pid, '\n');
    return error_set(error, ERR_BUSY,
                     "%s is in use by another hudhud (process %.*s); stop it first, or use another "
                     "folder",
                     data, STR_FMT(pid.len ? pid : STR("unknown")));
}

/* The text is for people, and for the message above; the lock itself is the kernel's. */
static void write_process_id(int fd, const char *path)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n)
        log_event(LOG_WARN, "lock_not_written", LOG_CSTR("file", path),
                  LOG_CSTR("error", strerror(errno)));
}

/* An init that failed removes its lock: who opened the file just before would hold nothing. */
static bool is_removed(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_nlink == 0;
}

enum err folder_lock(struct folder *f, const char *data, struct error *error)
{
    int fd = open(f->lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set_errno(error, ERR_IO, "cannot open %s (may this user write to the folder?)",
                               f->lock);
    bool held = flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (!held || is_removed(fd)) {
        enum err e = held || errno == EWOULDBLOCK
                         ? explain_busy(f, fd, data, error)
                         : error_set_errno(error, ERR_IO, "cannot lock %s", f->lock);
        close(fd);
        return e;
    }
    write_process_id(fd, f->lock);
    f->lock_fd = fd;
    return ERR_OK;
}

void folder_unlock(struct folder *f)
{
    if (f->lock_fd >= 0)
        close(f->lock_fd);
    f->lock_fd = -1;
}

/* --- key and database --------------------------------------------------------------------- */

struct settle_check {
    struct store_write write;
    const struct keyring *keyring;
    bool found;
};

/* Whoever comes first seals it: of two that begin at once on one server, the other finds it. */
static enum err settle_check(struct store_write *w, struct tx *tx)
{
    struct settle_check *c = CONTAINER_OF(w, struct settle_check, write);
    enum err e = sealed_test_check(tx, c->keyring);
    c->found = e != ERR_NOT_FOUND;
    return c->found ? e : sealed_put_check(tx, c->keyring);
}

enum err folder_test_key(struct store_reader *reader, const struct keyring *keyring,
                         const char *key_path, struct error *error)
{
    struct tx *tx;
    enum err e = store_read_begin(reader, &tx);
    if (!e) {
        e = sealed_test_check(tx, keyring);
        store_read_end(reader);
    }
    if (e == ERR_AUTHENTICATION)
        return error_set(error, e,
                         "%s is not the key this database was made with; restore it from your "
                         "backup, or, of several servers, copy it from the one that rotated it: "
                         "without it no token and no client secret can be read",
                         key_path);
    if (e == ERR_NOT_FOUND)
        return error_set(error, e,
                         "the database is not whole: hudhud init did not finish; remove "
                         "the folder and run it again");
    if (e)
        return error_set(error, e, "cannot read the database: see the log for the cause");
    return ERR_OK;
}

/* --- hudhud init -------------------------------------------------------------------------- */

/* Nothing is there but, at most, what an init or a restore leaves that did not finish. */
static bool is_unused(const char *data)
{
    static const char *const ours[] = {".",
                                       "..",
                                       "lock",
                                       "key",
                                       "key.new",
                                       "store.new",
                                       RESTORED_NAME,
                                       RESTORED_NAME "-wal",
                                       RESTORED_NAME "-shm",
                                       RESTORED_NAME "-journal"};
    DIR *folder = opendir(data);
    if (!folder)
        return false;
    bool unused = true;
    for (struct dirent *entry; unused && (entry = readdir(folder));) {
        unused = false;
        for (size_t i = 0; i < ARRAY_LEN(ours); i++)
            unused = unused || str_eq(str_from(entry->d_name), str_from(ours[i]));
    }
    closedir(folder);
    return unused;
}

static enum err explain_missing_key(const struct folder *f, const char *data, struct error *error)
{
    return error_set(error, ERR_NOT_FOUND,
                     "there is no %s: put it back from your backup, or copy it from another server "
                     "on this database (chmod 600); a new database is made with hudhud init --data "
                     "%s --store URL",
                     f->key, data);
}

static enum err explain_missing_database(const struct folder *f, const char *data,
                                         struct error *error)
{
    if (access(f->key, F_OK) == 0)
        return error_set(error, ERR_NOT_FOUND,
                         "there is a key but no %s, nor a file %s that says where the database is; "
                         "put it back from your backup, or, if there never was one, make it: "
                         "hudhud init --data %s",
                         f->database, f->store, data);
    if (is_unused(data))
        return error_set(error, ERR_NOT_FOUND,
                         "%s is empty; make it a data folder: hudhud init --data %s", data, data);
    return error_set(error, ERR_NOT_FOUND,
                     "%s is not a data folder: it holds other files, and neither hudhud.db nor "
                     "store; say where yours is with --data, or make one: hudhud init --data "
                     "NEW_FOLDER",
                     data);
}

enum err folder_find(const struct folder *f, const char *data, bool own_database,
                     struct error *error)
{
    const char *needed = own_database ? f->database : f->key;
    if (access(needed, F_OK) == 0)
        return ERR_OK;
    if (errno == EACCES)
        return error_set(error, ERR_IO,
                         "the data folder %s belongs to another user; run this as that user", data);
    if (errno != ENOENT && errno != ENOTDIR)
        return error_set_errno(error, ERR_IO, "cannot look at %s", needed);
    if (access(data, F_OK) != 0)
        return error_set(error, ERR_NOT_FOUND,
                         "there is no folder %s; make it: hudhud init --data %s", data, data);
    return own_database ? explain_missing_database(f, data, error)
                        : explain_missing_key(f, data, error);
}

static enum err refuse_used(const char *data, struct error *error)
{
    return error_set(error, ERR_CONFLICT, "%s is there already and not empty; nothing was changed",
                     data);
}

static enum err make_folder(const char *data, struct error *error)
{
    if (mkdir(data, 0700) == 0)
        return ERR_OK;
    if (errno == ENOENT)
        return error_set_errno(error, ERR_IO, "cannot make %s (does the folder above it exist?)",
                               data);
    if (errno != EEXIST)
        return error_set_errno(error, ERR_IO, "cannot make the folder %s", data);
    if (!is_unused(data))
        return refuse_used(data, error);
    if (chmod(data, 0700) != 0)
        return error_set_errno(error, ERR_IO, "cannot make %s private (chmod 700)", data);
    return ERR_OK;
}

static void remove_database(const struct folder *f)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char name[sizeof(f->database) + 8];
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        snprintf(name, sizeof(name), "%s%s", f->database, suffixes[i]);
        unlink(name);
    }
}

/* A database on a server may be there already: another server's, or what an init left that did not
 * finish. A file is always new. */
static enum err open_database(const struct storage *storage, struct store **ret,
                              struct error *error)
{
    struct store_options options = storage->options;
    options.create = true;
    enum err e = store_open(&options, ret, error); /* leaves nothing behind when it fails */
    if (e != ERR_CONFLICT || !storage->url[0])
        return e;
    error_init(error, error->arena);
    options.create = false;
    return store_open(&options, ret, error);
}

static enum err explain_check(const struct folder *f, const struct storage *storage, bool had_key,
                              enum err e, struct error *error)
{
    if (e == ERR_AUTHENTICATION)
        return error_set(error, ERR_CONFLICT,
                         "%s is a database of hudhud already, and %s is %s. To make this folder "
                         "that of one more server on it: copy the file key from the data folder of "
                         "one that uses it to %s, chmod 600, and run this again",
                         storage->shown, f->key, had_key ? "another key than its own" : "not there",
                         f->key);
    if (e == ERR_IN_DOUBT)
        return error_set(error, e, "the database was lost at the last step; run this again");
    return error_set(error, e, "cannot write to the new database (is the disk full?)");
}

/* The folder says where the database is before the key counts: what was sealed with a key that is
 * removed again would be lost. */
static enum err make_database(const struct folder *f, const struct storage *storage,
                              const struct keyring *keyring, bool had_key, bool *ret_joined,
                              struct error *error)
{
    struct store *store;
    struct settle_check check = {.write.apply = settle_check, .keyring = keyring};
    enum err e = open_database(storage, &store, error);
    if (e)
        return e;
    bool on_server = storage->url[0];
    if (on_server)
        e = storage_write(storage, f, error);
    if (!e) {
        e = store_write_now(store, &check.write);
        if (e)
            e = explain_check(f, storage, had_key, e, error);
    }
    store_close(store);
    if (e && on_server)
        unlink(f->store);
    else if (e)
        remove_database(f);
    *ret_joined = check.found;
    return e;
}

/* A key that is there is used, never replaced: somebody may have kept a copy of it. */
static enum err fill_folder(const struct folder *f, const struct config *config, bool *ret_joined,
                            struct error *error)
{
    _cleanup_(storage_release)
    struct storage storage;
    struct keyring keyring = {0};
    bool had_key = access(f->key, F_OK) == 0;
    enum err e = storage_choose(&storage, f, config, error);
    if (!e)
        e = had_key ? keyring_load(&keyring, f->key, error)
                    : keyring_create(&keyring, f->key, error);
    if (e)
        return e;
    e = make_database(f, &storage, &keyring, had_key, ret_joined, error);
    keyring_release(&keyring);
    if (e && e != ERR_IN_DOUBT && !had_key)
        unlink(f->key);
    return e;
}

/* --- hudhud restore ----------------------------------------------------------------------- */

void folder_tidy(const struct folder *f)
{
    char left[sizeof(f->data) + sizeof(RESTORE_NAME) + 1];
    snprintf(left, sizeof(left), "%s/" RESTORE_NAME, f->data);
    store_discard(left);
}

/* A key that is there belongs to something: it is never overwritten. */
static enum err put_key(const struct folder *f, const struct keyring *keys, struct error *error)
{
    struct keyring there = {0};
    if (access(f->key, F_OK) != 0)
        return keyring_export(keys, keyring_current(keys), f->key, error);
    enum err e = keyring_load(&there, f->key, error);
    if (!e && keyring_current(&there) != keyring_current(keys))
        e = error_set(error, ERR_CONFLICT,
                      "%s is another key than the backup's: move it away first, it may be the only "
                      "one of its kind",
                      f->key);
    keyring_release(&there);
    return e;
}

/* The database comes into its place last, whole. */
static enum err restore_files(const struct folder *f, const char *backup, const char *key_file,
                              struct error *error)
{
    char fresh[sizeof(f->data) + sizeof(RESTORED_NAME) + 1];
    snprintf(fresh, sizeof(fresh), "%s/" RESTORED_NAME, f->data);
    const struct restore_options options = {.folder = backup, .key_path = key_file, .to = fresh};
    struct backup made;
    struct keyring keys = {0};
    enum err e = backup_prepare(&options, &made, &keys, error);
    if (e)
        return e;
    e = put_key(f, &keys, error);
    keyring_release(&keys);
    if (!e && rename(fresh, f->database) != 0)
        e = error_set_errno(error, ERR_IO, "cannot make %s", f->database);
    if (e)
        store_discard(fresh);
    return e ? e : file_sync_folder_of(f->database, error);
}

/* --- both --------------------------------------------------------------------------------- */

struct making {
    const struct config *config; /* of an init; NULL: a restore */
    const char *backup, *key_file;
    bool joined;
};

/* Whatever fails, what was made is removed: after the cause is mended the same command works. */
static enum err make_data(const char *data, struct making *m, struct error *error)
{
    struct folder f;
    enum err e = folder_name(&f, data, error);
    if (!e)
        e = make_folder(data, error);
    if (!e)
        e = folder_lock(&f, data, error);
    if (e)
        return e;
    /* Another command may have been at work until now. */
    if (!is_unused(data))
        e = refuse_used(data, error);
    else if (m->config)
        e = fill_folder(&f, m->config, &m->joined, error);
    else
        e = restore_files(&f, m->backup, m->key_file, error);
    if (e && is_unused(data))
        unlink(f.lock);
    folder_unlock(&f);
    return e;
}

enum err serve_init_folder(const char *data, const struct config *config, bool *ret_joined,
                           struct error *error)
{
    struct making m = {.config = config};
    enum err e = make_data(data, &m, error);
    *ret_joined = m.joined;
    return e;
}

enum err serve_restore_folder(const char *data, const char *backup, const char *key_file,
                              struct error *error)
{
    struct making m = {.backup = backup, .key_file = key_file};
    return make_data(data, &m, error);
}
