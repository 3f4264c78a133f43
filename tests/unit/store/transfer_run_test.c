/* Transfers that are ended anywhere and go on, that notice what changed, and that are taken back.
 */
#include "store/transfer_run.h"
#include "unit/store/sides.h"

struct pair {
    struct side from, to;
    struct transfer_side source, target;
    struct transfer_run run;
    struct transfer_line *lines;
    int ticks, allowed; /* until it is ended */
};

static void connect_sides(struct pair *p)
{
    const struct store_options from = {.path = p->from.path}, to = {.path = p->to.path};
    error_init(&p->to.error, &p->to.arena);
    assert_int_equal(transfer_side_open(&p->source, &from, &p->to.error), ERR_OK);
    assert_int_equal(transfer_side_open(&p->target, &to, &p->to.error), ERR_OK);
}

static bool count_ticks(void *arg, const struct transfer_progress *progress)
{
    struct pair *p = arg;
    return p->ticks++ < p->allowed;
}

static void pair_open(struct pair *p, bool from_server, bool to_server)
{
    *p = (struct pair){.allowed = INT_MAX};
    side_open(&p->from, from_server);
    side_open(&p->to, to_server);
    side_fill(&p->from);
    connect_sides(p);
    p->run = (struct transfer_run){.from = &p->source,
                                   .to = &p->target,
                                   .what = STR("everything of 1"),
                                   .tick = count_ticks,
                                   .tick_arg = p};
}

static void pair_close(struct pair *p)
{
    transfer_side_close(&p->source);
    transfer_side_close(&p->target);
    side_close(&p->from);
    side_close(&p->to);
}

/* As another process would after a crash: with connections of its own. */
static enum err run_again(struct pair *p)
{
    transfer_side_close(&p->source);
    transfer_side_close(&p->target);
    connect_sides(p);
    p->ticks = 0;
    p->lines = NULL;
    return transfer_run(&p->run, &p->lines, &p->to.error);
}

static void assert_says(struct pair *p, const char *part)
{
    struct str says = p->to.error.message;
    if (!memmem(says.ptr, says.len, part, strlen(part)))
        fail_msg("'%.*s' does not say '%s'", STR_FMT(says), part);
}

static void assert_whole(struct pair *p)
{
    int64_t rows = 0;
    for (const struct transfer_line *line = p->lines; line; line = line->next)
        rows += line->sum.rows;
    assert_int_equal(rows, FILL_CHANGES + 2 + 2 + 2 + 2 + 3 + 3 + 2);
    assert_int_equal(side_i64(&p->to, "SELECT count(*) FROM number_changes"), FILL_CHANGES);
    assert_int_equal(side_i64(&p->to, "SELECT min(applied_at) FROM schema_version"),
                     side_i64(&p->from, "SELECT min(applied_at) FROM schema_version"));
    assert_int_equal(side_i64(&p->to,
                              "INSERT INTO workspaces (domain, name, created_at, "
                              "updated_at) VALUES ('new', 'n', 1, 1) RETURNING id"),
                     10);
    struct store *store;
    const struct store_options options = {.path = p->to.path};
    error_init(&p->to.error, &p->to.arena);
    assert_int_equal(store_open(&options, &store, &p->to.error), ERR_OK);
    store_close(store);
}

/* --- the cases ---------------------------------------------------------------------------- */

static void ended_at_each_commit(bool from_server, bool to_server)
{
    struct pair p;
    struct store *store;
    int runs = 1;
    pair_open(&p, from_server, to_server);
    side_i64(&p.to, "INSERT INTO settings (name, value) VALUES ('left', 'over')");
    p.allowed = 1; /* the first is before anything is done */
    enum err err = transfer_run(&p.run, &p.lines, &p.to.error);
    while (err == ERR_CLOSED && runs < 100) {
        const struct store_options options = {.path = p.to.path};
        error_init(&p.to.error, &p.to.arena);
        assert_int_equal(store_open(&options, &store, &p.to.error), ERR_CONFLICT);
        assert_says(&p, "run the same hudhud store copy again");
        /* From when all is copied on, all that is left is to compare. */
        p.allowed = ++runs > 12 ? INT_MAX : 1;
        err = run_again(&p);
    }
    if (err)
        fail_msg("%.*s", STR_FMT(p.to.error.message));
    assert_true(runs > 9);
    assert_whole(&p);
    pair_close(&p);
}

static void test_file_to_file(void **state)
{
    ended_at_each_commit(false, false);
}

static void test_file_to_server(void **state)
{
    ended_at_each_commit(false, true);
}

static void test_server_to_file(void **state)
{
    ended_at_each_commit(true, false);
}

static void test_a_source_that_changes(void **state)
{
    struct pair p;
    pair_open(&p, false, false);
    p.allowed = 8;
    assert_int_equal(transfer_run(&p.run, &p.lines, &p.to.error), ERR_CLOSED);
    side_i64(&p.from, "UPDATE workspaces SET name = 'another' WHERE id = 7");
    p.allowed = INT_MAX;
    assert_int_equal(run_again(&p), ERR_CONFLICT);
    assert_says(&p, "the rows of workspaces are not the same");
    assert_int_equal(run_again(&p), ERR_OK);
    assert_int_equal(side_i64(&p.to, "SELECT count(*) FROM workspaces WHERE name = 'another'"), 1);
    assert_whole(&p);
    pair_close(&p);
}

