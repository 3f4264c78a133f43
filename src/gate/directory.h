/* Who may sign: an immutable snapshot of all clients, with their secrets opened.
 *
 * A change commits first, then whoever applied it calls directory_reload, and only then is it
 * answered: what was acknowledged is in force on every loop. Loops look at the version once a
 * request (directory_find): one atomic load while nothing changed. */
#pragma once

#include "base/secret.h"
#include "crypto/seal.h"
#include "store/store.h"
#include <pthread.h>
#include <stdatomic.h>

struct directory_client {
    struct directory_client *next; /* of its bucket */
    int64_t id, workspace_id;
    struct str client_id, domain;
    bool enabled; /* the client and its workspace */
    struct secret secret;
    struct secret previous;
    int64_t previous_until; /* ms */
};

struct directory; /* one snapshot */

struct directory_hub {
    pthread_mutex_t mutex; /* guards current, and makes reloads follow one another */
    struct directory *current;
    _Atomic uint64_t version;
    struct store *store;
    const struct keyring *keyring;
};

/* Empty until the first reload. store and keyring outlive the hub. */
void directory_hub_init(struct directory_hub *hub, struct store *store,
                        const struct keyring *keyring);
void directory_hub_release(struct directory_hub *hub);
/* Reads everything anew through `reader`, which is the caller's, and publishes it. */
enum err directory_reload(struct directory_hub *hub, struct store_reader *reader) MUST_USE;

/* A loop's own handle on the hub; belongs to the loop's thread. */
struct directory_view {
    struct directory_hub *hub;
    struct directory *directory;
    uint64_t version;
};
void directory_view_init(struct directory_view *view, struct directory_hub *hub);
void directory_view_release(struct directory_view *view);
/* NULL when there is no such client. Valid until the next directory_find on this view. */
const struct directory_client *directory_find(struct directory_view *view, struct str client_id);
