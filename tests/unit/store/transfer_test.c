/* Rows between databases of both engines: nothing changed on the way, and any change is noticed. */
#include "unit/store/sides.h"

static struct schema schema;

static void read_schema(void)
{
    struct arena arena;
    struct error error;
    arena_init(&arena, 1 * MIB);
    error_init(&error, &arena);
    if (schema_read(&schema, migrations, migrations_count, &error))
        fail_msg("%.*s", STR_FMT(error.message));
    arena_release(&arena);
}

static const struct schema_table *table_of(const char *name)
{
    for (size_t i = 0; i < schema.n; i++)
        if (str_eq(schema.tables[i].name, str_from(name)))
            return &schema.tables[i];
    fail_msg("no table %s", name);
    return NULL;
}

/* --- the schema --------------------------------------------------------------------------- */

static size_t count_tables(void)
{
    size_t n = 0;
    for (size_t i = 0; i < schema.n; i++)
        n += schema.tables[i].name.len > 0;
    return n;
}

static void test_the_schema_is_the_engines(void **state)
{
    struct side side;
    char sql[256];
    side_open(&side, false);
    assert_int_equal(side_i64(&side,
                              "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND "
                              "name NOT LIKE 'sqlite%'"),
                     count_tables());
    for (size_t i = 0; i < schema.n; i++) {
        const struct schema_table *t = &schema.tables[i];
        if (!t->name.len)
            continue;
        snprintf(sql, sizeof(sql), "SELECT count(*) FROM pragma_table_info('%.*s')",
                 STR_FMT(t->name));
        assert_int_equal(side_i64(&side, sql), t->n);
        snprintf(sql, sizeof(sql), "SELECT count(*) FROM pragma_foreign_key_list('%.*s')",
                 STR_FMT(t->name));
        int64_t references = side_i64(&side, sql);
        for (size_t j = 0; j < t->n; j++) {
            static const char *const types[] = {"", "INTEGER", "TEXT", "BLOB"};
            const struct schema_column *c = &t->columns[j];
            bool is_key = false;
            for (size_t k = 0; k < t->n_keys; k++)
                is_key = is_key || t->keys[k] == j;
            snprintf(sql, sizeof(sql),
                     "SELECT count(*) FROM pragma_table_info('%.*s') WHERE cid = %zu AND "
                     "name = '%.*s' AND type = '%s' AND (pk > 0) = %d AND (\"notnull\" OR pk) = %d",
                     STR_FMT(t->name), j, STR_FMT(c->name), types[c->kind], is_key,
                     c->required || is_key);
            if (side_i64(&side, sql) != 1)
                fail_msg("%.*s.%.*s is not as the engine has it", STR_FMT(t->name),
                         STR_FMT(c->name));
            references -= c->parent >= 0;
        }
        assert_int_equal(references, 0);
    }
    side_close(&side);
}

static void test_what_is_private(void **state)
{
    assert_true(table_of("replicas")->private);
    assert_true(table_of("store_state")->private);
    assert_false(table_of("accounts")->private);
    const struct schema_table *accounts = table_of("accounts");
    for (size_t i = 0; i < accounts->n; i++)
        assert_int_equal(schema_is_cut(&schema, &accounts->columns[i]),
                         str_eq(accounts->columns[i].name, STR("replica_id")));
    const char *const leases[] = {
        "CREATE TABLE replicas (id {id}); CREATE TABLE leases (id {int} PRIMARY KEY,"
        " replica_id {int} NOT NULL REFERENCES replicas (id) ON DELETE CASCADE) {strict};"};
    struct schema *other = xcalloc(1, sizeof(*other));
    assert_int_equal(schema_read(other, leases, 1, NULL), ERR_OK);
    assert_true(other->tables[1].private);
    free(other);
}

static void test_steps_that_are_not_understood(void **state)
{
    static const char *const texts[] = {
        "DROP TABLE numbers;", /* there is none */
        "ALTER TABLE numbers RENAME TO n;",
        "CREATE TABLE t (id {id}, up {int} REFERENCES t (id)) {strict};",
        "CREATE TABLE t (id {id}, x {json}) {strict};",
        "CREATE TABLE t (x {int}) {strict};",
        "CREATE TABLE t (id {id}, x {int} GENERATED) {strict};",
    };
    struct arena arena;
    struct error error;
    struct schema *other = xcalloc(1, sizeof(*other));
    arena_init(&arena, 1 * MIB);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        error_init(&error, &arena);
        if (schema_read(other, &texts[i], 1, &error) != ERR_INTERNAL)
            fail_msg("%s", texts[i]);
    }
    arena_release(&arena);
    free(other);
}

/* --- rows --------------------------------------------------------------------------------- */

