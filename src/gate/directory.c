#include "gate/directory.h"
#include "base/log.h"
#include "model/client.h"

#define FIRST_BUCKETS 64

struct directory {
    _Atomic int references;
    struct directory_client **buckets;
    size_t n_buckets; /* a power of two */
    size_t n_clients;
};

static void client_free(struct directory_client *c)
{
    secret_release(&c->secret);
    secret_release(&c->previous);
    free((char *)c->client_id.ptr);
    free(c);
}

static void directory_drop(struct directory *d)
{
    if (!d || atomic_fetch_sub(&d->references, 1) > 1)
        return;
    for (size_t i = 0; i < d->n_buckets; i++) {
        while (d->buckets[i]) {
            struct directory_client *c = d->buckets[i];
            d->buckets[i] = c->next;
            client_free(c);
        }
    }
    free(d->buckets);
    free(d);
}

static struct directory_client **bucket_of(const struct directory *d, struct str client_id)
{
    return &d->buckets[str_hash(client_id) & (d->n_buckets - 1)];
}

static void grow(struct directory *d)
{
    struct directory bigger = {.n_buckets = d->n_buckets ? d->n_buckets * 2 : FIRST_BUCKETS};
    bigger.buckets = xcalloc(bigger.n_buckets, sizeof(struct directory_client *));
    for (size_t i = 0; i < d->n_buckets; i++) {
        while (d->buckets[i]) {
            struct directory_client *c = d->buckets[i];
            d->buckets[i] = c->next;
            struct directory_client **to = bucket_of(&bigger, c->client_id);
            c->next = *to;
            *to = c;
        }
    }
    free(d->buckets);
    d->buckets = bigger.buckets;
    d->n_buckets = bigger.n_buckets;
}

/* The two names in one allocation, which client_id.ptr owns. */
static void copy_names(struct directory_client *to, const struct client *from)
{
    char *names = xmalloc(from->client_id.len + from->workspace_domain.len);
    memcpy(names, from->client_id.ptr, from->client_id.len);
    memcpy(names + from->client_id.len, from->workspace_domain.ptr, from->workspace_domain.len);
    to->client_id = str_make(names, from->client_id.len);
    to->domain = str_make(names + from->client_id.len, from->workspace_domain.len);
}

struct loading {
    struct directory *directory;
    const struct keyring *keyring;
};

static bool open_secret(const struct keyring *k, const struct client *c, struct str record,
                        struct secret *ret)
{
    char context[CLIENT_ID_MAX + 32];
    int n = snprintf(context, sizeof(context), CLIENT_SEAL_CONTEXT, STR_FMT(c->client_id));
    return seal_open(k, str_make(context, (size_t)n), record, ret) == ERR_OK;
}

/* A secret that does not open disables its client alone: the others still sign. */
static enum err load_client(void *arg, const struct client *c)
{
    struct loading *loading = arg;
    struct directory *d = loading->directory;
    struct directory_client *to = xcalloc(1, sizeof(*to));
    to->id = c->id;
    to->workspace_id = c->workspace_id;
    to->enabled = c->workspace_enabled && !c->disabled_at;
    to->previous_until = c->previous_until;
    copy_names(to, c);
    bool opened = open_secret(loading->keyring, c, c->sealed_secret, &to->secret);
    if (opened && c->sealed_previous.len)
        opened = open_secret(loading->keyring, c, c->sealed_previous, &to->previous);
    if (!opened) {
        to->enabled = false;
        log_event(LOG_ERROR, "client_secret_unreadable", LOG_STR("client_id", c->client_id),
                  LOG_CSTR("mend", "rotate the client's secret, or restore the key file"));
    }
    if (d->n_clients >= d->n_buckets)
        grow(d);
    struct directory_client **bucket = bucket_of(d, to->client_id);
    to->next = *bucket;
    *bucket = to;
    d->n_clients++;
    return ERR_OK;
}

void directory_hub_init(struct directory_hub *hub, struct store *store,
                        const struct keyring *keyring)
{
    *hub = (struct directory_hub){.store = store, .keyring = keyring};
    if (pthread_mutex_init(&hub->mutex, NULL) != 0)
        die("cannot make a mutex");
}

void directory_hub_release(struct directory_hub *hub)
{
    directory_drop(hub->current);
    hub->current = NULL;
    pthread_mutex_destroy(&hub->mutex);
}

static enum err load(struct directory_hub *hub, struct store_reader *reader, struct directory **ret)
{
    struct directory *d = xcalloc(1, sizeof(*d));
    atomic_init(&d->references, 1);
    grow(d);
    struct loading loading = {d, hub->keyring};
    struct tx *tx;
    enum err e = store_read_begin(reader, &tx);
    if (!e) {
        e = client_each(tx, load_client, &loading);
        store_read_end(reader);
    }
    if (e)
        directory_drop(d);
    else
        *ret = d;
    return e;
}

enum err directory_reload(struct directory_hub *hub, struct store_reader *reader)
{
    /* The read begins inside the lock: a later reload can only have seen more. */
    pthread_mutex_lock(&hub->mutex);
    struct directory *fresh, *old = NULL;
    enum err e = load(hub, reader, &fresh);
    if (!e) {
        old = hub->current;
        hub->current = fresh;
        atomic_fetch_add(&hub->version, 1);
    }
    pthread_mutex_unlock(&hub->mutex);
    directory_drop(old);
    return e;
}

void directory_view_init(struct directory_view *view, struct directory_hub *hub)
{
    *view = (struct directory_view){.hub = hub};
}

void directory_view_release(struct directory_view *view)
{
    directory_drop(view->directory);
    view->directory = NULL;
}

static void view_refresh(struct directory_view *view)
{
    if (atomic_load_explicit(&view->hub->version, memory_order_acquire) == view->version)
        return;
    struct directory *old = view->directory;
    pthread_mutex_lock(&view->hub->mutex);
    view->directory = view->hub->current;
    view->version = atomic_load(&view->hub->version);
    if (view->directory)
        atomic_fetch_add(&view->directory->references, 1);
    pthread_mutex_unlock(&view->hub->mutex);
    directory_drop(old);
}

const struct directory_client *directory_find(struct directory_view *view, struct str client_id)
{
    view_refresh(view);
    if (!view->directory)
        return NULL;
    for (struct directory_client *c = *bucket_of(view->directory, client_id); c; c = c->next)
        if (str_eq(c->client_id, client_id))
            return c;
    return NULL;
}
