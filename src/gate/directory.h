/* Who may sign: an immutable snapshot of all clients, with their secrets opened.
 *
 * A change commits first, then whoever applied it calls directory_reload, and only then is it
 * answered: what was acknowledged is in force on every loop. Loops look at the version once a
 * request (directory_find): one atomic load while nothing changed. */
#pragma once

#include "base/secret.h"
#include "crypto/seal.h"
#include "gate/counters.h"
#include "gate/permissions.h"
#include "store/store.h"
#include <pthread.h>
#include <stdatomic.h>

/* Shared by its clients; in the snapshot's arena. */
struct directory_workspace {
    int64_t id;
    struct str domain;
    bool enabled;
    const struct limit *limits; /* of each endpoint */
};

struct directory_client {
    struct directory_client *next; /* of its bucket */
    int64_t id;
    const struct directory_workspace *workspace;
    struct str client_id;
    bool enabled; /* the client and its workspace */
    struct secret secret;
    struct secret previous;
    uint64_t secret_mark, previous_mark; /* tell one secret from another, and say nothing of it */
    int64_t previous_until;              /* ms */
    const struct permissions *permissions;
    struct counters *counters; /* move on to the next snapshot */
};

/* May who signed with the secret of this mark still sign with it? */
static inline bool directory_client_has(const struct directory_client *c, uint64_t secret_mark,
                                        int64_t now_ms)
{
    return c->secret_mark == secret_mark ||
           (c->previous.len && c->previous_mark == secret_mark && now_ms < c->previous_until);
}

/* One of Meta's apps, whose webhooks are taken: meta.h. */
struct directory_app {
    struct directory_app *next;
    int64_t id;
    int64_t workspace_id; /* 0: everybody's */
    struct str domain;    /* the workspace's; empty: everybody's */
    struct secret secret;
    struct secret previous;
    int64_t previous_until; /* ms */
    struct secret token;
};

struct directory; /* one snapshot */

struct directory_hub {
    pthread_mutex_t loading; /* makes reloads follow one another */
    pthread_mutex_t mutex;   /* guards current; never held while the store is read */
    struct directory *current;
    _Atomic uint64_t version;
    struct store *store;
    const struct keyring *keyring;
    const struct endpoints *endpoints;
    struct limit *limits; /* the default plan */
    struct counters_list changed;
    /* How many processes count the same clients; 1, which it is at first: we are alone. And since
     * when; 0: always. */
    _Atomic int64_t n_counting, alone_since_s;
    struct queue *undecided; /* of struct undecided: to saved_counts.h; NULL: nobody decides */
};

/* Empty until the first reload. store, keyring and endpoints outlive the hub. */
void directory_hub_init(struct directory_hub *hub, struct store *store,
                        const struct keyring *keyring, const struct endpoints *endpoints);
void directory_hub_release(struct directory_hub *hub);
/* Reads everything anew through `reader`, which is the caller's, and publishes it. Any thread that
 * may wait for the store. */
enum err directory_reload(struct directory_hub *hub, struct store_reader *reader) MUST_USE;

/* Any thread, now and then. */
void directory_set_counting(struct directory_hub *hub, int64_t n, int64_t now_s);
/* For counters_take_shared. Others that are gone may have counted in windows that still run, and
 * what they wrote down is known from the next report on: for so long we are not alone. */
static inline int64_t directory_counting(const struct directory_hub *hub, const struct limit *limit,
                                         int64_t now_s)
{
    int64_t n = atomic_load_explicit(&hub->n_counting, memory_order_acquire);
    int64_t since_s = atomic_load_explicit(&hub->alone_since_s, memory_order_relaxed);
    return n == 1 && now_s - since_s <= limit->window_s ? 2 : n;
}

/* A loop's own handle on the hub; belongs to the loop's thread. */
struct directory_view {
    struct directory_hub *hub;
    struct directory *directory;
    uint64_t version;
};
void directory_view_init(struct directory_view *view, struct directory_hub *hub);
void directory_view_release(struct directory_view *view);
/* NULL when there is no such client. Valid until the next directory_find or directory_apps on this
 * view. */
const struct directory_client *directory_find(struct directory_view *view, struct str client_id);
/* All of Meta's apps; the same holds. */
const struct directory_app *directory_apps(struct directory_view *view);
