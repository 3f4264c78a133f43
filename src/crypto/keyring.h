/* The keys that secrets at rest are sealed with, and the file that holds them.
 *
 * The key file (DIR/key, 0600) is text, so that a person can back it up and see what it is. One
 * line a key; the first is the current one, which seals. There is more than one only while a
 * rotation goes on, or when a crash cut it short.
 *   hudhud-key-v1 <key id, 8 hex> <key, 64 hex>\n
 *
 * Any thread may seal and open with a keyring while another one changes it. A const pointer is
 * enough for that; whoever adds keys or makes another one the current holds one that is not. */
#pragma once

#include "base/err.h"
#include "base/limits.h"

#define SEAL_KEY_LEN 32

struct keyring {
    struct keyring_state *state; /* NULL: no key */
};

/* Makes a new key and its file; refuses to overwrite (ERR_CONFLICT). */
enum err keyring_create(struct keyring *k, const char *path, struct error *error) MUST_USE;
/* Refuses, with a message that says how to mend it, a file that is missing, malformed, or readable
 * by others. */
enum err keyring_load(struct keyring *k, const char *path, struct error *error) MUST_USE;
void keyring_release(struct keyring *k); /* wipes */

/* Adds a key; the first one is the current one. When KEYRING_MAX are there, the oldest of the
 * others goes. A key that is there already is not added again. */
void keyring_add(struct keyring *k, uint32_t id, const unsigned char key[SEAL_KEY_LEN]);
/* A new key, which is not the current one yet. Its id. */
uint32_t keyring_add_new(struct keyring *k) MUST_USE;
/* Every key of `from`, for opening alone. */
void keyring_add_all(struct keyring *k, const struct keyring *from);
/* This one seals from now on; it is in the ring. */
void keyring_use(struct keyring *k, uint32_t id);
void keyring_drop(struct keyring *k, uint32_t id);

/* How many there are; their ids, the current one first. */
size_t keyring_ids(const struct keyring *k, uint32_t ret[KEYRING_MAX]) MUST_USE;
/* 0 when there is no key. */
uint32_t keyring_current(const struct keyring *k) MUST_USE;

/* Replaces the key file by these keys of the ring, in this order: a crash leaves the old file or
 * the new one. ERR_IO when the file cannot be replaced; then it is as it was. */
enum err keyring_save(const struct keyring *k, const uint32_t *ids, size_t n, const char *path,
                      struct error *error) MUST_USE;
/* One key of the ring as a file of its own; ERR_CONFLICT when there is such a file. */
enum err keyring_export(const struct keyring *k, uint32_t id, const char *path,
                        struct error *error) MUST_USE;

/* For seal.c: a copy of the key, which the caller wipes; false when it is not in the ring. */
bool keyring_get(const struct keyring *k, uint32_t id, unsigned char ret[SEAL_KEY_LEN]) MUST_USE;
