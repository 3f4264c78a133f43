/* A small world for the tests of Meta's webhooks: two workspaces with an account each, the numbers
 * of them, a webhook of ours that wants every event, and rows as text. */
#pragma once

#define FIXTURE_REHEARSES true

#include "base/buf.h"
#include "inbound/inbound.h"
#include "model/account.h"
#include "model/webhook.h"
#include "model/workspace.h"
#include "unit/store/fixture.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#define NOW_S INT64_C(1767225600) /* 2026-01-01T00:00:00Z */
#define NOW   (NOW_S * 1000)
#define PHONE "966500001000"

struct world {
    struct fixture *fixture;
    struct arena arena;
};

/* --- the rows that are there at first ------------------------------------------------------- */

struct make {
    struct store_write write;
    const char *waba; /* of one account more, in the workspace 1; NULL: all of the world */
};

static inline enum err make_number(struct tx *tx, int64_t workspace, int64_t account,
                                   const char *id, const char *phone)
{
    struct number n = {
        .workspace_id = workspace, .account_id = account, .status = STR("CONNECTED")};
    int64_t row;
    n.facts.phone_number_id = str_from(id);
    n.facts.phone_number = str_from(phone);
    n.facts.verified_name = STR("Palm");
    n.facts.quality_rating = STR("GREEN");
    n.facts.meta_status = STR("CONNECTED");
    n.facts.reasons = STR("[]");
    return number_insert(tx, &n, &row);
}

static inline enum err make_world(struct tx *tx)
{
    const struct webhook all = {
        .workspace_id = 1, .url = STR("https://w"), .events = STR("*"), .created_at = 1};
    int64_t id;
    enum err e = workspace_insert(tx, STR("acme"), STR("Acme"), 1, &id);
    if (!e)
        e = workspace_insert(tx, STR("other"), STR("Other"), 1, &id);
    if (!e)
        e = account_insert(tx, 1, STR("900"), STR("Palm"), STR("sealed"), 1, &id);
    if (!e)
        e = account_insert(tx, 2, STR("901"), STR("Fig"), STR("sealed"), 1, &id);
    if (!e)
        e = make_number(tx, 1, 1, "11", PHONE);
    if (!e)
        e = make_number(tx, 1, 1, "12", "966500001001");
    if (!e)
        e = make_number(tx, 2, 2, "21", "966500002000");
    return e ? e : webhook_insert(tx, &all, &id);
}

static inline enum err make_apply(struct store_write *write, struct tx *tx)
{
    struct make *m = CONTAINER_OF(write, struct make, write);
    int64_t id;
    return m->waba ? account_insert(tx, 1, str_from(m->waba), STR("New"), STR("sealed"), 1, &id)
                   : make_world(tx);
}

static inline int setup(void **state)
{
    struct world *w = xcalloc(1, sizeof(*w));
    struct make make = {.write.apply = make_apply};
    void *fixture;
    assert_int_equal(fixture_setup(&fixture), 0);
    w->fixture = fixture;
    arena_init(&w->arena, 256 * MIB);
    assert_int_equal(store_write_now(w->fixture->store, &make.write), ERR_OK);
    *state = w;
    return 0;
}

static inline int teardown(void **state)
{
    struct world *w = *state;
    void *fixture = w->fixture;
    arena_release(&w->arena);
    free(w);
    return fixture_teardown(&fixture);
}

/* --- deliveries --------------------------------------------------------------------------- */

/* {"id": waba, "time": ..., "changes": [{"field": ..., "value": ...}]} */
static inline struct str entry_of(struct world *w, const char *waba, int64_t time,
                                  const char *field, const char *value)
{
    struct str text = arena_printf(&w->arena,
                                   "{\"id\":\"%s\",\"time\":%lld,\"changes\":[{\"field\":\"%s\","
                                   "\"value\":%s}]}",
                                   waba, (long long)time, field, value);
    assert_non_null(text.ptr);
    return text;
}

static inline struct str body_of(struct world *w, struct str entries)
{
    struct str text = arena_printf(
        &w->arena, "{\"object\":\"whatsapp_business_account\",\"entry\":[%.*s]}", STR_FMT(entries));
    assert_non_null(text.ptr);
    return text;
}

struct taking {
    struct store_write write;
    struct inbound_delivery delivery;
    int64_t reapply; /* this one once more; 0: none */
    const char *why; /* it is kept, for this; NULL: it is applied */
    struct inbound_outcome outcome;
};

static inline enum err take_apply(struct store_write *write, struct tx *tx)
{
    struct taking *t = CONTAINER_OF(write, struct taking, write);
    if (t->reapply)
        return inbound_reapply(tx, t->reapply, t->delivery.now, &t->outcome);
    return t->why ? inbound_keep(tx, &t->delivery, t->why, &t->outcome)
                  : inbound_take(tx, &t->delivery, &t->outcome);
}

static inline struct inbound_outcome take(struct world *w, struct taking t)
{
    struct arena tree;
    arena_init(&tree, INBOUND_ARENA_MAX);
    t.write.apply = take_apply;
    t.delivery.now = t.delivery.now ? t.delivery.now : NOW;
    t.delivery.received_at = t.delivery.now;
    if (!t.reapply)
        inbound_read(&t.delivery, &tree);
    assert_int_equal(store_write_now(w->fixture->store, &t.write), ERR_OK);
    arena_release(&tree);
    return t.outcome;
}

static inline struct inbound_outcome take_body(struct world *w, struct str body)
{
    return take(w, (struct taking){.delivery.body = body});
}

/* One change of the account 900. */
static inline struct inbound_outcome tell_at(struct world *w, int64_t time, const char *field,
                                             const char *value)
{
    return take_body(w, body_of(w, entry_of(w, "900", time, field, value)));
}

/* The same, applied whole: told a second later each time. */
static inline void tell(struct world *w, const char *field, const char *value)
{
    static int64_t time = NOW_S - 100000;
    struct inbound_outcome o = tell_at(w, time++, field, value);
    assert_int_equal(o.changes, 1);
    if (o.unapplied)
        fail_msg("%s is not applied: %s", field, value);
}

/* --- rows --------------------------------------------------------------------------------- */

/* What a query finds: columns with blanks between, rows with "; ". */
static inline const char *rows_of(struct world *w, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *st;
    struct buf text;
    buf_init(&text, MIB);
    assert_int_equal(sqlite3_open_v2(w->fixture->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    while (sqlite3_step(st) == SQLITE_ROW) {
        buf_add(&text, text.len ? STR("; ") : STR(""));
        for (int i = 0; i < sqlite3_column_count(st); i++) {
            const char *value = (const char *)sqlite3_column_text(st, i);
            buf_printf(&text, "%s%s", i ? " " : "", value ? value : "-");
        }
    }
    sqlite3_finalize(st);
    sqlite3_close(db);
    assert_true(buf_ok(&text));
    const char *rows = arena_cstr(&w->arena, buf_str(&text));
    buf_release(&text);
    assert_non_null(rows);
    return rows;
}

#define assert_rows(w, sql, want) assert_string_equal(rows_of(w, sql), want)
