/* Sealing of secrets at rest: AES-256-GCM, random nonce.
 *
 * Record: version (1 byte, 1) | key id (4 bytes, big-endian) | nonce (12) | text | tag (16).
 * The record is bound to where it is stored by `context`, such as "clients.secret:17": a sealed
 * value that is copied to another row, field or table does not open.
 *
 * The key file (DIR/key, 0600) is text, so that a person can back it up and see what it is:
 *   hudhud-key-v1 <key id, 8 hex> <key, 64 hex>\n
 * A keyring is read-only after loading; any thread may use it. */
#pragma once

#include "base/err.h"
#include "base/secret.h"

#define SEAL_KEY_LEN  32
#define SEAL_OVERHEAD (1 + 4 + 12 + 16)

struct keyring {
    uint32_t key_id;
    unsigned char key[SEAL_KEY_LEN];
    bool loaded;
};

/* Makes a new key and its file; refuses to overwrite (ERR_CONFLICT). */
enum err keyring_create(struct keyring *k, const char *path, struct error *error) MUST_USE;
/* Refuses, with a message that says how to mend it, a file that is missing, malformed, or readable
 * by others. */
enum err keyring_load(struct keyring *k, const char *path, struct error *error) MUST_USE;
void keyring_release(struct keyring *k); /* wipes */

/* The record, in the arena; {NULL,0} when that is full. */
struct str seal(const struct keyring *k, struct str context, struct str text, struct arena *arena);
/* ERR_IO-free: ERR_AUTHENTICATION when the record was not sealed by this key for this context, or
 * is malformed. */
enum err seal_open(const struct keyring *k, struct str context, struct str record,
                   struct secret *ret) MUST_USE;