static void test_another_transfer_is_refused(void **state)
{
    struct pair p;
    struct str begun;
    pair_open(&p, false, false);
    p.allowed = 3;
    assert_int_equal(transfer_run(&p.run, &p.lines, &p.to.error), ERR_CLOSED);
    p.run.what = STR("workspace acme of 1");
    p.allowed = INT_MAX;
    assert_int_equal(run_again(&p), ERR_CONFLICT);
    assert_says(&p, "everything of 1");
    assert_int_equal(transfer_begun(&p.target, &p.to.arena, &begun), ERR_OK);
    assert_true(str_eq(begun, STR("everything of 1")));
    error_init(&p.to.error, &p.to.arena);
    assert_int_equal(transfer_undo(&p.target, &p.to.error), ERR_OK);
    assert_int_equal(transfer_begun(&p.target, &p.to.arena, &begun), ERR_OK);
    assert_int_equal(begun.len, 0);
    assert_int_equal(side_i64(&p.to, "SELECT count(*) FROM workspaces"), 0);
    assert_int_equal(side_i64(&p.to, "SELECT max(version) FROM schema_version"),
                     store_schema_version());
    pair_close(&p);
}

/* Ids in texts follow the numbers. */
static enum err rewrite(void *arg, const struct transfer *t, const struct schema_table *table,
                        const struct schema_column *column, struct param *value)
{
    if (str_eq(column->name, STR("field")))
        value->bytes = STR("rewritten");
    return ERR_OK;
}

static void begin_workspace(struct pair *p)
{
    pair_open(p, false, false);
    side_i64(&p->to,
             "INSERT INTO workspaces (id, domain, name, created_at, updated_at) "
             "VALUES (3, 'mine', 'n', 1, 1)");
    side_i64(&p->to, "INSERT INTO settings (name, value) VALUES ('mine', 'too')");
    p->run.root = "workspaces";
    p->run.root_id = 1;
    p->run.what = STR("workspace acme of 1");
    p->run.rewrite = rewrite;
}

static void test_a_workspace(void **state)
{
    struct pair p;
    begin_workspace(&p);
    assert_int_equal(run_again(&p), ERR_OK);
    assert_int_equal(side_i64(&p.to, "SELECT count(*) FROM settings"), 1);
    /* Its own id was taken; those of its numbers were not. */
    assert_int_equal(side_i64(&p.to, "SELECT id FROM workspaces WHERE domain = 'acme'"), 4);
    assert_int_equal(side_i64(&p.to, "SELECT workspace_id FROM numbers WHERE id = 5"), 4);
    assert_int_equal(side_i64(&p.to,
                              "SELECT count(*) FROM number_changes WHERE number_id = 5 "
                              "AND field = 'rewritten'"),
                     FILL_CHANGES - FILL_CHANGES / 10);
    assert_int_equal(side_i64(&p.to, "SELECT count(*) FROM number_changes"),
                     FILL_CHANGES - FILL_CHANGES / 10);
    pair_close(&p);
}

static void test_taken_back(void **state)
{
    struct pair p;
    begin_workspace(&p);
    p.allowed = 7;
    assert_int_equal(run_again(&p), ERR_CLOSED);
    assert_true(side_i64(&p.to, "SELECT count(*) FROM clients") > 0);
    error_init(&p.to.error, &p.to.arena);
    assert_int_equal(transfer_undo(&p.target, &p.to.error), ERR_OK);
    assert_int_equal(side_i64(&p.to, "SELECT count(*) FROM clients"), 0);
    assert_int_equal(side_i64(&p.to, "SELECT count(*) FROM workspaces"), 1);
    /* Ids that were given out stay used. */
    p.allowed = INT_MAX;
    assert_int_equal(run_again(&p), ERR_OK);
    assert_int_equal(side_i64(&p.to, "SELECT id FROM workspaces WHERE domain = 'acme'"), 5);
    pair_close(&p);
}

/* --- who else is there -------------------------------------------------------------------- */

static void test_others(void **state)
{
    struct side side;
    struct transfer_side t = {0};
    struct store *store;
    bool used;
    side_open(&side, true);
    const struct store_options options = {.path = side.path};
    assert_int_equal(transfer_side_open(&t, &options, &side.error), ERR_OK);
    assert_int_equal(transfer_side_is_used(&t, &used), ERR_OK);
    assert_false(used);
    assert_int_equal(store_open(&options, &store, &side.error), ERR_OK);
    assert_int_equal(transfer_side_is_used(&t, &used), ERR_OK);
    assert_true(used);
    store_close(store);
    /* One that was killed. */
    side_i64(&side, "INSERT INTO replicas (name, beat, batch, started_at) VALUES ('r', 5, 0, 1)");
    assert_int_equal(transfer_side_is_used(&t, &used), ERR_OK);
    assert_false(used);
    transfer_side_close(&t);
    side_close(&side);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_to_file),
        cmocka_unit_test(test_a_source_that_changes),
        cmocka_unit_test(test_another_transfer_is_refused),
        cmocka_unit_test(test_a_workspace),
        cmocka_unit_test(test_taken_back),
    };
    const struct CMUnitTest served[] = {
        cmocka_unit_test(test_file_to_server),
        cmocka_unit_test(test_server_to_file),
        cmocka_unit_test(test_others),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (server_is_there())
        failed += cmocka_run_group_tests(served, NULL, NULL);
    return failed;
}
