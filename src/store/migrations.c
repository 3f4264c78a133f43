#include "store/migrations.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"

/* clang-format off */
static const char schema_1[] =
    "CREATE TABLE schema_version ("
    "  version {int} PRIMARY KEY,"
    "  applied_at {int} NOT NULL"
    ") {strict};"

    "CREATE TABLE settings ("
    "  name text PRIMARY KEY,"
    "  value text NOT NULL"
    ") {strict};"

    "CREATE TABLE workspaces ("
    "  id {id},"
    "  domain text NOT NULL UNIQUE,"
    "  name text NOT NULL,"
    "  disabled_at {int},"
    "  created_at {int} NOT NULL,"
    "  updated_at {int} NOT NULL"
    ") {strict};"

    "CREATE TABLE clients ("
    "  id {id},"
    "  workspace_id {int} NOT NULL REFERENCES workspaces (id),"
    "  client_id text NOT NULL UNIQUE,"
    "  name text NOT NULL,"
    "  secret {blob} NOT NULL,"           /* sealed */
    "  previous_secret {blob},"           /* sealed; signs until previous_until */
    "  previous_until {int},"
    "  disabled_at {int},"
    "  created_at {int} NOT NULL,"
    "  updated_at {int} NOT NULL"
    ") {strict};"
    "CREATE INDEX clients_workspace ON clients (workspace_id);"

    "CREATE TABLE accounts ("
    "  id {id},"
    "  workspace_id {int} NOT NULL REFERENCES workspaces (id),"
    "  waba_id text NOT NULL,"
    "  name text NOT NULL,"
    "  access_token {blob} NOT NULL,"     /* sealed */
    "  template_count {int} NOT NULL,"
    "  state text NOT NULL,"
    "  state_reason text,"
    "  confirmed_at {int} NOT NULL,"
    "  linked_at {int} NOT NULL,"
    "  unlinked_at {int}"
    ") {strict};"
    "CREATE UNIQUE INDEX accounts_waba ON accounts (waba_id) WHERE unlinked_at IS NULL;"
    "CREATE INDEX accounts_workspace ON accounts (workspace_id);"

    "CREATE TABLE numbers ("
    "  id {id},"
    "  workspace_id {int} NOT NULL REFERENCES workspaces (id),"
    "  account_id {int} NOT NULL REFERENCES accounts (id),"
    "  phone_number_id text NOT NULL,"
    "  phone_number text NOT NULL,"
    "  verified_name text NOT NULL,"
    "  quality_rating text NOT NULL,"
    "  status text NOT NULL,"             /* ours */
    "  meta_status text NOT NULL,"        /* Meta's word */
    "  name_status text,"
    "  code_verification_status text,"
    "  throughput text,"
    "  messaging_limit text,"
    "  platform_type text,"
    "  is_official_business_account {int} NOT NULL,"
    "  can_send_message text,"
    "  reasons text NOT NULL,"            /* JSON */
    "  previous_quality_rating text,"
    "  quality_changed_at {int},"
    "  message_template_count {int} NOT NULL,"
    "  created_at {int} NOT NULL,"
    "  updated_at {int} NOT NULL,"
    "  unlinked_at {int}"
    ") {strict};"
    "CREATE UNIQUE INDEX numbers_phone_number_id ON numbers (phone_number_id)"
    "  WHERE unlinked_at IS NULL;"
    /* The list of GET /waba-numbers, in its order, without those that were unlinked. */
    "CREATE INDEX numbers_listed ON numbers (workspace_id, id) WHERE unlinked_at IS NULL;"
    "CREATE INDEX numbers_account ON numbers (account_id);"
    /* A number that is linked again is found under its old id. */
    "CREATE INDEX numbers_unlinked ON numbers (workspace_id, phone_number_id)"
    "  WHERE unlinked_at IS NOT NULL;"

    "CREATE TABLE number_changes ("
    "  id {id},"
    "  number_id {int} NOT NULL REFERENCES numbers (id),"
    "  field text NOT NULL,"
    "  from_value text,"
    "  to_value text,"
    "  source text NOT NULL,"
    "  at {int} NOT NULL"
    ") {strict};"
    "CREATE INDEX number_changes_number ON number_changes (number_id, id);";

