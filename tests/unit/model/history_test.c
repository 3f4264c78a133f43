/* The history of a number: each change's position, and what a database of version 2 becomes. */
#include "base/buf.h"
#include "model/account.h"
#include "model/number.h"
#include "model/workspace.h"
#include "store/migrations.h"
#include "unit/store/fixture.h"

#define NUMBERS       3
#define CHANGES       100
#define LAST_UNPLACED 2 /* the version of a database whose changes have no position */

/* --- pages as text ------------------------------------------------------------------------ */

static enum err add_line(void *arg, const struct change_entry *c)
{
    buf_printf(arg, "%.*s %.*s %.*s %.*s %lld\n", STR_FMT(c->field), STR_FMT(c->from),
               STR_FMT(c->to), STR_FMT(c->source), (long long)c->at);
    return ERR_OK;
}

/* The page from the model, as GET /waba-numbers/{id}/history asks for it. */
static void add_page(struct tx *tx, int64_t number, int64_t offset, int64_t limit, struct buf *out)
{
    int64_t total;
    assert_int_equal(number_count_changes(tx, number, &total), ERR_OK);
    buf_printf(out, "%lld of %lld\n", (long long)offset, (long long)total);
    assert_int_equal(number_each_change(tx, number, total - offset, limit, add_line, out), ERR_OK);
}

/* The same as version 2 had it. */
static void add_old_page(struct tx *tx, int64_t number, int64_t offset, int64_t limit,
                         struct buf *out)
{
    static const char count[] = "SELECT count(*) FROM number_changes WHERE number_id = $1";
    static const char page[] =
        "SELECT field, from_value, to_value, source, at FROM number_changes "
        "WHERE number_id = $1 ORDER BY id DESC LIMIT $2 OFFSET $3";
    int64_t total;
    struct rows rows;
    assert_int_equal(tx_i64(tx, count, PARAMS(p_i64(number)), &total), ERR_OK);
    buf_printf(out, "%lld of %lld\n", (long long)offset, (long long)total);
    assert_int_equal(tx_query(tx, page, PARAMS(p_i64(number), p_i64(limit), p_i64(offset)), &rows),
                     ERR_OK);
    while (rows_next(&rows)) {
        struct change_entry c = {row_text(&rows, 0), row_text(&rows, 1), row_text(&rows, 2),
                                 row_text(&rows, 3), row_i64(&rows, 4)};
        assert_int_equal(add_line(out, &c), ERR_OK);
    }
    assert_int_equal(rows_close(&rows), ERR_OK);
}

/* Whole pages, part of one, and beyond the end. */
static void add_all(struct tx *tx, struct buf *out,
                    void (*add)(struct tx *tx, int64_t number, int64_t offset, int64_t limit,
                                struct buf *out))
{
    for (int64_t number = 1; number <= NUMBERS; number++)
        for (int64_t limit = 7; limit <= 28; limit += 21)
            for (int64_t offset = 0; offset <= CHANGES + limit; offset += limit)
                add(tx, number, offset, limit, out);
    assert_true(buf_ok(out));
}

/* --- rows --------------------------------------------------------------------------------- */

static enum err add_number(struct tx *tx, int64_t account, const char *id)
{
    struct number n = {.workspace_id = 1, .account_id = account, .status = STR("CONNECTED")};
    int64_t row;
    n.facts.phone_number_id = str_from(id);
    n.facts.phone_number = n.facts.verified_name = n.facts.quality_rating = STR("x");
    n.facts.meta_status = STR("CONNECTED");
    n.facts.reasons = STR("[]");
    return number_insert(tx, &n, &row);
}

static enum err add_numbers(struct tx *tx)
{
    int64_t id;
    enum err e = workspace_insert(tx, STR("acme"), STR("Acme"), 1, &id);
    if (!e)
        e = account_insert(tx, id, STR("900"), STR("Books"), STR("sealed"), 1, &id);
    if (!e)
        e = add_number(tx, id, "11");
    if (!e)
        e = add_number(tx, id, "12");
    return e ? e : add_number(tx, id, "13");
}

/* Two numbers change in no regular turn, the third never; some rows are gone, as if by hand. */
static enum err add_old_changes(struct tx *tx)
{
    enum err e = ERR_OK;
    for (int64_t i = 0; !e && i < CHANGES; i++)
        e = tx_exec(tx,
                    "INSERT INTO number_changes (number_id, field, from_value, to_value, source, "
                    "at) VALUES ($1, 'status', $2, 'مكتبة', 'poll', $3)",
                    PARAMS(p_i64(1 + (i * i % 7 > 2)), p_opt(i % 3 ? STR("was") : STR("")),
                           p_i64(1000 - i)),
                    NULL);
    if (!e)
        e = tx_exec(tx, "DELETE FROM number_changes WHERE id % 11 = 3", NO_PARAMS, NULL);
    return e;
}

/* --- an older database -------------------------------------------------------------------- */

