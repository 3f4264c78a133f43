#include "gate/directory.h"
#include "base/log.h"
#include "crypto/sha256.h"
#include "gate/directory_apps.h"
#include "model/client.h"

#define FIRST_BUCKETS 64

struct directory {
    _Atomic int references;
    struct arena arena; /* workspaces, names and permissions */
    struct directory_client **buckets;
    size_t n_buckets; /* a power of two */
    size_t n_clients;
    struct directory_app *apps;
};

static void client_free(struct directory_client *c)
{
    secret_release(&c->secret);
    secret_release(&c->previous);
    counters_release(c->counters);
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
    directory_apps_free(d->apps);
    arena_release(&d->arena);
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

static struct directory_client *find(const struct directory *d, struct str client_id)
{
    for (struct directory_client *c = *bucket_of(d, client_id); c; c = c->next)
        if (str_eq(c->client_id, client_id))
            return c;
    return NULL;
}

/* --- loading ------------------------------------------------------------------------------ */

struct loading {
    struct directory_hub *hub;
    struct directory *directory;
    const struct directory_workspace *workspace; /* of the last client: they come in its order */
    struct arena scratch;                        /* what JSON is parsed in */
};

/* What is wrong with a stored plan or permissions: the sentence, and the first field it names. */
static void log_unreadable(const char *event, struct str whose, const struct error *error,
                           const char *effect)
{
    struct str field = error->details ? error->details->field : STR("");
    log_event(LOG_ERROR, event, LOG_STR("of", whose), LOG_STR("error", error->message),
              LOG_STR("field", field), LOG_CSTR("effect", effect));
}

/* A plan that this version cannot read any more is no reason to shut a workspace out. */
static const struct limit *load_limits(struct loading *l, const struct client *c)
{
    const struct endpoints *e = l->hub->endpoints;
    if (c->workspace_plan.len == 0)
        return l->hub->limits;
    struct error error;
    arena_clear(&l->scratch);
    error_init(&error, &l->scratch);
    struct limit *limits = arena_calloc(&l->directory->arena, e->n, sizeof(*limits));
    if (!limits || plan_parse(c->workspace_plan, e, limits, &error) == ERR_OK)
        return limits;
    log_unreadable("plan_unreadable", c->workspace_domain, &error, "the default plan holds");
    return l->hub->limits;
}

static bool load_workspace(struct loading *l, const struct client *c)
{
    if (l->workspace && l->workspace->id == c->workspace_id)
        return true;
    struct directory_workspace *w = ARENA_NEW(&l->directory->arena, struct directory_workspace);
    if (!w)
        return false;
    w->id = c->workspace_id;
    w->domain = arena_dup(&l->directory->arena, c->workspace_domain);
    w->enabled = c->workspace_enabled;
    w->limits = load_limits(l, c);
    l->workspace = w;
    return w->domain.ptr && w->limits;
}

static bool open_secret(const struct keyring *k, const struct client *c, struct str record,
                        struct secret *ret)
{
    char context[CLIENT_ID_MAX + 32];
    int n = snprintf(context, sizeof(context), CLIENT_SEAL_CONTEXT, STR_FMT(c->client_id));
    return seal_open(k, str_make(context, (size_t)n), record, ret) == ERR_OK;
}

static uint64_t mark_of(const struct secret *secret)
{
    struct sha256 hash;
    unsigned char digest[SHA256_LEN];
    uint64_t mark;
    sha256_begin(&hash);
    sha256_add(&hash, secret_reveal(secret));
    sha256_end(&hash, digest);
    memcpy(&mark, digest, sizeof(mark));
    return mark;
}

/* A secret that does not open disables its client alone: the others still sign. */
static void open_secrets(const struct keyring *keyring, const struct client *c,
                         struct directory_client *to)
{
    bool opened = open_secret(keyring, c, c->sealed_secret, &to->secret);
    if (opened && c->sealed_previous.len)
        opened = open_secret(keyring, c, c->sealed_previous, &to->previous);
    to->secret_mark = mark_of(&to->secret);
    to->previous_mark = mark_of(&to->previous);
    if (opened)
        return;
    to->enabled = false;
    log_event(LOG_ERROR, "client_secret_unreadable", LOG_STR("client_id", c->client_id),
              LOG_CSTR("mend", "rotate the client's secret, or restore the key file"));
}

/* So do permissions that cannot be read: they may have been meant to keep the client out. */
static bool load_permissions(struct loading *l, const struct client *c, struct directory_client *to)
{
    struct permissions p;
    struct error error;
    arena_clear(&l->scratch);
    error_init(&error, &l->scratch);
    if (permissions_parse(c->permissions, &l->scratch, &p, &error) != ERR_OK) {
        p = permissions_everything;
        to->enabled = false;
        log_unreadable("permissions_unreadable", c->client_id, &error, "the client is shut out");
    }
    to->permissions = permissions_copy(&p, &l->directory->arena);
    return to->permissions != NULL;
}

/* Who was there before counts on. */
static struct counters *load_counters(struct loading *l, const struct client *c)
{
    const struct directory *before = l->hub->current;
    const struct directory_client *old = before ? find(before, c->client_id) : NULL;
    if (old && old->id == c->id)
        return counters_retain(old->counters);
    return counters_new(c->id, l->hub->endpoints->n, &l->hub->changed);
}

static void add(struct directory *d, struct directory_client *c)
{
    if (d->n_clients >= d->n_buckets)
        grow(d);
    struct directory_client **bucket = bucket_of(d, c->client_id);
    c->next = *bucket;
    *bucket = c;
    d->n_clients++;
}

static enum err load_client(void *arg, const struct client *c)
{
    struct loading *l = arg;
    struct str client_id = arena_dup(&l->directory->arena, c->client_id);
    if (!client_id.ptr || !load_workspace(l, c))
        return ERR_NO_MEMORY;
    struct directory_client *to = xcalloc(1, sizeof(*to));
    to->id = c->id;
    to->client_id = client_id;
    to->workspace = l->workspace;
    to->enabled = c->workspace_enabled && !c->disabled_at;
    to->previous_until = c->previous_until;
    to->counters = load_counters(l, c);
    add(l->directory, to);
    open_secrets(l->hub->keyring, c, to);
    return load_permissions(l, c, to) ? ERR_OK : ERR_NO_MEMORY;
}

static enum err load(struct directory_hub *hub, struct store_reader *reader, struct directory **ret)
{
    struct directory *d = xcalloc(1, sizeof(*d));
    atomic_init(&d->references, 1);
    arena_init(&d->arena, DIRECTORY_ARENA_MAX);
    grow(d);
    struct loading loading = {.hub = hub, .directory = d};
    arena_init(&loading.scratch, MAX(PLAN_ARENA_MAX, PERMISSIONS_ARENA_MAX));
    struct tx *tx;
    enum err e = store_read_begin(reader, &tx);
    if (!e) {
        e = client_each(tx, load_client, &loading);
        if (!e)
            e = directory_apps_load(tx, hub->keyring, &d->arena, &d->apps);
        store_read_end(reader);
    }
    arena_release(&loading.scratch);
    if (e)
        directory_drop(d);
    else
        *ret = d;
    return e;
}

/* --- the hub ------------------------------------------------------------------------------ */

void directory_hub_init(struct directory_hub *hub, struct store *store,
                        const struct keyring *keyring, const struct endpoints *endpoints)
{
    *hub = (struct directory_hub){.store = store, .keyring = keyring, .endpoints = endpoints};
    hub->limits = xcalloc(MAX(endpoints->n, (size_t)1), sizeof(*hub->limits));
    atomic_init(&hub->n_counting, 1);
    for (size_t i = 0; i < endpoints->n; i++)
        hub->limits[i] = endpoints->list[i].limit;
    if (pthread_mutex_init(&hub->mutex, NULL) != 0 || pthread_mutex_init(&hub->loading, NULL) != 0)
        die("cannot make a mutex");
}

void directory_hub_release(struct directory_hub *hub)
{
    directory_drop(hub->current);
    hub->current = NULL;
    counters_list_release(&hub->changed);
    free(hub->limits);
    pthread_mutex_destroy(&hub->mutex);
    pthread_mutex_destroy(&hub->loading);
}

enum err directory_reload(struct directory_hub *hub, struct store_reader *reader)
{
    /* The read begins inside the lock: a later reload can only have seen more. */
    pthread_mutex_lock(&hub->loading);
    struct directory *fresh, *old = NULL;
    enum err e = load(hub, reader, &fresh);
    if (!e) {
        pthread_mutex_lock(&hub->mutex);
        old = hub->current;
        hub->current = fresh;
        atomic_fetch_add(&hub->version, 1);
        pthread_mutex_unlock(&hub->mutex);
    }
    pthread_mutex_unlock(&hub->loading);
    directory_drop(old);
    return e;
}

void directory_set_counting(struct directory_hub *hub, int64_t n, int64_t now_s)
{
    if (n == 1 && atomic_load(&hub->n_counting) > 1)
        atomic_store(&hub->alone_since_s, now_s);
    atomic_store(&hub->n_counting, n);
}

/* --- a loop's view ------------------------------------------------------------------------ */

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
    return view->directory ? find(view->directory, client_id) : NULL;
}

const struct directory_app *directory_apps(struct directory_view *view)
{
    view_refresh(view);
    return view->directory ? view->directory->apps : NULL;
}
