/* plans_test once more, by PostgreSQL: the plans that it makes when it does not know the
 * parameters, as of a statement that is prepared once. */
#include "store/migrations.h"
#include "unit/model/scale.h"
#include "unit/store/server.h"
#include "json/reader.h"

struct large {
    PGconn *db;
    struct served served;
    struct statements statements;
    struct arena arena;
    struct error error;
};

static void run_sql(PGconn *db, const char *sql)
{
    PGresult *r = PQexec(db, sql);
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        fail_msg("%s%s", PQerrorMessage(db), sql);
    PQclear(r);
}

static void run_expanded(PGconn *db, struct buf *sql, const char *text)
{
    run_sql(db, scale_expand(sql, &postgres_engine, text));
}

/* Statistics and a map of what every transaction sees, as autovacuum leaves a database; it must not
 * be what makes the difference. */
static void make_database(struct large *l)
{
    struct buf text;
    buf_init(&text, 256 * KIB);
    run_sql(l->db,
            "SET client_min_messages = warning; SET synchronous_commit = off; "
            "SET plan_cache_mode = force_generic_plan");
    for (size_t i = 0; i < migrations_count; i++)
        run_expanded(l->db, &text, migrations[i]);
    for (size_t i = 0; i < ARRAY_LEN(scale_fill); i++)
        run_expanded(l->db, &text, scale_fill[i]);
    run_expanded(l->db, &text, scale_fill_history());
    run_sql(l->db, "INSERT INTO schema_version (version, applied_at) VALUES (1, 1)");
    run_sql(
        l->db,
        "VACUUM ANALYZE workspaces, clients, accounts, numbers, number_changes, settings, "
        "rate_windows, authentication_failures, idempotency, schema_version, store_state, replicas, "
        "apps, inbound, account_facts, account_changes, templates, template_changes, events, "
        "webhooks, jobs, job_attempts");
    buf_release(&text);
}

static int setup(void **state)
{
    struct large *l = xcalloc(1, sizeof(*l));
    served_init(&l->served);
    l->db = server_connect(l->served.url);
    arena_init(&l->arena, 4 * MIB);
    error_init(&l->error, &l->arena);
    statements_read(&l->statements);
    make_database(l);
    *state = l;
    return 0;
}

static int teardown(void **state)
{
    struct large *l = *state;
    PQfinish(l->db);
    served_release(&l->served);
    statements_release(&l->statements);
    arena_release(&l->arena);
    free(l);
    return 0;
}

/* --- plans -------------------------------------------------------------------------------- */

static int count_params(const char *sql)
{
    int n = 0;
    for (const char *at = sql; (at = strchr(at, '$')); at++)
        n = MAX(n, (int)strtol(at + 1, NULL, 10));
    return n;
}

#define INT8_OID 20 /* of PostgreSQL's catalogue */

/* The types of parameters follow from where they stand, but for one here and there whose type only
 * the caller knows: that is an integer. */
static void prepare(PGconn *db, const char *sql)
{
    int n = count_params(sql);
    bool prepared = false;
    struct buf text;
    buf_init(&text, STORE_SQL_MAX);
    scale_expand(&text, &postgres_engine, sql);
    for (int integer = 0; !prepared && integer <= n; integer++) {
        Oid types[STORE_PARAMS_MAX + 1] = {0};
        types[integer] = INT8_OID;
        PGresult *r = PQprepare(db, "one", text.ptr, n, types + 1);
        prepared = PQresultStatus(r) == PGRES_COMMAND_OK;
        PQclear(r);
    }
    buf_release(&text);
    if (!prepared)
        fail_msg("%s%s", PQerrorMessage(db), sql);
}

