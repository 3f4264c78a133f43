/* A database of a large installation for the tests of query plans: 1,000 workspaces, 10,000
 * numbers, and their history; what Meta sent, and what is delivered to 1,000 webhooks; and which
 * statements may read a whole table. The SQL is for both engines. */
#pragma once

#include "base/buf.h"
#include "store/tx.h"
#include "unit/model/statements.h"

/* HUDHUD_TEST_SCALE=full: a million rows of history, as the tests were made for. The plans are the
 * same with this many. */
#define HISTORY_ROWS      100000
#define HISTORY_ROWS_FULL 1000000
/* Number 1 has this part of them. */
#define HISTORY_SHARE 10

static inline bool is_full_scale(void)
{
    const char *scale = getenv("HUDHUD_TEST_SCALE");
    return scale && strcmp(scale, "full") == 0;
}

static inline int64_t history_rows(void)
{
    return is_full_scale() ? HISTORY_ROWS_FULL : HISTORY_ROWS;
}

#define SERIES(n)                                                                                  \
    "WITH RECURSIVE series (i) AS (SELECT CAST(1 AS {int}) "                                       \
    "UNION ALL SELECT i + 1 FROM series WHERE i < " n ") "

static const char *const scale_fill[] = {
    SERIES("1000") "INSERT INTO workspaces (domain, name, created_at, updated_at) "
                   "SELECT 'w-' || i, 'Workspace', i, i FROM series",
    SERIES("4000") "INSERT INTO clients (workspace_id, client_id, name, secret, created_at, "
                   "updated_at) SELECT (i - 1) % 1000 + 1, 'client-' || i, 'Client', "
                   "CAST('sealed' AS {blob}), i, i FROM series",
    SERIES("5") "INSERT INTO replicas (name, beat, batch, syncs, started_at) "
                "SELECT 'host:' || i, i, i, 1, i FROM series",
    SERIES("4000") "INSERT INTO accounts (workspace_id, waba_id, name, access_token, "
                   "template_count, state, confirmed_at, linked_at, unlinked_at, replica_id) "
                   "SELECT (i - 1) % 1000 + 1, 'waba-' || i, 'Account', CAST('sealed' AS {blob}), "
                   "0, 'ok', i, i, CASE WHEN i % 8 = 0 THEN i END, "
                   "CASE WHEN i % 8 <> 0 AND i % 100 <> 1 THEN i % 5 + 1 END FROM series",
    SERIES("10000") "INSERT INTO numbers (workspace_id, account_id, phone_number_id, phone_number, "
                    "verified_name, quality_rating, status, meta_status, reasons, "
                    "is_official_business_account, message_template_count, created_at, "
                    "updated_at, unlinked_at) SELECT (i - 1) % 1000 + 1, (i - 1) % 4000 + 1, "
                    "'meta-' || i, '966500' || i, 'A verified name', 'GREEN', 'CONNECTED', "
                    "'CONNECTED', '[]', 0, 3, i, i, CASE WHEN i % 10 = 0 THEN i END FROM series",
    "INSERT INTO settings (name, value) VALUES ('key_check', '00')",
    SERIES("16000") "INSERT INTO rate_windows (client_id, endpoint, started_at, requests) "
                    "SELECT (i - 1) % 4000 + 1, 'GET /' || (i / 4000), i, 1 FROM series "
                    "WHERE i < 16000",
    SERIES("16000") "INSERT INTO authentication_failures (address, started_at, requests) "
                    "SELECT 'address-' || i, i, 1 FROM series",
    SERIES("200000") "INSERT INTO idempotency (client_id, key, fingerprint, state, created_at, "
                    "expires_at) SELECT (i - 1) % 4000 + 1, 'key:' || i, CAST('f' AS {blob}), "
                    "CASE WHEN i % 1000 = 0 THEN 'running' ELSE 'done' END, i, i FROM series",
    SERIES("50") "INSERT INTO apps (workspace_id, app_id, name, secret, verify_token, created_at, "
                 "updated_at) SELECT CASE WHEN i > 1 THEN i END, 'app-' || i, 'App', "
                 "CAST('sealed' AS {blob}), CAST('sealed' AS {blob}), i, i FROM series",
    SERIES("100000") "INSERT INTO inbound (workspace_id, app_id, digest, body, state, changes, "
                     "unapplied, reasons, arrivals, received_at, arrived_at) "
                     "SELECT i % 1000 + 1, i % 50 + 1, CAST('digest-' || i AS {blob}), "
                     "CAST('body' AS {blob}), CASE WHEN i % 500 = 0 THEN 'kept' ELSE 'applied' END, "
                     "1, 0, '[]', 1, i, i FROM series",
    "UPDATE accounts SET hints = 1 WHERE id % 1000 = 1",
    SERIES("12000") "INSERT INTO account_facts (account_id, field, value, known_at) "
                    "SELECT (i - 1) % 4000 + 1, 'field-' || ((i - 1) / 4000), 'value', i FROM series",
    SERIES("40000") "INSERT INTO account_changes (account_id, position, field, source, at) "
                    "SELECT (i - 1) % 4000 + 1, (i - 1) / 4000 + 1, 'review', 'webhook', i "
                    "FROM series",
    SERIES("40000") "INSERT INTO templates (account_id, meta_id, name, language, status_at, "
                    "category_at, quality_at, components_at, created_at, updated_at) "
                    "SELECT (i - 1) % 4000 + 1, 'meta-' || i, 'template', 'ar', i, i, i, i, i, i "
                    "FROM series",
    SERIES("80000") "INSERT INTO template_changes (template_id, position, field, source, at) "
                    "SELECT (i - 1) % 40000 + 1, (i - 1) / 40000 + 1, 'status', 'webhook', i "
                    "FROM series",
    SERIES("100000") "INSERT INTO events (workspace_id, event_id, name, body, wanted, created_at) "
                     "SELECT i % 1000 + 1, 'evt_' || i, 'account.updated', '{}', "
                     "CASE WHEN i % 10 = 0 THEN 0 ELSE 1 END, i FROM series",
    SERIES("1000") "INSERT INTO webhooks (workspace_id, url, events, secret, disabled_at, "
                   "replica_id, created_at, updated_at, deleted_at) SELECT i, 'https://w', '*', "
                   "CAST('sealed' AS {blob}), CASE WHEN i % 20 = 0 THEN i END, i % 5 + 1, i, i, "
                   "CASE WHEN i % 20 = 1 THEN i END FROM series",
    /* One of ten is waiting, one of fifty behind another. */
    SERIES("100000") "INSERT INTO jobs (workspace_id, kind, webhook_id, event_id, order_key, "
                     "state, attempts, due_at, created_at, ended_at) SELECT i % 1000 + 1, "
                     "'deliver', i % 1000 + 1, i, 'number:' || (i % 7), "
                     "CASE WHEN i % 10 = 0 THEN 'waiting' WHEN i % 50 = 1 THEN 'behind' "
                     "WHEN i % 200 = 3 THEN 'dead' ELSE 'done' END, 1, i, i, "
                     "CASE WHEN i % 10 <> 0 AND i % 50 <> 1 THEN i END FROM series",
    SERIES("100000") "INSERT INTO job_attempts (job_id, position, at, us, status) "
                     "SELECT i, 1, i, 1000, 200 FROM series",
};

