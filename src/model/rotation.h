/* Rotating the sealing key: a new key, and every sealed value sealed with it.
 *
 * First the key file gets both keys, then one write seals everything anew, then the file loses the
 * old key. A crash between leaves a file with both: everything opens, and rotation_finish ends it
 * at the next start. In memory the old key stays, for whoever reads an older snapshot.
 *
 * Of several processes on one store only the last one may rotate: the others know nothing of the
 * new key. Whoever reads the file with both keys ends the rotation, without asking for others.
 *
 * Old backups that came without their key need the old one: it is kept beside the key file, as
 * KEY.<id>.old, until the operator removes it. */
#pragma once

#include "crypto/seal.h"
#include "store/store.h"

struct rotation {
    uint32_t old_id, new_id;
    int64_t renewed, unreadable; /* values; the latter stay as they were */
    bool unfinished;             /* the old key is in the file still: see the log */
    struct str kept;             /* the old key's file, in error->arena */
};

/* Not on a loop: it waits for files and the store. One at a time. On an error nothing changed, but
 * for ERR_IN_DOUBT: then both keys are in the ring and in the file, until the next start. */
enum err rotation_run(struct store *store, struct keyring *keyring, const char *key_path,
                      struct rotation *ret, struct error *error) MUST_USE;
/* Does nothing when the ring, as it was loaded, holds one key. What cannot be ended is logged:
 * everything opens all the same. */
void rotation_finish(struct store *store, struct keyring *keyring, const char *key_path,
                     struct error *error);
