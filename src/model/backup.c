#include "model/backup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "crypto/hex.h"
#include "crypto/sha256.h"
#include "model/idempotency.h"
#include "model/sealed.h"
#include "json/reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT        1 /* of the folder and its manifest */
#define DATABASE_NAME "hudhud.db"
#define KEY_NAME      "key"
#define MANIFEST_NAME "manifest.json"

/* --- paths -------------------------------------------------------------------------------- */

struct paths {
    char database[BACKUP_PATH_MAX + 32], key[BACKUP_PATH_MAX + 32], manifest[BACKUP_PATH_MAX + 32];
};

static enum err name_paths(struct paths *p, const char *folder, struct error *error)
{
    if (strlen(folder) > BACKUP_PATH_MAX)
        return error_set(error, ERR_LIMIT, "the path of the backup is longer than %d bytes",
                         BACKUP_PATH_MAX);
    snprintf(p->database, sizeof(p->database), "%s/" DATABASE_NAME, folder);
    snprintf(p->key, sizeof(p->key), "%s/" KEY_NAME, folder);
    snprintf(p->manifest, sizeof(p->manifest), "%s/" MANIFEST_NAME, folder);
    return ERR_OK;
}

static bool is_empty(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        return false;
    bool empty = true;
    for (struct dirent *entry; empty && (entry = readdir(folder));)
        empty =
            str_eq(str_from(entry->d_name), STR(".")) || str_eq(str_from(entry->d_name), STR(".."));
    closedir(folder);
    return empty;
}

/* Whoever owns the folder can put other files in the places of those that we write. */
static bool is_ours(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && st.st_uid == geteuid();
}

static enum err make_folder(const char *path, struct error *error)
{
    if (mkdir(path, 0700) == 0)
        return ERR_OK;
    if (errno == ENOENT)
        return error_set_errno(error, ERR_IO, "cannot make %s (does the folder above it exist?)",
                               path);
    if (errno != EEXIST)
        return error_set_errno(
            error, ERR_IO, "cannot make %s (the server makes it: may its user write there?)", path);
    if (!is_empty(path))
        return error_set(error, ERR_CONFLICT,
                         "%s is there already and not empty; nothing was changed", path);
    if (!is_ours(path))
        return error_set(error, ERR_CONFLICT,
                         "%s belongs to another user, who could change what is written there; name "
                         "a new folder",
                         path);
    if (chmod(path, 0700) != 0)
        return error_set_errno(error, ERR_IO, "cannot make %s private (chmod 700)", path);
    return ERR_OK;
}

static void remove_folder(const char *path, const struct paths *p)
{
    unlink(p->manifest);
    unlink(p->key);
    unlink(p->database);
    rmdir(path);
}

/* --- the database's file ------------------------------------------------------------------ */

static struct str hex_of(const unsigned char *bytes, size_t len, struct arena *arena)
{
    char *text = arena_alloc(arena, 2 * len);
    if (!text)
        return (struct str){NULL, 0};
    hex_encode(bytes, len, text);
    return str_make(text, 2 * len);
}

/* Its hash and size; copied to the descriptor `to`, unless that is -1, in the same pass: what was
 * checked is what was copied. */
static enum err read_file(const char *path, int to, struct backup *b, struct error *error)
{
    _cleanup_(closep)
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(error, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot open %s",
                               path);
    _cleanup_(freep)
    char *piece = xmalloc(BACKUP_PIECE);
    unsigned char digest[SHA256_LEN];
    struct sha256 hash;
    ssize_t n;
    b->size = 0;
    sha256_begin(&hash);
    while ((n = read(fd, piece, BACKUP_PIECE)) > 0) {
        sha256_add(&hash, str_make(piece, (size_t)n));
        b->size += n;
        if (to >= 0 && !file_write_all(to, str_make(piece, (size_t)n)))
            break;
    }
    sha256_end(&hash, digest);
    if (n != 0)
        return error_set_errno(error, ERR_IO, n < 0 ? "cannot read %s" : "cannot copy %s", path);
    b->sha256 = hex_of(digest, sizeof(digest), error->arena);
    return b->sha256.ptr ? ERR_OK : ERR_NO_MEMORY;
}

/* --- the manifest ------------------------------------------------------------------------- */

