/* A data folder of clients and accounts with sealed secrets, for the tests of rotation, backup and
 * restore: what each secret is follows from its name, so that whatever is read can be checked. */
#pragma once

#include "model/account.h"
#include "model/client.h"
#include "model/rotation.h"
#include "model/sealed.h"
#include "model/workspace.h"
#include "unit/store/fixture.h"

#include <pthread.h>

struct world {
    struct fixture fixture;
    struct keyring keyring;
    char key_path[96];
};

/* "c7" has the secret "secret of c7", and a previous one "old secret of c7". */
struct add {
    struct store_write write;
    struct world *world;
    const char *name;
    bool account; /* else a client */
};

static inline struct str seal_for(struct world *w, const char *prefix, const char *name,
                                  const char *what, struct arena *arena)
{
    return seal(&w->keyring, arena_printf(arena, "%s%s", prefix, name),
                arena_printf(arena, "%s of %s", what, name), arena);
}

static inline enum err add_client(struct add *a, struct tx *tx, struct arena *arena)
{
    struct str name = str_from(a->name);
    enum err e = client_insert(
        tx, 1, name, name, seal_for(a->world, CLIENT_SEAL_PREFIX, a->name, "old secret", arena), 1);
    return e ? e
             : client_rotate(tx, 1, name,
                             seal_for(a->world, CLIENT_SEAL_PREFIX, a->name, "secret", arena),
                             INT64_C(1) << 50, 2);
}

static inline enum err add_apply(struct store_write *write, struct tx *tx)
{
    struct add *a = CONTAINER_OF(write, struct add, write);
    struct arena arena;
    int64_t id;
    arena_init(&arena, MIB);
    enum err e =
        a->account
            ? account_insert(tx, 1, str_from(a->name), STR("an account"),
                             seal_for(a->world, ACCOUNT_SEAL_PREFIX, a->name, "secret", &arena), 1,
                             &id)
            : add_client(a, tx, &arena);
    arena_release(&arena);
    return e;
}

static inline enum err add_now(struct world *w, const char *name, bool account)
{
    struct add a = {.write.apply = add_apply, .world = w, .name = name, .account = account};
    return store_write_now(w->fixture.store, &a.write);
}

static inline enum err begin_apply(struct store_write *write, struct tx *tx)
{
    struct world *w = CONTAINER_OF(write, struct add, write)->world;
    int64_t id;
    enum err e = workspace_insert(tx, STR("acme"), STR("Acme"), 1, &id);
    return e ? e : sealed_put_check(tx, &w->keyring);
}

/* A workspace, the check of the key, one client and one account. */
static inline void world_init(struct world *w)
{
    *w = (struct world){0};
    fixture_init(&w->fixture);
    snprintf(w->key_path, sizeof(w->key_path), "%s/key", w->fixture.folder);
    assert_int_equal(keyring_create(&w->keyring, w->key_path, &w->fixture.error), ERR_OK);
    fixture_open(&w->fixture, true);
    struct add begin = {.write.apply = begin_apply, .world = w};
    assert_int_equal(store_write_now(w->fixture.store, &begin.write), ERR_OK);
    assert_int_equal(add_now(w, "c0", false), ERR_OK);
    assert_int_equal(add_now(w, "900", true), ERR_OK);
}

static inline void remove_all(const char *folder)
{
    char command[160];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
}

static inline void world_release(struct world *w)
{
    fixture_close(&w->fixture);
    keyring_release(&w->keyring);
    remove_all(w->fixture.folder);
    arena_release(&w->fixture.arena);
}

static inline void assert_opens_as(const struct keyring *k, const char *prefix, struct str name,
                                   struct str record, const char *what, struct arena *arena)
{
    _cleanup_(secret_release)
    struct secret text = {0};
    struct str context = arena_printf(arena, "%s%.*s", prefix, STR_FMT(name));
    assert_int_equal(seal_open(k, context, record, &text), ERR_OK);
    assert_true(
        str_eq(secret_reveal(&text), arena_printf(arena, "%s of %.*s", what, STR_FMT(name))));
}

struct reading {
    const struct keyring *keyring;
    struct arena arena;
    size_t clients, accounts;
};

static inline enum err read_client(void *arg, const struct client *c)
{
    struct reading *r = arg;
    arena_clear(&r->arena);
    r->clients++;
    assert_opens_as(r->keyring, CLIENT_SEAL_PREFIX, c->client_id, c->sealed_secret, "secret",
                    &r->arena);
    assert_opens_as(r->keyring, CLIENT_SEAL_PREFIX, c->client_id, c->sealed_previous, "old secret",
                    &r->arena);
    return ERR_OK;
}

static inline enum err read_account(void *arg, const struct account *a)
{
    struct reading *r = arg;
    arena_clear(&r->arena);
    r->accounts++;
    assert_opens_as(r->keyring, ACCOUNT_SEAL_PREFIX, a->waba_id, a->sealed_token, "secret",
                    &r->arena);
    return ERR_OK;
}

/* Every secret of the store opens with the ring, and is what it was. */
static inline void assert_readable(struct store *s, const struct keyring *k, size_t clients,
                                   size_t accounts)
{
    struct reading r = {.keyring = k};
    struct store_reader *reader;
    struct error error;
    struct tx *tx;
    arena_init(&r.arena, MIB);
    error_init(&error, &r.arena);
    assert_int_equal(store_reader_open(s, &reader, &error), ERR_OK);
    assert_int_equal(store_read_begin(reader, &tx), ERR_OK);
    assert_int_equal(sealed_test_check(tx, k), ERR_OK);
    assert_int_equal(client_each(tx, read_client, &r), ERR_OK);
    assert_int_equal(account_each(tx, read_account, &r), ERR_OK);
    store_reader_close(reader);
    arena_release(&r.arena);
    assert_int_equal(r.clients, clients);
    assert_int_equal(r.accounts, accounts);
}

/* The same with the keys of the file alone, as a restart would have it. */
static inline void assert_readable_by_file(struct world *w, size_t clients, size_t accounts)
{
    struct keyring file = {0};
    assert_int_equal(keyring_load(&file, w->key_path, &w->fixture.error), ERR_OK);
    assert_readable(w->fixture.store, &file, clients, accounts);
    keyring_release(&file);
}

static inline struct sealed_counts counts_of(struct world *w)
{
    struct sealed_counts counts;
    struct store_reader *reader;
    struct tx *tx;
    assert_int_equal(store_reader_open(w->fixture.store, &reader, &w->fixture.error), ERR_OK);
    assert_int_equal(store_read_begin(reader, &tx), ERR_OK);
    assert_int_equal(sealed_count(tx, &w->keyring, &counts), ERR_OK);
    store_reader_close(reader);
    return counts;
}