/* Every number but the first has equally long a history; rows are written in turn, so that no
 * number's lie together. */
#define FILL_HISTORY(rows, share)                                                                  \
    SERIES(rows)                                                                                   \
    "INSERT INTO number_changes (number_id, position, field, from_value, to_value, source, at) "   \
    "SELECT CASE WHEN i % " share                                                                  \
    " = 0 THEN 1 ELSE i % 9999 + 2 END, "                                                          \
    "CASE WHEN i % " share " = 0 THEN i / " share                                                  \
    " ELSE i / 9999 + 1 END, "                                                                     \
    "'quality_rating', 'GREEN', 'YELLOW', 'poll', i FROM series"

static inline const char *scale_fill_history(void)
{
    return is_full_scale() ? FILL_HISTORY(STRINGIFY(HISTORY_ROWS_FULL), STRINGIFY(HISTORY_SHARE))
                           : FILL_HISTORY(STRINGIFY(HISTORY_ROWS), STRINGIFY(HISTORY_SHARE));
}

/* The text as this engine has it, and a NUL; in `out`. */
static inline const char *scale_expand(struct buf *out, const struct engine *engine,
                                       const char *text)
{
    buf_clear(out);
    engine_expand(out, engine, text);
    buf_add_char(out, '\0');
    assert_true(buf_ok(out));
    return out->ptr;
}

