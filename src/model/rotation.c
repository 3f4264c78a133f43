#include "model/rotation.h"
#include "base/log.h"
#include "model/sealed.h"

/* Where a key that was rotated away is kept, in the arena. */
static struct str kept_path(const char *key_path, uint32_t id, struct arena *arena)
{
    return arena_printf(arena, "%s.%08x.old", key_path, id);
}

/* --- the write ---------------------------------------------------------------------------- */

struct renew {
    struct store_write write;
    struct keyring *keyring;
    bool alone;        /* not while other processes use the store: they do not have the key `to` */
    uint32_t from, to; /* the same: the current key stays, and what it has not sealed it seals */
    int64_t renewed, unreadable;
};

static enum err require_alone(struct tx *tx)
{
    int64_t replicas;
    enum err e = tx_i64(tx, "SELECT count(*) FROM replicas", NO_PARAMS, &replicas);
    return e ? e : replicas > 1 ? ERR_BUSY : ERR_OK;
}

/* From here on the new key seals. In a batch of its own: nothing else that is sealed shares our
 * fate. */
static enum err renew_apply(struct store_write *w, struct tx *tx)
{
    struct renew *r = CONTAINER_OF(w, struct renew, write);
    enum err e = r->alone ? require_alone(tx) : ERR_OK;
    if (e)
        return e;
    keyring_use(r->keyring, r->to);
    e = sealed_renew(tx, r->keyring, &r->renewed, &r->unreadable);
    if (e)
        keyring_use(r->keyring, r->from);
    return e;
}

static void renew_settled(struct store_write *w, enum err err)
{
    struct renew *r = CONTAINER_OF(w, struct renew, write);
    if (err)
        keyring_use(r->keyring, r->from);
}

static enum err renew(struct store *store, struct renew *r)
{
    r->write.apply = renew_apply;
    r->write.single = true;
    r->write.settled = renew_settled;
    return store_write_now(store, &r->write);
}

/* --- the key file ------------------------------------------------------------------------- */

static void log_unfinished(const struct error *error)
{
    log_event(LOG_WARN, "key_rotation_unfinished", LOG_STR("error", error->message),
              LOG_CSTR("effect", "the key file holds the old key too; the next start ends it"));
}

/* Everything is sealed with the current key, durably: each other one of `ids` gets a file of its
 * own, and leaves the key file. */
static enum err retire(const struct keyring *keyring, const uint32_t *ids, size_t n,
                       const char *key_path, struct error *error)
{
    for (size_t i = 1; i < n; i++) {
        const char *path = arena_cstr(error->arena, kept_path(key_path, ids[i], error->arena));
        enum err e = path ? keyring_export(keyring, ids[i], path, error) : ERR_NO_MEMORY;
        if (e && e != ERR_CONFLICT) /* kept already, by a rotation that a crash cut short */
            return e;
    }
    return keyring_save(keyring, ids, 1, key_path, error);
}

/* What is wrong is in `error` already. */
static enum err refuse_key_file(const char *key_path, struct error *error)
{
    return error_set(error, ERR_CONFLICT,
                     "the key file cannot be replaced, and nothing was changed (%.*s). Where it is "
                     "handed to the server from elsewhere: stop the server, put a copy of the key "
                     "at %s as an ordinary file (chmod 600) of the server's user, rotate, and hand "
                     "out the new file",
                     STR_FMT(error->message), key_path);
}

/* The ring's keys with this one first, as the file is to say that it becomes the current one. */
static size_t ids_from(const struct keyring *keyring, uint32_t first, uint32_t ids[KEYRING_MAX])
{
    size_t n = keyring_ids(keyring, ids), i = 0;
    while (i < n && ids[i] != first)
        i++;
    memmove(&ids[1], &ids[0], i * sizeof(ids[0]));
    ids[0] = first;
    return n;
}

static void put_back(struct keyring *keyring, uint32_t new_id, const char *key_path,
                     struct error *error)
{
    struct error ignored;
    uint32_t ids[KEYRING_MAX];
    error_init(&ignored, error->arena);
    keyring_drop(keyring, new_id);
    size_t n = keyring_ids(keyring, ids);
    if (keyring_save(keyring, ids, n, key_path, &ignored))
        log_unfinished(&ignored);
}

static enum err explain_write(enum err e, const char *key_path, struct error *error)
{
    switch (e) {
    case ERR_BUSY:
        return error_set(error, ERR_CONFLICT,
                         "other servers use this database, and do not have the new key: nothing "
                         "was changed. Stop all but one of them, rotate, copy the new %s to the "
                         "others, start them (one that was killed counts for half a minute)",
                         key_path);
    case ERR_IN_DOUBT:
        return error_set(error, e,
                         "the database was lost while it was sealed anew: it is sealed with the "
                         "new key, or with the old one. %s holds both: keep it, and restart this "
                         "server before any other one on this database: its start ends the "
                         "rotation",
                         key_path);
    case ERR_AUTHENTICATION:
        return error_set(error, e,
                         "the key does not open the database's own check: nothing was changed");
    default: return error_set(error, e, "the database cannot be written now: nothing was changed");
    }
}

enum err rotation_run(struct store *store, struct keyring *keyring, const char *key_path,
                      struct rotation *ret, struct error *error)
{
    struct rotation made = {.new_id = keyring_add_new(keyring)};
    uint32_t ids[KEYRING_MAX];
    made.old_id = keyring_current(keyring);
    size_t n = ids_from(keyring, made.new_id, ids);
    made.kept = kept_path(key_path, made.old_id, error->arena);
    if (keyring_save(keyring, ids, n, key_path, error)) {
        keyring_drop(keyring, made.new_id);
        return refuse_key_file(key_path, error);
    }
    struct renew r = {.keyring = keyring,
                      .alone = store_is_shared(store),
                      .from = made.old_id,
                      .to = made.new_id};
    enum err e = renew(store, &r);
    if (e && e != ERR_IN_DOUBT)
        put_back(keyring, made.new_id, key_path, error);
    if (e)
        return explain_write(e, key_path, error);
    made.renewed = r.renewed;
    made.unreadable = r.unreadable;
    made.unfinished = retire(keyring, ids, n, key_path, error) != ERR_OK;
    if (made.unfinished)
        log_unfinished(error);
    log_event(LOG_INFO, "key_rotated", LOG_INT("values", r.renewed),
              LOG_INT("unreadable", r.unreadable));
    *ret = made;
    return ERR_OK;
}

void rotation_finish(struct store *store, struct keyring *keyring, const char *key_path,
                     struct error *error)
{
    uint32_t ids[KEYRING_MAX];
    size_t n = keyring_ids(keyring, ids);
    if (n < 2)
        return;
    struct renew r = {.keyring = keyring, .from = ids[0], .to = ids[0]};
    enum err e = renew(store, &r);
    if (e)
        error_set(error, e, "the database cannot be written now");
    else
        e = retire(keyring, ids, n, key_path, error);
    if (e)
        log_unfinished(error);
    else
        log_event(LOG_INFO, "key_rotation_finished", LOG_INT("values", r.renewed),
                  LOG_INT("unreadable", r.unreadable));
    error_init(error, error->arena);
}
