/* Databases on both engines, filled with values of every kind, for the tests that copy rows between
 * them. */
#pragma once

#include "store/migrations.h"
#include "store/transfer.h"
#include "unit/store/server.h"

#include <limits.h>

struct side {
    struct tx tx;
    char path[512];
    char name[40]; /* of a server's database */
    struct arena arena;
    struct error error;
};

static inline const struct engine *side_engine(const struct side *s)
{
    return s->name[0] ? &postgres_engine : &sqlite_engine;
}

static inline void side_connect(struct side *s, bool create)
{
    const struct store_options options = {.path = s->path, .create = create};
    struct connection *c;
    error_init(&s->error, &s->arena);
    if (side_engine(s)->open(&options, &c, &s->error) != ERR_OK)
        fail_msg("%.*s", STR_FMT(s->error.message));
    tx_init(&s->tx, c);
    assert_int_equal(
        migrations_run(&s->tx, migrations, migrations_count, create, s->path, &s->error), ERR_OK);
}

/* A database at version n, empty but for what the migrations write. */
static inline void side_open(struct side *s, bool server)
{
    static int n;
    *s = (struct side){0};
    log_set_level(LOG_OFF);
    arena_init(&s->arena, 1 * MIB);
    n++;
    if (server) {
        char sql[80];
        snprintf(s->name, sizeof(s->name), "side_%ld_%d", (long)getpid(), n);
        snprintf(sql, sizeof(sql), "CREATE DATABASE %s", s->name);
        server_i64(server_url(), sql);
        name_database(s->name, NULL, s->path, sizeof(s->path));
    } else {
        snprintf(s->path, sizeof(s->path), "/tmp/side-%ld-%d.db", (long)getpid(), n);
    }
    side_connect(s, true);
    /* The writer's first transaction knew no store_state yet. */
    tx_release(&s->tx);
    side_connect(s, false);
}

static inline void side_close(struct side *s)
{
    tx_release(&s->tx);
    if (s->name[0]) {
        char sql[80];
        snprintf(sql, sizeof(sql), "DROP DATABASE %s WITH (FORCE)", s->name);
        server_i64(server_url(), sql);
    } else {
        remove_database(s->path);
    }
    arena_release(&s->arena);
}

static inline void side_begin(struct side *s)
{
    assert_int_equal(tx_begin(&s->tx), ERR_OK);
}

static inline void side_commit(struct side *s)
{
    bool wrote;
    assert_int_equal(s->tx.engine->commit(s->tx.connection, &wrote), ERR_OK);
}

static inline void side_rollback(struct side *s)
{
    s->tx.engine->rollback(s->tx.connection);
}

/* Runs one statement without parameters, in a transaction of its own. */
static inline int64_t side_i64(struct side *s, const char *sql)
{
    int64_t value = 0;
    side_begin(s);
    if (transfer_number(s->tx.connection, sql, NULL, 0, &value) != ERR_OK)
        fail_msg("%s", sql);
    side_commit(s);
    return value;
}

#define FILL_CHANGES 2500                      /* more than two pages */
#define BIG_ID       INT64_C(9007199254740993) /* no double holds it */

/* Two workspaces; of the first, a row with every kind of value, and NULL beside the empty string.
 */
static inline void side_fill(struct side *s)
{
    const struct str blob = STR("\0\xFF\0 sealed");
    struct tx *tx = &s->tx;
    side_begin(s);
    assert_int_equal(
        tx_exec(tx,
                "INSERT INTO workspaces (id, domain, name, disabled_at, created_at, updated_at) "
                "VALUES (1, 'acme', $1, NULL, -5, $2), (7, 'other', '', 0, 1, 1)",
                PARAMS(p_text(STR("شركة الهدهد \xF0\x9F\x90\xA6")), p_i64(INT64_MAX)), NULL),
        ERR_OK);
    assert_int_equal(
        tx_exec(tx,
                "INSERT INTO clients (id, workspace_id, client_id, name, secret, previous_secret, "
                "created_at, updated_at, permissions) VALUES (3, 1, 'c3', '', $1, $2, 1, 1, NULL), "
                "($3, 7, 'c4', 'x', $1, NULL, 1, 1, '{}')",
                PARAMS(p_blob(blob), p_blob(STR("")), p_i64(BIG_ID)), NULL),
        ERR_OK);
    assert_int_equal(
        tx_exec(tx,
                "INSERT INTO accounts (id, workspace_id, waba_id, name, access_token, "
                "template_count, state, confirmed_at, linked_at) "
                "VALUES (2, 1, 'w2', 'n', $1, 0, 'ok', 1, 1), (4, 7, 'w4', 'n', $1, 0, 'ok', 1, 1)",
                PARAMS(p_blob(blob)), NULL),
        ERR_OK);
    assert_int_equal(
        tx_exec(tx,
                "INSERT INTO numbers (id, workspace_id, account_id, phone_number_id, phone_number, "
                "verified_name, quality_rating, status, meta_status, is_official_business_account, "
                "reasons, message_template_count, created_at, updated_at) "
                "VALUES (5, 1, 2, 'p5', '', '', '', '', '', 0, '[]', 0, 1, 1), "
                "(6, 7, 4, 'p6', '', '', '', '', '', 0, '[]', 0, 1, 1)",
                NO_PARAMS, NULL),
        ERR_OK);
    for (int i = 1; i <= FILL_CHANGES; i++)
        assert_int_equal(tx_exec(tx,
                                 "INSERT INTO number_changes (id, number_id, position, field, "
                                 "from_value, to_value, source, at) "
                                 "VALUES ($1, $2, $1, 'f', NULL, '', 'ش', $1)",
                                 PARAMS(p_i64(i), p_i64(i % 10 ? 5 : 6)), NULL),
                         ERR_OK);
    assert_int_equal(
        tx_exec(tx, "INSERT INTO settings (name, value) VALUES ('', 'a'), ('ب', ''), ('b', 'c')",
                NO_PARAMS, NULL),
        ERR_OK);
    assert_int_equal(
        tx_exec(tx,
                "INSERT INTO rate_windows (client_id, endpoint, started_at, requests) VALUES "
                "(3, 'GET /b', 1, 1), (3, 'GET /a', 1, 1), ($1, '', 1, 1)",
                PARAMS(p_i64(BIG_ID)), NULL),
        ERR_OK);
    assert_int_equal(
        tx_exec(tx,
                "INSERT INTO idempotency (id, client_id, key, fingerprint, state, status, body, "
                "created_at, expires_at) VALUES (1, 3, 'key:a', $1, 'done', 200, '{}', 1, 2), "
                "(9, 3, 'key:b', $1, 'running', NULL, NULL, 1, 2)",
                PARAMS(p_blob(blob)), NULL),
        ERR_OK);
    side_commit(s);
    /* Ids 8 and 9 were given out, and are gone. */
    side_begin(s);
    assert_int_equal(s->tx.engine->raise_id(s->tx.connection, STR("workspaces"), 9), ERR_OK);
    side_commit(s);
}