static void make_old(struct fixture *f, struct buf *pages)
{
    struct store_options options = {.path = f->path, .create = true};
    struct connection *c;
    struct tx tx;
    bool wrote;
    assert_int_equal(sqlite_engine.open(&options, &c, &f->error), ERR_OK);
    tx_init(&tx, c);
    assert_int_equal(migrations_run(&tx, migrations, LAST_UNPLACED, true, f->path, &f->error),
                     ERR_OK);
    assert_int_equal(tx_begin(&tx), ERR_OK);
    assert_int_equal(add_numbers(&tx), ERR_OK);
    assert_int_equal(add_old_changes(&tx), ERR_OK);
    add_all(&tx, pages, add_old_page);
    assert_int_equal(c->engine->commit(c, &wrote), ERR_OK);
    tx_release(&tx);
}

static void add_new_pages(struct fixture *f, struct buf *pages)
{
    struct store_reader *reader;
    struct tx *tx;
    assert_int_equal(store_reader_open(f->store, &reader, &f->error), ERR_OK);
    assert_int_equal(store_read_begin(reader, &tx), ERR_OK);
    add_all(tx, pages, add_page);
    store_reader_close(reader);
}

static void test_pages_are_the_same_after_the_migration(void **state)
{
    struct fixture f;
    struct buf before, after;
    fixture_init(&f);
    buf_init(&before, MIB);
    buf_init(&after, MIB);
    make_old(&f, &before);
    fixture_open(&f, false);
    add_new_pages(&f, &after);
    assert_true(before.len > 5000);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.ptr, after.ptr, before.len);
    fixture_close(&f);
    assert_sound(f.path);
    assert_int_equal(raw_i64(f.path, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'old%'"),
                     0);
    fixture_release(&f);
    buf_release(&before);
    buf_release(&after);
}

/* --- positions ---------------------------------------------------------------------------- */

struct change_write {
    struct store_write write;
    int64_t at;
};

/* Every tenth write changes two numbers; every third fails after its change, and leaves no gap. */
static enum err change_apply(struct store_write *w, struct tx *tx)
{
    int64_t i = CONTAINER_OF(w, struct change_write, write)->at;
    const struct change_cause cause = {SOURCE_POLL, i, i};
    struct number to = {.facts = {.phone_number = STR("1"), .reasons = STR("[]")},
                        .status = STR("DISCONNECTED")};
    enum err e = ERR_OK;
    for (int64_t id = 1; !e && id <= 1 + (i % 10 == 0); id++) {
        bool changed;
        to.id = id;
        to.workspace_id = 1;
        struct number old = to;
        old.status = STR("CONNECTED");
        old.facts.phone_number = STR("2");
        e = number_update(tx, &old, &to, &cause, &changed);
    }
    return e ? e : i % 3 == 0 ? ERR_CONFLICT : ERR_OK;
}

static enum err add_numbers_apply(struct store_write *w, struct tx *tx)
{
    return add_numbers(tx);
}

/* Of each number the positions are 1 to the number of its changes, in the order of their writing.
 */
static void assert_positions(struct fixture *f, int64_t rows)
{
    assert_int_equal(raw_i64(f->path, "SELECT count(*) FROM number_changes"), rows);
    assert_int_equal(raw_i64(f->path,
                             "SELECT count(*) FROM (SELECT position, row_number() OVER "
                             "(PARTITION BY number_id ORDER BY id) AS place FROM number_changes) "
                             "WHERE position <> place"),
                     0);
}

static void test_positions_have_no_gaps(void **state)
{
    struct fixture *f = *state;
    struct store_write numbers = {.apply = add_numbers_apply};
    assert_int_equal(store_write_now(f->store, &numbers), ERR_OK);
    int64_t rows = 0;
    for (int64_t i = 1; i <= 60; i++) {
        struct change_write change = {.write.apply = change_apply, .at = i};
        enum err e = store_write_now(f->store, &change.write);
        assert_int_equal(e, i % 3 == 0 ? ERR_CONFLICT : ERR_OK);
        rows += e ? 0 : i % 10 == 0 ? 4 : 2; /* phone_number and status, of one number or two */
    }
    assert_positions(f, rows);
}

static void test_a_migrated_history_goes_on(void **state)
{
    struct fixture f;
    struct buf pages;
    fixture_init(&f);
    buf_init(&pages, MIB);
    make_old(&f, &pages);
    buf_release(&pages);
    int64_t rows = raw_i64(f.path, "SELECT count(*) FROM number_changes");
    fixture_open(&f, false);
    struct change_write change = {.write.apply = change_apply, .at = 10};
    assert_int_equal(store_write_now(f.store, &change.write), ERR_OK);
    assert_positions(&f, rows + 4);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages_are_the_same_after_the_migration),
        cmocka_unit_test_setup_teardown(test_positions_have_no_gaps, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test(test_a_migrated_history_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
