/* The data folder: its files, its lock, and the proof that key and database belong together. */
#pragma once

#include "base/err.h"
#include "crypto/seal.h"
#include "store/store.h"

#define FOLDER_PATH_MAX 512 /* of the data folder; a unix socket's path is far shorter (108) */

struct folder {
    char data[FOLDER_PATH_MAX + 1];
    char database[FOLDER_PATH_MAX + 32];
    char store[FOLDER_PATH_MAX + 32];   /* says where the database is, if not in the folder */
    char replica[FOLDER_PATH_MAX + 32]; /* the folder's name among those of one database */
    char key[FOLDER_PATH_MAX + 32];
    char lock[FOLDER_PATH_MAX + 32];
    char socket[FOLDER_PATH_MAX + 32];
    int lock_fd; /* -1: not held */
};

/* Fills the paths; ERR_LIMIT when `data` is too long. */
enum err folder_name(struct folder *f, const char *data, struct error *error) MUST_USE;
/* Is this a data folder, with a database of its own or without? ERR_NOT_FOUND says how to come to
 * one. To be asked before folder_lock, which would leave its file in a folder that is none. */
enum err folder_find(const struct folder *f, const char *data, bool own_database,
                     struct error *error) MUST_USE;
/* Takes the lock and holds it; ERR_BUSY names the process that has it. */
enum err folder_lock(struct folder *f, const char *data, struct error *error) MUST_USE;
void folder_unlock(struct folder *f); /* safe twice */
/* Removes what a restore leaves that a crash cut short. */
void folder_tidy(const struct folder *f);

/* Does the key open the text that init sealed with it? */
enum err folder_test_key(struct store_reader *reader, const struct keyring *keyring,
                         const char *key_path, struct error *error) MUST_USE;