void backup_write_json(struct json_writer *w, const struct backup *b)
{
    char id[9];
    snprintf(id, sizeof(id), "%08x", b->key_id);
    json_open(w, '{');
    json_member_i64(w, "format", FORMAT);
    json_member_str(w, "version", b->version);
    json_member_i64(w, "schema", b->schema_version);
    json_member_str(w, "created_at", b->created_at);
    json_member_i64(w, "installation", b->made_at);
    json_member_i64(w, "size", b->size);
    json_member_str(w, "sha256", b->sha256);
    json_member_cstr(w, "key_id", id);
    json_member_bool(w, "key_included", b->has_key);
    json_key(w, "tables");
    json_open(w, '{');
    for (const struct store_table *t = b->tables; t; t = t->next) {
        json_key_str(w, t->name);
        json_i64(w, t->rows);
    }
    json_close(w, '}');
    json_close(w, '}');
}

static struct str now_text(struct arena *arena)
{
    char text[CLOCK_ISO_LEN];
    clock_format_iso(clock_now_ms(), text);
    return arena_dup(arena, str_make(text, sizeof(text)));
}

/* The last step: from here on the folder is a backup. */
static enum err write_manifest(const struct backup *b, const char *path, struct error *error)
{
    _cleanup_(buf_release)
    struct buf text;
    struct json_writer w;
    buf_init(&text, BACKUP_MANIFEST_MAX);
    json_writer_init(&w, &text);
    backup_write_json(&w, b);
    buf_add_char(&text, '\n');
    if (!buf_ok(&text))
        return error_set(error, ERR_NO_MEMORY, "no memory for the manifest");
    return file_replace(path, buf_str(&text), 0600, error);
}

/* The database's file is there, and the key's if it is to be. */
static enum err describe(const struct paths *p, struct backup *b, struct error *error)
{
    struct store_facts facts;
    enum err e = store_inspect(p->database, &facts, error);
    if (!e)
        e = read_file(p->database, -1, b, error);
    if (e)
        return e;
    b->version = STR(HUDHUD_VERSION);
    b->schema_version = facts.schema_version;
    b->made_at = facts.made_at;
    b->tables = facts.tables;
    b->created_at = now_text(error->arena);
    return write_manifest(b, p->manifest, error);
}

static struct str required_text(struct json manifest, const char *key, bool *good)
{
    struct str text = json_as_str(json_get(manifest, key), STR(""));
    *good = *good && text.len;
    return text;
}

static bool read_key_id(struct str text, uint32_t *ret)
{
    unsigned char id[4];
    if (!hex_decode(text, id, sizeof(id)))
        return false;
    *ret = (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3];
    return true;
}

static enum err parse_manifest(struct json m, struct backup *b, const char *path,
                               struct error *error)
{
    bool good = json_is_object(m);
    if (json_as_i64(json_get(m, "format"), 0) > FORMAT)
        return error_set(error, ERR_CONFLICT,
                         "%s was made by a newer hudhud (%.*s): install that one", path,
                         STR_FMT(json_as_str(json_get(m, "version"), STR("unknown"))));
    good = good && json_as_i64(json_get(m, "format"), 0) == FORMAT;
    b->version = required_text(m, "version", &good);
    b->created_at = required_text(m, "created_at", &good);
    b->sha256 = required_text(m, "sha256", &good);
    good = good && json_to_i64(json_get(m, "schema"), &b->schema_version) &&
           json_to_i64(json_get(m, "installation"), &b->made_at) &&
           json_to_i64(json_get(m, "size"), &b->size) &&
           read_key_id(required_text(m, "key_id", &good), &b->key_id);
    return good ? ERR_OK
                : error_set(error, ERR_VALIDATION, "%s is not the manifest of a backup", path);
}

enum err backup_read(const char *folder, struct backup *ret, struct error *error)
{
    struct paths p;
    struct json manifest;
    struct backup b = {.folder = str_from(folder)};
    _cleanup_(buf_release)
    struct buf text;
    buf_init(&text, BACKUP_MANIFEST_MAX);
    enum err e = name_paths(&p, folder, error);
    if (e)
        return e;
    e = file_read(p.manifest, &text, error);
    if (e == ERR_NOT_FOUND)
        return error_set(error, e,
                         "%s is no backup: it has no " MANIFEST_NAME
                         ", which hudhud backup writes last",
                         folder);
    if (!e && json_parse(buf_str(&text), error->arena, &manifest, error))
        e = error_set(error, ERR_VALIDATION, "%s is damaged: it is no JSON", p.manifest);
    if (!e)
        e = parse_manifest(manifest, &b, p.manifest, error);
    if (e)
        return e;
    b.has_key = access(p.key, F_OK) == 0;
    *ret = b;
    return ERR_OK;
}

