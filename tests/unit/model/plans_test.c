/* What the statements of the models cost in a large database: an index for each of them, and pages
 * of history that cost the same at any age. This is SQLite's half; plans_postgres_test is the
 * other.
 */
#include "model/number.h"
#include "store/sqlite.h"
#include "store/tx.h"
#include "unit/model/scale.h"
#include "unit/store/fixture.h"

struct large {
    struct fixture fixture;
    struct statements statements;
    sqlite3 *db; /* beside the store, which is closed */
};

static void run_sql(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sqlite3_errmsg(db), sql);
}

static void fill(sqlite3 *db)
{
    struct buf sql;
    buf_init(&sql, 64 * KIB);
    run_sql(db, "PRAGMA synchronous = OFF; PRAGMA cache_size = -100000; BEGIN");
    for (size_t i = 0; i < ARRAY_LEN(scale_fill); i++)
        run_sql(db, scale_expand(&sql, &sqlite_engine, scale_fill[i]));
    run_sql(db, scale_expand(&sql, &sqlite_engine, scale_fill_history()));
    run_sql(db, "COMMIT");
    buf_release(&sql);
}

static int setup(void **state)
{
    struct large *l = xcalloc(1, sizeof(*l));
    fixture_init(&l->fixture);
    fixture_open(&l->fixture, true);
    fixture_close(&l->fixture);
    statements_read(&l->statements);
    assert_int_equal(sqlite3_open(l->fixture.path, &l->db), SQLITE_OK);
    fill(l->db);
    *state = l;
    return 0;
}

static int teardown(void **state)
{
    struct large *l = *state;
    sqlite3_close(l->db);
    statements_release(&l->statements);
    fixture_release(&l->fixture);
    free(l);
    return 0;
}

/* --- plans -------------------------------------------------------------------------------- */

/* The word after this one, or nothing. */
static struct str word_after(const char *line, const char *word)
{
    const char *at = strstr(line, word);
    at = at ? at + strlen(word) : "";
    return str_make(at, strcspn(at, " "));
}

/* What a line of the plan reads from its beginning to its end: a table as the statement calls it,
 * or one of its indexes, or nothing. */
static bool reads_all(const char *sql, const char *line)
{
    if (strstr(line, " AUTOMATIC "))
        return true;
    struct str table = word_after(line, "SCAN ");
    if (table.len == 0 || str_starts(str_from(line), STR("SCAN CONSTANT ROW")))
        return false;
    struct str index = word_after(line, " INDEX ");
    return !may_read_all(SQLITE, sql, table) && !may_read_all(SQLITE, sql, index);
}

static void check_plan(sqlite3 *db, const char *sql, size_t *problems)
{
    sqlite3_stmt *st;
    struct buf text;
    buf_init(&text, STORE_SQL_MAX);
    char *explain =
        sqlite3_mprintf("EXPLAIN QUERY PLAN %s", scale_expand(&text, &sqlite_engine, sql));
    buf_release(&text);
    if (sqlite3_prepare_v2(db, explain, -1, &st, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sqlite3_errmsg(db), sql);
    while (sqlite3_step(st) == SQLITE_ROW) {
        const char *line = (const char *)sqlite3_column_text(st, 3);
        if (reads_all(sql, line))
            complain_of_whole_read(sql, line, problems);
    }
    assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
    sqlite3_free(explain);
}

static void test_every_statement_uses_an_index(void **state)
{
    struct large *l = *state;
    size_t problems = 0;
    for (size_t i = 0; i < l->statements.n; i++)
        check_plan(l->db, l->statements.sql[i], &problems);
    print_message("%zu statements of %zu files\n", l->statements.n, l->statements.objects);
    assert_int_equal(problems, 0);
    assert_whole_reads_exist(&l->statements);
}

/* A plan does not show that foreign keys are checked. Without an index on every column that refers
 * to it, a row's removal would read those tables. */
static void test_what_refers_to_removed_rows_is_found_by_an_index(void **state)
{
    struct large *l = *state;
    for (size_t i = 0; i < l->statements.n; i++) {
        struct str table = word_after(l->statements.sql[i], "DELETE FROM ");
        char sql[1024];
        snprintf(sql, sizeof(sql),
                 "SELECT count(*) FROM sqlite_schema s, pragma_foreign_key_list(s.name) f "
                 "WHERE s.type = 'table' AND f.\"table\" = '%.*s' AND NOT EXISTS ("
                 "SELECT 1 FROM pragma_index_list(s.name) l, pragma_index_info(l.name) c "
                 "WHERE l.partial = 0 AND c.seqno = 0 AND c.name = f.\"from\")",
                 STR_FMT(table));
        if (raw_i64(l->fixture.path, sql) != 0)
            fail_msg("a column that refers to %.*s has no index", STR_FMT(table));
    }
}

/* --- pages -------------------------------------------------------------------------------- */

struct page {
    int64_t rows, first_at, last_at;
    int steps, scanned; /* of SQLite's machine; rows it came to by reading on and on */
};

static enum err take_change(void *arg, const struct change_entry *c)
{
    struct page *p = arg;
    p->first_at = p->rows++ ? p->first_at : c->at;
    p->last_at = c->at;
    return ERR_OK;
}

static int sum(struct tx *tx, int what)
{
    sqlite3 *db = sqlite_of(tx->connection)->db;
    int all = 0;
    for (sqlite3_stmt *st = NULL; (st = sqlite3_next_stmt(db, st));)
        all += sqlite3_stmt_status(st, what, 1);
    return all;
}

static struct page read_page(struct tx *tx, int64_t newest, int64_t limit)
{
    struct page p = {0};
    int64_t total;
    sum(tx, SQLITE_STMTSTATUS_VM_STEP);
    sum(tx, SQLITE_STMTSTATUS_FULLSCAN_STEP);
    assert_int_equal(number_count_changes(tx, 1, &total), ERR_OK);
    assert_int_equal(total, history_rows() / HISTORY_SHARE);
    assert_int_equal(number_each_change(tx, 1, newest, limit, take_change, &p), ERR_OK);
    p.steps = sum(tx, SQLITE_STMTSTATUS_VM_STEP);
    p.scanned = sum(tx, SQLITE_STMTSTATUS_FULLSCAN_STEP);
    return p;
}

static void test_each_page_of_history_costs_the_same(void **state)
{
    struct large *l = *state;
    struct store_options options = {.path = l->fixture.path};
    struct connection *c;
    struct tx tx;
    assert_int_equal(sqlite_engine.open_reader(&options, &c, &l->fixture.error), ERR_OK);
    tx_init(&tx, c);
    assert_int_equal(tx_begin(&tx), ERR_OK);
    const int64_t total = history_rows() / HISTORY_SHARE;
    const int64_t newest[] = {total, total / 2, 20};
    struct page first = {0};
    for (size_t i = 0; i < ARRAY_LEN(newest); i++) {
        struct page p = read_page(&tx, newest[i], 20);
        print_message("page from position %lld: %d steps\n", (long long)newest[i], p.steps);
        first = i ? first : p;
        assert_int_equal(p.rows, 20);
        assert_int_equal(p.first_at, newest[i] * HISTORY_SHARE);
        assert_int_equal(p.last_at, (newest[i] - 19) * HISTORY_SHARE);
        assert_int_equal(p.scanned, 0);
        assert_true(p.steps <= first.steps);
    }
    tx_release(&tx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_statement_uses_an_index),
        cmocka_unit_test(test_what_refers_to_removed_rows_is_found_by_an_index),
        cmocka_unit_test(test_each_page_of_history_costs_the_same),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
