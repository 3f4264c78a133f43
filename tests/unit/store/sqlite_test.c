/* Opening, with errors that say how to mend them; statements; what SQLite's errors become. */
#include "unit/store/fixture.h"

#include <sys/wait.h>

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

/* --- opening ------------------------------------------------------------------------------ */

static int empty_setup(void **state)
{
    struct fixture *f = xmalloc(sizeof(*f));
    fixture_init(f);
    *state = f;
    return 0;
}

static enum err try_open(struct fixture *f, bool create)
{
    struct store_options options = {.path = f->path, .create = create};
    error_init(&f->error, &f->arena);
    return store_open(&options, &f->store, &f->error);
}

static void assert_says(const struct fixture *f, const char *what)
{
    char message[1024];
    snprintf(message, sizeof(message), "%.*s", STR_FMT(f->error.message));
    if (!strstr(message, what))
        fail_msg("\"%s\" does not say \"%s\"", message, what);
}

static void put_file(struct fixture *f, const char *content, size_t len)
{
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, len, file), len);
    fclose(file);
}

static void test_no_database(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(try_open(f, false), ERR_NOT_FOUND);
    assert_says(f, "run hudhud init --data /tmp/store-test-");
}

static void test_a_new_one_overwrites_nothing(void **state)
{
    struct fixture *f = *state;
    put_file(f, "precious", 8);
    assert_int_equal(try_open(f, true), ERR_CONFLICT);
    assert_says(f, "nothing was changed");
    struct stat st;
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_size, 8);
}