/* --- backing up --------------------------------------------------------------------------- */

static enum err count_sealed(struct store *store, const struct keyring *keyring,
                             struct sealed_counts *ret, struct error *error)
{
    struct store_reader *reader;
    struct tx *tx;
    enum err e = store_reader_open(store, &reader, error);
    if (e)
        return e;
    e = store_read_begin(reader, &tx);
    if (!e)
        e = sealed_count(tx, keyring, ret);
    store_reader_close(reader);
    return e ? error_set(error, e, "cannot read the database") : ERR_OK;
}

/* The current key. Where another one has sealed something, which a rotation leaves that could not
 * be ended, all of the ring: without them the backup could not be read. */
static enum err export_keys(struct store *store, const struct keyring *keyring, const char *path,
                            struct error *error)
{
    struct sealed_counts counts = {0};
    uint32_t ids[KEYRING_MAX] = {0};
    enum err e = count_sealed(store, keyring, &counts, error);
    if (e)
        return e;
    size_t n = keyring_ids(keyring, ids);
    bool one = counts.n == 1 && counts.keys[0].key_id == ids[0];
    return one ? keyring_export(keyring, ids[0], path, error)
               : keyring_save(keyring, ids, n, path, error);
}

static enum err fill_folder(const struct backup_options *o, const struct paths *p, struct backup *b,
                            struct error *error)
{
    struct store_copy copy = {.path = p->database, .go_on = o->go_on, .arg = o->arg};
    enum err e = store_copy(o->store, &copy, error);
    if (!e && b->has_key)
        e = export_keys(o->store, o->keyring, p->key, error);
    return e ? e : describe(p, b, error);
}

enum err backup_write(const struct backup_options *o, struct backup *ret, struct error *error)
{
    struct paths p;
    struct backup b = {.folder = str_from(o->folder), .has_key = !o->without_key};
    b.key_id = keyring_current(o->keyring);
    enum err e = name_paths(&p, o->folder, error);
    if (!e)
        e = make_folder(o->folder, error);
    if (e)
        return e;
    e = fill_folder(o, &p, &b, error);
    if (!e)
        e = file_sync_folder_of(o->folder, error);
    if (e) {
        remove_folder(o->folder, &p);
        return e;
    }
    log_event(LOG_INFO, "backup_written", LOG_CSTR("folder", o->folder), LOG_INT("bytes", b.size));
    *ret = b;
    return ERR_OK;
}

enum err backup_installation(struct tx *tx, int64_t *ret)
{
    return tx_i64(tx, "SELECT min(applied_at) FROM schema_version", NO_PARAMS, ret);
}

enum err backup_made_at(struct store *store, int64_t *ret, struct error *error)
{
    struct store_reader *reader;
    struct tx *tx;
    enum err e = store_reader_open(store, &reader, error);
    if (e)
        return e;
    e = store_read_begin(reader, &tx);
    if (!e)
        e = backup_installation(tx, ret);
    store_reader_close(reader);
    return e ? error_set(error, e, "cannot read the database") : ERR_OK;
}

enum err backup_replace(struct store *store, const struct keyring *keyring, const char *prepared,
                        const char *safety, struct error *error)
{
    struct paths p;
    struct backup b = {.has_key = true, .key_id = keyring_current(keyring)};
    enum err e = name_paths(&p, safety, error);
    if (!e)
        e = make_folder(safety, error);
    if (e)
        return e;
    struct store_copy copy = {.path = p.database};
    e = export_keys(store, keyring, p.key, error);
    if (!e)
        e = store_replace(store, prepared, &copy, error);
    if (e) {
        remove_folder(safety, &p);
        return e;
    }
    /* What was there may be damaged: that may be why it was replaced. */
    if (describe(&p, &b, error)) {
        log_event(LOG_WARN, "safety_copy_not_checked", LOG_CSTR("folder", safety),
                  LOG_STR("error", error->message));
        error_init(error, error->arena);
    }
    return ERR_OK;
}

/* --- restoring ---------------------------------------------------------------------------- */

static enum err compare(const struct backup *said, const struct backup *found, const char *path,
                        struct error *error)
{
    if (said->size == found->size && str_eq(said->sha256, found->sha256))
        return ERR_OK;
    return error_set(error, ERR_VALIDATION,
                     "%s is not the file that was backed up: its size or its SHA-256 differs from "
                     "the manifest's; it was changed, or copied in part",
                     path);
}

