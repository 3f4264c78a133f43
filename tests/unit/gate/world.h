/* A small world for the gate's tests: a store with a workspace and a client, the directory of them,
 * and a gate. */
#pragma once

#define FIXTURE_REHEARSES true

#include "gate/gate.h"
#include "model/client.h"
#include "model/workspace.h"
#include "unit/store/fixture.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#define NOW_S  1704124800
#define NOW_MS (NOW_S * INT64_C(1000))
#define WINDOW 300

/* What can be limited; a test that has routes of its own defines it before. */
#ifndef WORLD_ENDPOINTS
static const struct endpoint two_endpoints[] = {
    {STR_INIT("GET /waba-numbers"), {3, 60}},
    {STR_INIT("POST /waba-numbers"), {0}},
};
static const struct endpoints endpoints = {two_endpoints, 2};
#define WORLD_ENDPOINTS &endpoints
#endif

struct world {
    struct fixture *fixture;
    struct keyring keyring;
    struct store_reader *reader;
    struct directory_hub hub;
    struct policy *policy;
    struct failures *failures;
    struct gate gate;
    struct hmac hmac;
    struct arena arena;
};

struct make {
    struct store_write write;
    struct world *world;
    const char *client_id, *secret, *previous;
    int64_t previous_until;
    bool disabled;
    bool workspace_disabled;
};

static inline struct str sealed(struct world *w, const char *client_id, const char *secret)
{
    struct str id = str_from(client_id);
    struct str context = arena_printf(&w->arena, CLIENT_SEAL_CONTEXT, STR_FMT(id));
    return seal(&w->keyring, context, str_from(secret), &w->arena);
}

static inline enum err make_client(struct store_write *write, struct tx *tx)
{
    struct make *m = CONTAINER_OF(write, struct make, write);
    struct world *w = m->world;
    struct workspace ws;
    int64_t id;
    struct str domain = m->workspace_disabled ? STR("closed") : STR("acme");
    if (workspace_find(tx, domain, &w->arena, &ws) == ERR_NOT_FOUND) {
        assert_int_equal(workspace_insert(tx, domain, domain, 1, &id), ERR_OK);
        if (m->workspace_disabled)
            assert_int_equal(workspace_update(tx, domain, STR(""), 0, 2), ERR_OK);
        assert_int_equal(workspace_find(tx, domain, &w->arena, &ws), ERR_OK);
    }
    struct str client_id = str_from(m->client_id);
    const char *first = m->previous ? m->previous : m->secret;
    assert_int_equal(
        client_insert(tx, ws.id, client_id, client_id, sealed(w, m->client_id, first), 1), ERR_OK);
    if (m->previous)
        assert_int_equal(client_rotate(tx, ws.id, client_id, sealed(w, m->client_id, m->secret),
                                       m->previous_until, 2),
                         ERR_OK);
    if (m->disabled)
        assert_int_equal(client_set_enabled(tx, ws.id, client_id, false, 2), ERR_OK);
    return ERR_OK;
}

static inline void add_client(struct world *w, struct make m)
{
    m.world = w;
    m.write.apply = make_client;
    assert_int_equal(store_write_now(w->fixture->store, &m.write), ERR_OK);
    assert_int_equal(directory_reload(&w->hub, w->reader), ERR_OK);
}

static inline int setup(void **state)
{
    struct world *w = xcalloc(1, sizeof(*w));
    void *fixture;
    assert_int_equal(fixture_setup(&fixture), 0);
    w->fixture = fixture;
    unsigned char key[SEAL_KEY_LEN];
    memset(key, 7, sizeof(key));
    keyring_add(&w->keyring, 1, key);
    arena_init(&w->arena, 64 * MIB);
    assert_int_equal(store_reader_open(w->fixture->store, &w->reader, &w->fixture->error), ERR_OK);
    directory_hub_init(&w->hub, w->fixture->store, &w->keyring, WORLD_ENDPOINTS);
    w->policy = policy_new();
    w->policy->sign_window_s = WINDOW;
    w->failures = failures_new();
    gate_init(&w->gate, &w->hub, w->failures, w->policy);
    hmac_init(&w->hmac);
    add_client(w, (struct make){.client_id = "cl_1", .secret = "your-hmac-secret"});
    *state = w;
    return 0;
}

static inline int teardown(void **state)
{
    struct world *w = *state;
    void *fixture = w->fixture;
    gate_release(&w->gate);
    policy_release(w->policy);
    failures_free(w->failures);
    hmac_release(&w->hmac);
    directory_hub_release(&w->hub);
    store_reader_close(w->reader);
    arena_release(&w->arena);
    keyring_release(&w->keyring);
    free(w);
    return fixture_teardown(&fixture);
}

/* --- changes, in force when they return --------------------------------------------------- */

struct change {
    struct store_write write;
    struct world *world;
    struct str plan;
    const char *client_id; /* NULL: the plan of acme */
    struct str permissions;
};

static inline enum err apply_change(struct store_write *write, struct tx *tx)
{
    struct change *c = CONTAINER_OF(write, struct change, write);
    struct workspace ws;
    assert_int_equal(workspace_find(tx, STR("acme"), &c->world->arena, &ws), ERR_OK);
    if (c->client_id)
        return client_set_permissions(tx, ws.id, str_from(c->client_id), c->permissions, 3);
    return workspace_set_plan(tx, ws.id, c->plan, 3);
}

static inline void change(struct world *w, struct change c)
{
    c.world = w;
    c.write.apply = apply_change;
    assert_int_equal(store_write_now(w->fixture->store, &c.write), ERR_OK);
    assert_int_equal(directory_reload(&w->hub, w->reader), ERR_OK);
}

/* --- calls of a client that signed, without the signing ----------------------------------- */

static inline enum err call_endpoint(struct world *w, const char *client_id, size_t endpoint,
                                     int64_t now_ms, struct limit_state *ret)
{
    struct error error;
    error_init(&error, &w->arena);
    const struct directory_client *client = directory_find(&w->gate.view, str_from(client_id));
    assert_non_null(client);
    struct caller caller = {.client = client};
    enum err e = gate_limit(&w->gate, &caller, endpoint, now_ms, ret, &error);
    assert_int_equal(error.retry_after > 0, e != ERR_OK);
    return e;
}