static enum err sum_of(struct side *s, const char *name, struct row_sum *ret)
{
    const struct transfer t = {.schema = &schema, .from = s->tx.connection, .error = &s->error};
    side_begin(s);
    enum err err = transfer_table(&t, table_of(name), NULL, ret);
    side_rollback(s);
    return err;
}

static enum err copy_all(struct side *from, struct side *to)
{
    const struct transfer t = {.schema = &schema,
                               .from = from->tx.connection,
                               .to = to->tx.connection,
                               .error = &to->error};
    struct row_sum sum;
    side_begin(from);
    side_begin(to);
    enum err err = transfer_clear(&t, 0);
    for (size_t i = 0; i < schema.n && !err; i++)
        if (transfer_has(&t, &schema.tables[i]))
            err = transfer_table(&t, &schema.tables[i], NULL, &sum);
    if (!err)
        err = transfer_counters(&t);
    if (!err)
        side_commit(to);
    side_rollback(to);
    side_rollback(from);
    return err;
}

static void assert_same(struct side *a, struct side *b)
{
    for (size_t i = 0; i < schema.n; i++) {
        char name[64];
        struct row_sum one, two;
        if (schema.tables[i].private)
            continue;
        snprintf(name, sizeof(name), "%.*s", STR_FMT(schema.tables[i].name));
        assert_int_equal(sum_of(a, name, &one), ERR_OK);
        assert_int_equal(sum_of(b, name, &two), ERR_OK);
        if (!row_sum_eq(&one, &two))
            fail_msg("%s: %lld and %lld rows", name, (long long)one.rows, (long long)two.rows);
    }
}

static void copy_between(bool from_server, bool to_server)
{
    struct side from, to;
    side_open(&from, from_server);
    side_open(&to, to_server);
    side_fill(&from);
    side_i64(&to, "INSERT INTO settings (name, value) VALUES ('left', 'over')");
    assert_int_equal(copy_all(&from, &to), ERR_OK);
    assert_same(&from, &to);
    assert_int_equal(side_i64(&to, "SELECT count(*) FROM number_changes"), FILL_CHANGES);
    assert_int_equal(side_i64(&to, "SELECT max(id) FROM clients"), BIG_ID);
    assert_int_equal(side_i64(&to,
                              "SELECT count(*) FROM workspaces WHERE name = '' AND "
                              "disabled_at IS NOT NULL AND updated_at = 1"),
                     1);
    assert_int_equal(side_i64(&to, "SELECT count(*) FROM clients WHERE previous_secret IS NULL"),
                     1);
    assert_int_equal(side_i64(&to, "SELECT count(*) FROM settings WHERE name = 'left'"), 0);
    assert_int_equal(side_i64(&to,
                              "INSERT INTO workspaces (domain, name, created_at, updated_at) "
                              "VALUES ('new', 'n', 1, 1) RETURNING id"),
                     10);
    assert_int_equal(
        side_i64(&to,
                 "INSERT INTO idempotency (client_id, key, fingerprint, state, "
                 "created_at, expires_at) SELECT client_id, 'k', fingerprint, 's', 1, 1 "
                 "FROM idempotency WHERE id = 1 RETURNING id") > 9,
        1);
    side_close(&from);
    side_close(&to);
}

static void test_file_to_file(void **state)
{
    copy_between(false, false);
}

static void test_file_to_server(void **state)
{
    copy_between(false, true);
}

static void test_server_to_file(void **state)
{
    copy_between(true, false);
}

static void test_server_to_server(void **state)
{
    copy_between(true, true);
}

/* Who syncs an account is a matter of the processes there. */
static void test_replicas_stay_behind(void **state)
{
    struct side from, to;
    side_open(&from, false);
    side_open(&to, false);
    side_fill(&from);
    side_i64(&from,
             "INSERT INTO replicas (id, name, beat, batch, started_at) "
             "VALUES (1, 'r', 1, 1, 1)");
    side_i64(&from, "UPDATE accounts SET replica_id = 1");
    assert_int_equal(copy_all(&from, &to), ERR_OK);
    assert_int_equal(side_i64(&to, "SELECT count(*) FROM accounts WHERE replica_id IS NULL"), 2);
    assert_int_equal(side_i64(&to, "SELECT count(*) FROM replicas"), 0);
    assert_int_equal(side_i64(&to,
                              "INSERT INTO replicas (name, beat, batch, started_at) "
                              "VALUES ('r', 1, 1, 1) RETURNING id"),
                     2);
    assert_same(&from, &to);
    side_close(&from);
    side_close(&to);
}