/* EXPLAIN's tree for the statement with these parameters; NULL: none of them matters. */
static struct json explain(struct large *l, const char *sql, const char *how, const char *params)
{
    char nulls[256] = "";
    for (int i = 0, n = count_params(sql); i < n; i++)
        snprintf(nulls + strlen(nulls), sizeof(nulls) - strlen(nulls), "%sNULL", i ? ", " : "");
    struct str execute =
        arena_printf(&l->arena, "EXPLAIN (FORMAT JSON%s) EXECUTE one%s%s%s", how, *nulls ? "(" : "",
                     params ? params : nulls, *nulls ? ")" : "");
    prepare(l->db, sql);
    PGresult *r = PQexec(l->db, execute.ptr);
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        fail_msg("%s%s", PQerrorMessage(l->db), sql);
    struct json plan;
    if (json_parse(str_from(PQgetvalue(r, 0, 0)), &l->arena, &plan, &l->error))
        fail_msg("EXPLAIN's answer cannot be read");
    PQclear(r);
    run_sql(l->db, "DEALLOCATE one");
    return json_get(json_at(plan, 0), "Plan");
}

static struct str text_of(struct json node, const char *key)
{
    return json_as_str(json_get(node, key), STR(""));
}

static bool reads_all(const char *sql, struct json node)
{
    struct str type = text_of(node, "Node Type");
    bool by_index = str_eq(type, STR("Index Scan")) || str_eq(type, STR("Index Only Scan")) ||
                    str_eq(type, STR("Bitmap Index Scan"));
    if (!str_eq(type, STR("Seq Scan")) && !(by_index && text_of(node, "Index Cond").len == 0))
        return false;
    return !may_read_all(POSTGRES, sql, text_of(node, "Alias")) &&
           !may_read_all(POSTGRES, sql, text_of(node, "Index Name"));
}

static void check_node(const char *sql, struct json node, size_t *problems)
{
    if (reads_all(sql, node)) {
        char line[256];
        snprintf(line, sizeof(line), "%.*s on %.*s %.*s", STR_FMT(text_of(node, "Node Type")),
                 STR_FMT(text_of(node, "Alias")), STR_FMT(text_of(node, "Index Name")));
        complain_of_whole_read(sql, line, problems);
    }
    json_for_each (child, json_get(node, "Plans"))
        check_node(sql, child, problems);
}

static void test_every_statement_uses_an_index(void **state)
{
    struct large *l = *state;
    size_t problems = 0;
    for (size_t i = 0; i < l->statements.n; i++) {
        arena_clear(&l->arena);
        check_node(l->statements.sql[i], explain(l, l->statements.sql[i], "", NULL), &problems);
    }
    print_message("%zu statements of %zu files\n", l->statements.n, l->statements.objects);
    assert_int_equal(problems, 0);
    assert_whole_reads_exist(&l->statements);
}

/* --- pages -------------------------------------------------------------------------------- */

static void test_each_page_of_history_costs_the_same(void **state)
{
    struct large *l = *state;
    const char *sql = statements_find(&l->statements, "source, at FROM number_changes ");
    const int64_t total = history_rows() / HISTORY_SHARE;
    const int64_t newest[] = {total, total / 2, 20};
    /* 20 rows, each in a page of its own, and the way down through the index. */
    const int64_t blocks_max = 20 + 8;
    for (size_t i = 0; i < ARRAY_LEN(newest); i++) {
        char params[96];
        arena_clear(&l->arena);
        snprintf(params, sizeof(params), "1, %lld, %lld", (long long)newest[i],
                 (long long)newest[i] - 20);
        struct json plan = explain(l, sql, ", ANALYZE, BUFFERS", params);
        int64_t blocks = json_as_i64(json_get(plan, "Shared Hit Blocks"), -1) +
                         json_as_i64(json_get(plan, "Shared Read Blocks"), -1);
        print_message("page from position %lld: %lld blocks\n", (long long)newest[i],
                      (long long)blocks);
        assert_int_equal(json_as_i64(json_get(plan, "Actual Rows"), -1), 20);
        assert_in_range(blocks, 1, blocks_max);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_statement_uses_an_index),
        cmocka_unit_test(test_each_page_of_history_costs_the_same),
    };
    return server_is_there() ? cmocka_run_group_tests(tests, setup, teardown) : 77;
}
