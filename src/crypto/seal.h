/* Sealing of secrets at rest: AES-256-GCM, random nonce.
 *
 * Record: version (1 byte, 1) | key id (4 bytes, big-endian) | nonce (12) | text | tag (16).
 * The record is bound to where it is stored by `context`, such as "clients.secret:17": a sealed
 * value that is copied to another row, field or table does not open.
 *
 * A record is opened with the key that it names, and sealed with the keyring's current one. */
#pragma once

#include "base/secret.h"
#include "crypto/keyring.h"

#define SEAL_OVERHEAD (1 + 4 + 12 + 16)

/* The record, in the arena; {NULL,0} when that is full. */
struct str seal(const struct keyring *k, struct str context, struct str text, struct arena *arena);
/* ERR_IO-free: ERR_AUTHENTICATION when the record was not sealed by a key of the ring for this
 * context, or is malformed. */
enum err seal_open(const struct keyring *k, struct str context, struct str record,
                   struct secret *ret) MUST_USE;
/* The id of the key that a record names; 0 when it is malformed. */
uint32_t seal_key_id(struct str record) MUST_USE;