/* --- who may read everything -------------------------------------------------------------- */

enum explainer { SQLITE = 1, POSTGRES = 2, BOTH = SQLITE | POSTGRES };

/* A statement that ends like this may read all of these tables or indexes, as a plan names them.
 * Whoever adds one says why the size of the table does no harm. */
static const struct whole_read {
    enum explainer by;
    const char *ending, *tables, *why;
} whole_reads[] = {
    {BOTH,
     "w.plan, c.permissions FROM clients c JOIN workspaces w ON w.id = c.workspace_id "
     "ORDER BY c.workspace_id, c.id",
     "c w", "the directory: all clients, in memory, at the start and after a change of one"},
    {BOTH, "WHERE a.unlinked_at IS NULL ORDER BY a.id", "a w",
     "every account: what the jobs thread begins with, and hudhud status"},
    {BOTH, "FROM workspaces w ORDER BY w.id", "w", "every workspace: an administrator's list"},
    {BOTH, "SELECT address, started_at, requests FROM authentication_failures",
     "authentication_failures",
     "at the start; holds AUTH_FAILURE_ADDRESSES and what one sweep leaves"},
    {BOTH, "FROM rate_windows r JOIN clients c ON c.id = r.client_id WHERE r.started_at >= $1",
     "r c", "at the start; an index would have to be kept at each count that is saved"},
    {BOTH, "SELECT id, client_id, secret FROM clients ORDER BY id", "clients",
     "every sealed value: rotation of the key, backup, restore"},
    {BOTH, "FROM clients WHERE previous_secret IS NOT NULL ORDER BY id", "clients",
     "every sealed value: rotation of the key, backup, restore"},
    {BOTH, "access_token FROM accounts WHERE unlinked_at IS NULL ORDER BY id", "accounts",
     "every sealed value: rotation of the key, backup, restore"},
    {BOTH, "DELETE FROM idempotency WHERE state = 'running' AND body IS NULL",
     "idempotency_running", "at the start, all of an index that has only what runs"},
    {BOTH, "UPDATE idempotency SET state = 'done' WHERE state = 'running'", "idempotency_running",
     "the same"},
    {BOTH, "EXISTS (SELECT id FROM replicas WHERE id = $1 AND syncs = 1)", "accounts_unclaimed",
     "one of those that nobody holds"},
    {BOTH, "SELECT count(*) FROM accounts WHERE unlinked_at IS NULL", "accounts accounts_waba",
     "when accounts or replicas come or go, all of an index that has linked ones"},
    {BOTH, "ON w.id = a.workspace_id ORDER BY a.id", "a w",
     "the directory: all apps, of which there are few, in memory as all clients"},
    {BOTH, "AS text) AS name, secret FROM webhooks WHERE deleted_at IS NULL ORDER BY id",
     "webhooks webhooks_pkey", "every sealed value: rotation of the key, backup, restore"},
    {BOTH, "FROM webhooks WHERE previous_secret IS NOT NULL AND deleted_at IS NULL ORDER BY id",
     "webhooks webhooks_pkey", "every sealed value: rotation of the key, backup, restore"},
    {BOTH, "FROM webhooks e WHERE e.disabled_at IS NULL AND e.deleted_at IS NULL ORDER BY e.id",
     "e",
     "every webhook with its first job: what the deliveries begin with, and look at every few "
     "seconds; of each one row of an index is read"},
    {BOTH,
     "AND (e.deleted_at IS NOT NULL OR j.created_at < $1)) ORDER BY e.id LIMIT " STRINGIFY(
         UPKEEP_PURGE_ROWS),
     "webhooks_stopped", "all of an index that has only webhooks that are disabled or deleted"},
    {BOTH, "LIMIT " STRINGIFY(JOBS_REPLAY_LIMIT) ") r ORDER BY r.event_id", "r (subquery-4)",
     "what the statement itself has just found"},
    {SQLITE, "ORDER BY id LIMIT " STRINGIFY(JOBS_NEW_ROWS) ") n GROUP BY webhook_id", "n",
     "what the statement itself has just found"},
    {SQLITE, "ORDER BY id LIMIT " STRINGIFY(EVENT_LOOK_ROWS) ") n GROUP BY workspace_id", "n",
     "what the statement itself has just found"},
    {BOTH, "e.id LIMIT " STRINGIFY(UPKEEP_PURGE_ROWS) ") s GROUP BY s.workspace_id", "s",
     "what the statement itself has just found"},
    {BOTH,
     "FROM accounts WHERE hints <> hints_answered AND unlinked_at IS NULL ORDER BY id LIMIT $1",
     "accounts_hinted", "some of an index that has only those"},
    {POSTGRES, "LEFT JOIN apps a ON a.id = i.app_id WHERE i.id = $1", "a",
     "PostgreSQL: so few apps it reads rather than look one up"},
    {POSTGRES, "(SELECT address FROM authentication_failures WHERE started_at < $1 LIMIT $2)",
     "authentication_failures",
     "PostgreSQL, when there is something to remove: so small a table it may read rather than look "
     "each row up"},
    {POSTGRES, "unlinked_at IS NULL ORDER BY id LIMIT $2 {skip_locked})",
     "accounts accounts_unclaimed",
     "PostgreSQL, when there is something to claim: it does not know how few those are"},
    {POSTGRES, "SELECT value FROM settings WHERE name = $1", "settings",
     "a handful of rows: PostgreSQL reads the one page rather than the index"},
};

