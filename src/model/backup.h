/* A backup: a folder with a copy of the database, the key (unless it was left out), and, written
 * last, a manifest that says what they are. Without its manifest a folder is no backup: it was not
 * finished.
 *   hudhud.db      one moment of the database, in one file
 *   key            the key that its secrets are sealed with, 0600; of a rotation that was not ended
 *                  all of its keys
 *   manifest.json  versions, when, rows of each table, the file's SHA-256, the key's id
 *
 * None of these is for a loop: they wait for files. */
#pragma once

#include "crypto/seal.h"
#include "store/copy.h"
#include "json/writer.h"

struct backup_options {
    struct store *store;
    const struct keyring *keyring;
    const char *folder; /* to be made; or empty, and ours */
    bool without_key;
    bool (*go_on)(void *arg); /* as of store_copy */
    void *arg;
};

struct backup {
    struct str folder; /* everything in error->arena */
    struct str version;
    int64_t schema_version;
    struct str created_at; /* "2024-01-15T10:30:00Z" */
    int64_t made_at;       /* ms; of the installation */
    int64_t size;          /* bytes of the database */
    struct str sha256;     /* hex, of the database */
    uint32_t key_id;
    bool has_key;
    struct store_table *tables;
};

/* What fails leaves nothing behind. */
enum err backup_write(const struct backup_options *options, struct backup *ret,
                      struct error *error) MUST_USE;
/* The manifest, and whether files are there. Errors say what is wrong with the folder. */
enum err backup_read(const char *folder, struct backup *ret, struct error *error) MUST_USE;

/* The manifest, as the file has it, as an answer's value. */
void backup_write_json(struct json_writer *w, const struct backup *b);
/* When this store's installation was made: struct backup has it too. */
enum err backup_installation(struct tx *tx, int64_t *ret) MUST_USE;
enum err backup_made_at(struct store *store, int64_t *ret, struct error *error) MUST_USE;

/* --- restoring ---------------------------------------------------------------------------- */

/* In the data folder, while a restore goes on. */
#define RESTORE_NAME "restore.db"

struct restore_options {
    const char *folder;   /* of the backup */
    const char *key_path; /* of a backup without its key; NULL: the backup's own */
    /* What the restored database is to be sealed with. NULL: the current one of the keys it is
     * opened with, which is the backup's own but for the file of an unfinished rotation. */
    const struct keyring *keyring;
    const char *to; /* a new file */
};

/* Makes the file `to` from the backup: checked against the manifest and through and through,
 * brought to this program's schema, its secrets sealed with the current key of the ring. What fails
 * leaves no file. *ret_keys: the keys that the backup was opened with; the caller's. */
enum err backup_prepare(const struct restore_options *options, struct backup *ret,
                        struct keyring *ret_keys, struct error *error) MUST_USE;

/* Puts the backup's content into the place of everything that the store has, after keeping that in
 * the folder `safety`, as a backup. On an error nothing changed. */
enum err backup_replace(struct store *store, const struct keyring *keyring, const char *prepared,
                        const char *safety, struct error *error) MUST_USE;