static void test_its_files_are_for_the_owner_only(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    struct fixture *f = *state;
    umask(0);
    fixture_open(f, true);
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        char name[128];
        struct stat st;
        snprintf(name, sizeof(name), "%s%s", f->path, suffixes[i]);
        assert_int_equal(stat(name, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void test_not_a_database(void **state)
{
    struct fixture *f = *state;
    char text[4096];
    memset(text, 'x', sizeof(text));
    put_file(f, text, sizeof(text));
    assert_int_equal(try_open(f, false), ERR_VALIDATION);
    assert_says(f, "is not a database");
    put_file(f, "", 0);
    assert_int_equal(try_open(f, false), ERR_VALIDATION);
    assert_says(f, "is not a database of hudhud");
}

static void test_a_damaged_database(void **state)
{
    struct fixture *f = *state;
    fixture_open(f, true);
    fixture_close(f);
    int64_t pages = raw_i64(f->path, "PRAGMA page_count");
    FILE *file = fopen(f->path, "r+");
    assert_non_null(file);
    fseek(file, 100, SEEK_SET); /* behind the header: the schema's page */
    for (int64_t i = 0; i < pages * 4096 - 100; i++)
        fputc(0xA5, file);
    fclose(file);
    assert_int_equal(try_open(f, false), ERR_IO);
    assert_says(f, "restore a backup");
}

/* Run as root, no folder is read-only: then another user looks. */
static void test_a_read_only_folder(void **state)
{
    struct fixture *f = *state;
    fixture_open(f, true);
    fixture_close(f);
    assert_int_equal(chmod(f->folder, 0555), 0);
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(9);
        bool right = try_open(f, false) == ERR_IO && try_open(f, true) == ERR_IO;
        _exit(right && f->error.message.len > 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(chmod(f->folder, 0700), 0);
    assert_int_equal(status, 0);
}

static void test_locked_by_another_program(void **state)
{
    struct fixture *f = *state;
    sqlite3 *db;
    fixture_open(f, true);
    fixture_close(f);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;"
                                  "PRAGMA user_version = 7",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(try_open(f, false), ERR_BUSY);
    assert_says(f, "end it and try again");
    sqlite3_close(db);
}

/* --- statements --------------------------------------------------------------------------- */

struct script {
    struct store_write write;
    enum err (*run)(struct tx *tx);
};

static enum err script_apply(struct store_write *w, struct tx *tx)
{
    return CONTAINER_OF(w, struct script, write)->run(tx);
}

static enum err run(struct fixture *f, enum err (*body)(struct tx *tx))
{
    struct script script = {.write.apply = script_apply, .run = body};
    return store_write_now(f->store, &script.write);
}

#define ADD_WORKSPACE                                                                              \
    "INSERT INTO workspaces (domain, name, created_at, updated_at) VALUES ($1, $2, $3, $3) "       \
    "RETURNING id"

static enum err add_workspace(struct tx *tx)
{
    static const char sql[] = ADD_WORKSPACE;
    int64_t id;
    return tx_i64(tx, sql, PARAMS(p_text(STR("acme")), p_text(STR("Acme")), p_i64(5)), &id);
}

static enum err add_orphan(struct tx *tx)
{
    int64_t id;
    return tx_i64(tx,
                  "INSERT INTO clients (workspace_id, client_id, name, secret, created_at, "
                  "updated_at) VALUES (99, 'c', 'n', $1, 1, 1) RETURNING id",
                  PARAMS(p_blob(STR("s"))), &id);
}

static enum err add_null(struct tx *tx)
{
    return tx_exec(tx, "INSERT INTO settings (name, value) VALUES ('n', $1)",
                   PARAMS(p_opt(STR(""))), NULL);
}

static enum err add_wrong_type(struct tx *tx)
{
    return tx_exec(tx,
                   "INSERT INTO workspaces (domain, name, created_at, updated_at) "
                   "VALUES ('d', 'n', $1, 1)",
                   PARAMS(p_text(STR("noon"))), NULL);
}

static enum err wrong_sql(struct tx *tx)
{
    return tx_exec(tx, "SELECT nonsense FROM nowhere", NO_PARAMS, NULL);
}

static enum err wrong_count(struct tx *tx)
{
    return tx_exec(tx, "SELECT $1", NO_PARAMS, NULL);
}

static enum err wrong_params(struct tx *tx)
{
    return tx_exec(tx, "SELECT ?, $3", PARAMS(p_i64(1), p_i64(2)), NULL);
}

static void test_what_errors_become(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(run(f, add_workspace), ERR_OK);
    assert_int_equal(run(f, add_workspace), ERR_CONFLICT);
    assert_int_equal(run(f, add_orphan), ERR_CONFLICT); /* checked though one row was wanted */
    assert_int_equal(run(f, add_null), ERR_INTERNAL);
    assert_int_equal(run(f, add_wrong_type), ERR_INTERNAL);
    assert_int_equal(run(f, wrong_sql), ERR_INTERNAL);
    assert_int_equal(run(f, wrong_count), ERR_INTERNAL);
    assert_int_equal(run(f, wrong_params), ERR_INTERNAL);
    assert_int_equal(put_now(f->store, "a", "1"), ERR_OK);
}

/* Parameters go by their number, not by their place; a row comes back as it went in. */
static enum err round_trip(struct tx *tx)
{
    static const char bytes[] = {0, 1, (char)0xFF, 0};
    struct rows rows;
    struct str blob = str_make(bytes, sizeof(bytes));
    assert_int_equal(tx_query(tx, "SELECT $2, $1, $3, $4, $1, $5",
                              PARAMS(p_i64(INT64_MIN), p_text(STR("هدهد")), p_blob(blob),
                                     p_opt_i64(0), p_text((struct str){NULL, 0})),
                              &rows),
                     ERR_OK);
    assert_true(rows_next(&rows));
    assert_true(str_eq(row_text(&rows, 0), STR("هدهد")));
    assert_int_equal(row_i64(&rows, 1), INT64_MIN);
    assert_true(str_eq(row_blob(&rows, 2), blob));
    assert_true(row_is_null(&rows, 3));
    assert_int_equal(row_i64(&rows, 3), 0);
    assert_int_equal(row_text(&rows, 3).len, 0);
    assert_int_equal(row_i64(&rows, 4), INT64_MIN);
    assert_false(row_is_null(&rows, 5)); /* empty is not NULL */
    assert_false(rows_next(&rows));
    assert_false(rows_next(&rows));
    return rows_close(&rows);
}

static enum err changes(struct tx *tx)
{
    int64_t n = -1;
    enum err err = tx_exec(tx, "INSERT INTO settings (name, value) VALUES ('a', '1'), ('b', '2')",
                           NO_PARAMS, &n);
    assert_int_equal(n, 2);
    if (!err)
        err = tx_exec(tx, "SELECT 1", NO_PARAMS, &n);
    assert_int_equal(n, 0);
    assert_int_equal(tx_i64(tx, "SELECT 1 FROM settings WHERE name = 'z'", NO_PARAMS, &n),
                     ERR_NOT_FOUND);
    return err;
}

static enum err open_twice(struct tx *tx)
{
    static const char sql[] = "SELECT 1 UNION SELECT 2";
    struct rows first, second;
    assert_int_equal(tx_query(tx, sql, NO_PARAMS, &first), ERR_OK);
    assert_true(rows_next(&first));
    assert_int_equal(tx_query(tx, sql, NO_PARAMS, &second), ERR_INTERNAL);
    assert_false(rows_next(&second));
    assert_int_equal(rows_close(&second), ERR_INTERNAL);
    assert_true(rows_next(&first)); /* undisturbed */
    assert_int_equal(row_i64(&first, 0), 2);
    return rows_close(&first);
}

static void test_rows(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(run(f, round_trip), ERR_OK);
    assert_int_equal(run(f, changes), ERR_OK);
    assert_int_equal(run(f, open_twice), ERR_OK);
}

static enum err too_many(struct tx *tx)
{
    /* Each suffix of a text of blanks is a literal with an address of its own. */
    static char sql[STORE_STATEMENTS_MAX + 16];
    memset(sql, ' ', sizeof(sql));
    snprintf(sql + STORE_STATEMENTS_MAX, 16, "SELECT 1");
    int64_t one;
    enum err err = ERR_OK;
    for (size_t i = 0; i <= STORE_STATEMENTS_MAX && !err; i++)
        err = tx_i64(tx, sql + i, NO_PARAMS, &one);
    return err;
}

static void test_the_statements_are_limited(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(run(f, too_many), ERR_INTERNAL);
}

static void test_a_reader_cannot_write(void **state)
{
    struct fixture *f = *state;
    struct store_reader *r;
    struct tx *tx;
    assert_int_equal(store_reader_open(f->store, &r, &f->error), ERR_OK);
    assert_int_equal(store_read_begin(r, &tx), ERR_OK);
    assert_int_equal(add_workspace(tx), ERR_INTERNAL);
    store_reader_close(r);
}

int main(void)
{
#define OPENING(f) cmocka_unit_test_setup_teardown(f, empty_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        OPENING(test_no_database),
        OPENING(test_a_new_one_overwrites_nothing),
        OPENING(test_its_files_are_for_the_owner_only),
        OPENING(test_not_a_database),
        OPENING(test_a_damaged_database),
        OPENING(test_a_read_only_folder),
        OPENING(test_locked_by_another_program),
        TEST(test_what_errors_become),
        TEST(test_rows),
        TEST(test_the_statements_are_limited),
        TEST(test_a_reader_cannot_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