static void test_any_change_is_noticed(void **state)
{
    static const struct {
        const char *table, *sql;
    } changes[] = {
        {"workspaces", "UPDATE workspaces SET name = replace(name, 'ش', 'س') WHERE id = 1"},
        {"workspaces", "UPDATE workspaces SET disabled_at = NULL WHERE id = 7"},
        {"number_changes", "UPDATE number_changes SET to_value = NULL WHERE id = 2500"},
        {"number_changes", "UPDATE number_changes SET from_value = '' WHERE id = 1"},
        {"number_changes", "UPDATE number_changes SET at = at + 1 WHERE id = 1001"},
        {"number_changes", "DELETE FROM number_changes WHERE id = 1000"},
        {"clients", "UPDATE clients SET secret = x'00FF0020' WHERE id = 3"},
        {"clients", "UPDATE clients SET previous_secret = NULL WHERE id = 3"},
        {"rate_windows", "UPDATE rate_windows SET endpoint = 'GET /c' WHERE endpoint = 'GET /b'"},
    };
    struct side side;
    side_open(&side, false);
    side_fill(&side);
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        struct row_sum before, after;
        assert_int_equal(sum_of(&side, changes[i].table, &before), ERR_OK);
        side_i64(&side, changes[i].sql);
        assert_int_equal(sum_of(&side, changes[i].table, &after), ERR_OK);
        if (row_sum_eq(&before, &after))
            fail_msg("not noticed: %s", changes[i].sql);
    }
    side_close(&side);
}

/* A file that was in other hands: PostgreSQL would refuse it without saying which row it is. */
static void test_text_that_is_none(void **state)
{
    struct side from, to;
    side_open(&from, false);
    side_open(&to, false);
    side_i64(&from,
             "INSERT INTO workspaces (domain, name, created_at, updated_at) "
             "VALUES ('d', CAST(x'61FF' AS TEXT), 1, 1)");
    assert_int_equal(copy_all(&from, &to), ERR_VALIDATION);
    const struct str says = to.error.message;
    if (!memmem(says.ptr, says.len, "workspaces (id 1)", 17))
        fail_msg("%.*s", STR_FMT(says));
    side_close(&from);
    side_close(&to);
}

/* --- a part ------------------------------------------------------------------------------- */

/* One workspace beside others, its ids moved out of their way. */
static void test_a_workspace(void **state)
{
    struct side from, to;
    side_open(&from, false);
    side_open(&to, false);
    side_fill(&from);
    side_i64(&to,
             "INSERT INTO workspaces (id, domain, name, created_at, updated_at) "
             "VALUES (1, 'mine', 'n', 1, 1)");
    struct transfer t = {.schema = &schema,
                         .from = from.tx.connection,
                         .to = to.tx.connection,
                         .root = table_of("workspaces"),
                         .root_id = 1,
                         .error = &to.error};
    assert_false(transfer_has(&t, table_of("settings")));
    assert_false(transfer_has(&t, table_of("schema_version")));
    assert_true(transfer_has(&t, table_of("number_changes")));
    assert_true(transfer_has(&t, table_of("rate_windows")));
    t.offsets[t.root - schema.tables] = 100;
    t.offsets[table_of("numbers") - schema.tables] = 20;
    struct transfer check = t;
    check.from = t.to;
    check.to = NULL;
    check.root_id = 101;
    memset(check.offsets, 0, sizeof(check.offsets));
    side_begin(&from);
    side_begin(&to);
    for (size_t i = 0; i < schema.n; i++) {
        struct row_sum read, written;
        if (!transfer_has(&t, &schema.tables[i]))
            continue;
        assert_int_equal(transfer_table(&t, &schema.tables[i], NULL, &read), ERR_OK);
        assert_int_equal(transfer_table(&check, &schema.tables[i], NULL, &written), ERR_OK);
        assert_true(row_sum_eq(&read, &written));
    }
    side_commit(&to);
    side_rollback(&from);
    assert_int_equal(side_i64(&to, "SELECT count(*) FROM workspaces"), 2);
    assert_int_equal(side_i64(&to, "SELECT count(*) FROM number_changes WHERE number_id = 25"),
                     FILL_CHANGES - FILL_CHANGES / 10);
    assert_int_equal(side_i64(&to, "SELECT count(*) FROM number_changes WHERE number_id <> 25"), 0);
    assert_int_equal(side_i64(&to, "SELECT count(*) FROM clients WHERE workspace_id = 101"), 1);
    side_close(&from);
    side_close(&to);
}

int main(void)
{
    read_schema();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_schema_is_the_engines),
        cmocka_unit_test(test_what_is_private),
        cmocka_unit_test(test_steps_that_are_not_understood),
        cmocka_unit_test(test_file_to_file),
        cmocka_unit_test(test_replicas_stay_behind),
        cmocka_unit_test(test_any_change_is_noticed),
        cmocka_unit_test(test_text_that_is_none),
        cmocka_unit_test(test_a_workspace),
    };
    const struct CMUnitTest served[] = {
        cmocka_unit_test(test_file_to_server),
        cmocka_unit_test(test_server_to_file),
        cmocka_unit_test(test_server_to_server),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (server_is_there())
        failed += cmocka_run_group_tests(served, NULL, NULL);
    return failed;
}