static inline bool ends_with(const char *text, const char *ending)
{
    size_t len = strlen(text), n = strlen(ending);
    return n <= len && strcmp(text + len - n, ending) == 0;
}

static inline bool has_word(const char *words, struct str word)
{
    for (const char *at = words; *at; at += strspn(at, " ")) {
        size_t len = strcspn(at, " ");
        if (str_eq(str_make(at, len), word))
            return true;
        at += len;
    }
    return false;
}

/* One row, or a row a replica, a migration, or an app (APPS_MAX). */
static inline bool is_tiny(struct str table)
{
    return has_word("store_state replicas replicas_1 holder schema_version apps", table);
}

static inline bool may_read_all(enum explainer by, const char *sql, struct str table)
{
    if (is_tiny(table))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(whole_reads); i++)
        if ((whole_reads[i].by & by) && ends_with(sql, whole_reads[i].ending) &&
            has_word(whole_reads[i].tables, table))
            return true;
    return false;
}

/* The list holds nothing that no statement needs any more. */
static inline void assert_whole_reads_exist(const struct statements *s)
{
    for (size_t i = 0; i < ARRAY_LEN(whole_reads); i++) {
        size_t found = 0;
        for (size_t k = 0; k < s->n; k++)
            found += ends_with(s->sql[k], whole_reads[i].ending);
        if (found != 1)
            fail_msg("%zu statements end like this one of whole_reads: %s", found,
                     whole_reads[i].ending);
    }
}

/* Prints what was found; the test fails after it has looked at all of them. */
static inline void complain_of_whole_read(const char *sql, const char *plan, size_t *problems)
{
    print_error(
        "%s\n    in: %s\n    an index is missing, or an entry of whole_reads "
        "(tests/unit/model/scale.h)\n",
        plan, sql);
    ++*problems;
}