static const char schema_2[] =
    "ALTER TABLE workspaces ADD COLUMN plan text;"     /* JSON; NULL: the default plan */
    "ALTER TABLE clients ADD COLUMN permissions text;" /* JSON; NULL: everything */

    /* Rate limits outlive a restart: the window that was last counted in, of each endpoint. */
    "CREATE TABLE rate_windows ("
    "  client_id {int} NOT NULL REFERENCES clients (id),"
    "  endpoint text NOT NULL,"           /* 'GET /waba-numbers' */
    "  started_at {int} NOT NULL,"
    "  requests {int} NOT NULL,"
    "  PRIMARY KEY (client_id, endpoint)"
    ") {strict};"
    "CREATE TABLE authentication_failures ("
    "  address text PRIMARY KEY,"
    "  started_at {int} NOT NULL,"
    "  requests {int} NOT NULL"
    ") {strict};"

    /* developer-api.md §1.3 */
    "CREATE TABLE idempotency ("
    "  id {id},"
    "  client_id {int} NOT NULL REFERENCES clients (id),"
    "  key text NOT NULL,"                /* 'key:' and the header's, or 'signature:' and hex */
    "  fingerprint {blob} NOT NULL,"      /* of method, path, query and body */
    "  state text NOT NULL,"              /* running, applied, done */
    "  result_id {int},"                  /* of applied: what the effect made */
    "  status {int},"                     /* of done, as the body is */
    "  body text,"
    "  created_at {int} NOT NULL,"
    "  expires_at {int} NOT NULL"
    ") {strict};"
    "CREATE UNIQUE INDEX idempotency_key ON idempotency (client_id, key);"
    "CREATE INDEX idempotency_expired ON idempotency (expires_at);"
    "CREATE INDEX idempotency_running ON idempotency (id) WHERE state = 'running';";
/* clang-format on */

const char *const migrations[] = {schema_1, schema_2};
const size_t migrations_count = ARRAY_LEN(migrations);

/* The step with every token replaced; buf_ok tells whether it fitted. */
static void expand(struct buf *out, const struct engine *engine, const char *step)
{
    const struct {
        struct str token;
        const char *becomes;
    } tokens[] = {
        {STR("{id}"), engine->id_type},
        {STR("{int}"), engine->int_type},
        {STR("{blob}"), engine->blob_type},
        {STR("{strict}"), engine->strict},
    };
    struct str rest = str_from(step);
    while (rest.len > 0) {
        size_t taken = 0;
        for (size_t i = 0; i < ARRAY_LEN(tokens) && taken == 0; i++) {
            if (str_starts(rest, tokens[i].token)) {
                buf_add(out, str_from(tokens[i].becomes));
                taken = tokens[i].token.len;
            }
        }
        if (taken == 0) {
            buf_add_char(out, rest.ptr[0]);
            taken = 1;
        }
        rest = str_skip(rest, taken);
    }
    buf_add_char(out, '\0');
}

static enum err run_step(struct tx *tx, const char *step, size_t to_version)
{
    _cleanup_(buf_release)
    struct buf script;
    buf_init(&script, STORE_MIGRATION_MAX);
    expand(&script, tx->engine, step);
    if (!buf_ok(&script))
        return ERR_INTERNAL;
    enum err err = tx->engine->run_script(tx->connection, script.ptr);
    if (err)
        return err;
    return tx_exec(tx, "INSERT INTO schema_version (version, applied_at) VALUES ($1, $2)",
                   PARAMS(p_i64((int64_t)to_version), p_i64(clock_now_ms())), NULL);
}

static enum err migrate_to(struct tx *tx, const char *step, size_t to_version)
{
    enum err err = tx_begin(tx);
    if (!err)
        err = run_step(tx, step, to_version);
    bool wrote;
    if (!err)
        err = tx->engine->commit(tx->connection, &wrote);
    if (err)
        tx->engine->rollback(tx->connection);
    return err;
}

static enum err read_version(struct tx *tx, const char *name, int64_t *ret, struct error *error)
{
    bool ours;
    enum err err = tx->engine->has_table(tx->connection, "schema_version", &ours);
    if (!err && !ours)
        return error_set(error, ERR_VALIDATION,
                         "%s is not a database of hudhud: point --data to the right folder, or "
                         "move the file away and run hudhud init",
                         name);
    if (!err)
        err = tx_i64(tx, "SELECT max(version) FROM schema_version", NO_PARAMS, ret);
    if (err)
        return error_set(error, err, "cannot read the version of %s: see the log for the cause",
                         name);
    return ERR_OK;
}

enum err migrations_run(struct tx *tx, const char *const *steps, size_t n, bool fresh,
                        const char *name, struct error *error)
{
    int64_t version = 0;
    if (!fresh) {
        enum err err = read_version(tx, name, &version, error);
        if (err)
            return err;
    }
    if (version > (int64_t)n)
        return error_set(error, ERR_CONFLICT,
                         "this hudhud knows version %zu, the database %s is version %lld: install "
                         "the newer hudhud",
                         n, name, (long long)version);
    for (size_t i = (size_t)version; i < n; i++) {
        enum err err = migrate_to(tx, steps[i], i + 1);
        if (err)
            return error_set(error, err,
                             "cannot bring the database %s to version %zu; it is still of version "
                             "%zu: see the log for the cause",
                             name, i + 1, i);
    }
    return ERR_OK;
}