static enum err copy_database(const struct paths *p, const char *to, const struct backup *said,
                              struct error *error)
{
    struct backup found = {0};
    _cleanup_(closep)
    int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set_errno(error, ERR_IO, "cannot make %s", to);
    enum err e = read_file(p->database, fd, &found, error);
    if (!e)
        e = compare(said, &found, p->database, error);
    if (!e && fsync(fd) != 0)
        e = error_set_errno(error, ERR_IO, "cannot write %s", to);
    return e;
}

/* The keys of the backup; with none in it, and none given, those that there are. */
static enum err load_keys(const struct restore_options *o, const struct paths *p,
                          const struct backup *b, struct keyring *ret, struct error *error)
{
    unsigned char ignored[SEAL_KEY_LEN];
    bool known = o->keyring && keyring_get(o->keyring, b->key_id, ignored);
    wipe(ignored, sizeof(ignored));
    if (o->key_path || b->has_key)
        return keyring_load(ret, o->key_path ? o->key_path : p->key, error);
    if (known)
        return ERR_OK;
    return error_set(error, ERR_NOT_FOUND,
                     "the backup was made without its key %08x: say where that is with --key-file "
                     "(a rotation keeps the old key as DIR/key.%08x.old)",
                     b->key_id, b->key_id);
}

static enum err check_schema(const char *path, struct error *error)
{
    struct store_facts facts;
    enum err e = store_inspect(path, &facts, error);
    if (!e && facts.schema_version > store_schema_version())
        e = error_set(error, ERR_CONFLICT,
                      "the backup is of a newer hudhud: its database is version %lld, and this one "
                      "knows %lld; install the newer one",
                      (long long)facts.schema_version, (long long)store_schema_version());
    return e;
}

struct seal_write {
    struct store_write write;
    const struct keyring *keys;
    int64_t renewed, unreadable;
};

static enum err seal_apply(struct store_write *write, struct tx *tx)
{
    struct seal_write *w = CONTAINER_OF(write, struct seal_write, write);
    enum err e = sealed_test_check(tx, w->keys);
    if (!e)
        e = sealed_renew(tx, w->keys, &w->renewed, &w->unreadable);
    /* What ran when the backup was made runs no more. */
    return e ? e : idempotency_forget_running(tx);
}

/* Opening it brings it to our schema; then the current key of `keys` has sealed all of it, for that
 * one alone comes with it. */
static enum err seal_database(const struct restore_options *o, const struct keyring *keys,
                              const struct backup *b, struct error *error)
{
    struct store *store;
    struct store_options options = {.path = o->to};
    enum err e = store_open(&options, &store, error);
    if (e)
        return e;
    struct seal_write w = {.write.apply = seal_apply, .keys = keys};
    e = store_write_now(store, &w.write);
    store_close(store);
    if (e == ERR_AUTHENTICATION)
        return error_set(error, e,
                         "the key does not open the backup's database, which needs the key %08x",
                         b->key_id);
    if (!e && w.unreadable)
        log_event(LOG_WARN, "values_unreadable", LOG_INT("values", w.unreadable),
                  LOG_CSTR("mend", "rotate those clients' secrets, link those accounts again"));
    return e ? error_set(error, e, "cannot write %s (is the disk full?)", o->to) : ERR_OK;
}

static enum err prepare(const struct restore_options *o, const struct paths *p, struct backup *b,
                        struct keyring *keys, struct error *error)
{
    struct keyring own = {0};
    if (o->keyring)
        keyring_add_all(keys, o->keyring); /* its current one comes first, and seals */
    enum err e = load_keys(o, p, b, &own, error);
    if (!e)
        e = copy_database(p, o->to, b, error);
    if (!e)
        e = check_schema(o->to, error);
    if (!e) {
        keyring_add_all(keys, &own);
        e = seal_database(o, keys, b, error);
    }
    keyring_release(&own);
    return e;
}

enum err backup_prepare(const struct restore_options *o, struct backup *ret,
                        struct keyring *ret_keys, struct error *error)
{
    struct paths p;
    struct backup b = {0};
    struct keyring keys = {0};
    enum err e = backup_read(o->folder, &b, error);
    if (!e)
        e = name_paths(&p, o->folder, error);
    if (e)
        return e;
    store_discard(o->to); /* of a crash */
    e = prepare(o, &p, &b, &keys, error);
    if (e) {
        store_discard(o->to);
        keyring_release(&keys);
        return e;
    }
    *ret = b;
    *ret_keys = keys;
    return ERR_OK;
}
