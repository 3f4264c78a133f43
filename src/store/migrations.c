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
    "  name {text} PRIMARY KEY,"
    "  value {text} NOT NULL"
    ") {strict};"

    "CREATE TABLE workspaces ("
    "  id {id},"
    "  domain {text} NOT NULL UNIQUE,"
    "  name {text} NOT NULL,"
    "  disabled_at {int},"
    "  created_at {int} NOT NULL,"
    "  updated_at {int} NOT NULL"
    ") {strict};"

    "CREATE TABLE clients ("
    "  id {id},"
    "  workspace_id {int} NOT NULL REFERENCES workspaces (id),"
    "  client_id {text} NOT NULL UNIQUE,"
    "  name {text} NOT NULL,"
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
    "  waba_id {text} NOT NULL,"
    "  name {text} NOT NULL,"
    "  access_token {blob} NOT NULL,"     /* sealed */
    "  template_count {int} NOT NULL,"
    "  state {text} NOT NULL,"
    "  state_reason {text},"
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
    "  phone_number_id {text} NOT NULL,"
    "  phone_number {text} NOT NULL,"
    "  verified_name {text} NOT NULL,"
    "  quality_rating {text} NOT NULL,"
    "  status {text} NOT NULL,"             /* ours */
    "  meta_status {text} NOT NULL,"        /* Meta's word */
    "  name_status {text},"
    "  code_verification_status {text},"
    "  throughput {text},"
    "  messaging_limit {text},"
    "  platform_type {text},"
    "  is_official_business_account {int} NOT NULL,"
    "  can_send_message {text},"
    "  reasons {text} NOT NULL,"            /* JSON */
    "  previous_quality_rating {text},"
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
    "  field {text} NOT NULL,"
    "  from_value {text},"
    "  to_value {text},"
    "  source {text} NOT NULL,"
    "  at {int} NOT NULL"
    ") {strict};"
    "CREATE INDEX number_changes_number ON number_changes (number_id, id);";

static const char schema_2[] =
    "ALTER TABLE workspaces ADD COLUMN plan {text};"     /* JSON; NULL: the default plan */
    "ALTER TABLE clients ADD COLUMN permissions {text};" /* JSON; NULL: everything */

    /* Rate limits outlive a restart: the window that was last counted in, of each endpoint. */
    "CREATE TABLE rate_windows ("
    "  client_id {int} NOT NULL REFERENCES clients (id),"
    "  endpoint {text} NOT NULL,"           /* 'GET /waba-numbers' */
    "  started_at {int} NOT NULL,"
    "  requests {int} NOT NULL,"
    "  PRIMARY KEY (client_id, endpoint)"
    ") {strict};"
    "CREATE TABLE authentication_failures ("
    "  address {text} PRIMARY KEY,"
    "  started_at {int} NOT NULL,"
    "  requests {int} NOT NULL"
    ") {strict};"

    /* developer-api.md §1.3 */
    "CREATE TABLE idempotency ("
    "  id {id},"
    "  client_id {int} NOT NULL REFERENCES clients (id),"
    "  key {text} NOT NULL,"                /* 'key:' and the header's, or 'signature:' and hex */
    "  fingerprint {blob} NOT NULL,"      /* of method, path, query and body */
    "  state {text} NOT NULL,"              /* running, applied, done */
    "  result_id {int},"                  /* of applied: what the effect made */
    "  status {int},"                     /* of done, as the body is */
    "  body {text},"
    "  created_at {int} NOT NULL,"
    "  expires_at {int} NOT NULL"
    ") {strict};"
    "CREATE UNIQUE INDEX idempotency_key ON idempotency (client_id, key);"
    "CREATE INDEX idempotency_expired ON idempotency (expires_at);"
    "CREATE INDEX idempotency_running ON idempotency (id) WHERE state = 'running';";

static const char schema_3[] =
    /* Several processes on one store. Its only row is what a writing transaction locks first, so
     * that writes follow one another as they do in one process. */
    "CREATE TABLE store_state ("
    "  id {int} PRIMARY KEY,"
    "  generation {int} NOT NULL,"        /* moves with every commit */
    "  directory {int} NOT NULL"          /* moves when somebody else may sign */
    ") {strict};"
    "INSERT INTO store_state (id, generation, directory) VALUES (1, 0, 0);"
    "CREATE TABLE replicas ("
    "  id {id},"
    "  name {text} NOT NULL,"             /* host and process, for people */
    "  holder {text},"                      /* its data folder, which one process at a time has */
    "  beat {int} NOT NULL,"              /* moves every few seconds while it lives */
    "  batch {int} NOT NULL,"             /* the generation of its last commit */
    "  syncs {int} NOT NULL DEFAULT 0,"   /* 1: it takes its share of the accounts */
    "  started_at {int} NOT NULL"
    ") {strict};"
    /* Who syncs the account; NULL: nobody does yet, or its replica is gone. */
    "ALTER TABLE accounts ADD COLUMN replica_id {int} REFERENCES replicas (id) ON DELETE SET NULL;"
    /* Moves with each answer of Meta's that is written: who asks sees whether another's was written
     * meanwhile, without a look at any clock. */
    "ALTER TABLE accounts ADD COLUMN revision {int} NOT NULL DEFAULT 0;"
    "CREATE INDEX accounts_replica ON accounts (replica_id);"
    /* Who carries the request out, of several; a claim lives as long as its replica does. */
    "ALTER TABLE idempotency ADD COLUMN replica_id {int};"
    "CREATE INDEX accounts_unclaimed ON accounts (id)"
    "  WHERE replica_id IS NULL AND unlinked_at IS NULL;"

    /* Each change gets its place in its number's history: a page is a range of places then, and
     * costs the same however old it is. The table is made anew, for a column that is NOT NULL cannot
     * be added to rows that lack it; the copy lets it have its own name from the start, as names of
     * PostgreSQL's sequences and keys follow the table's first. */
    "CREATE TABLE old_number_changes AS SELECT * FROM number_changes;"
    "DROP TABLE number_changes;"
    "CREATE TABLE number_changes ("
    "  id {id},"
    "  number_id {int} NOT NULL REFERENCES numbers (id),"
    "  position {int} NOT NULL,"          /* 1, 2, ... of each number, without a gap */
    "  field {text} NOT NULL,"
    "  from_value {text},"
    "  to_value {text},"
    "  source {text} NOT NULL,"
    "  at {int} NOT NULL"
    ") {strict};"
    /* Nothing refers to the ids: given anew, in the same order, they keep PostgreSQL's sequence
     * right. */
    "INSERT INTO number_changes (number_id, position, field, from_value, to_value, source, at)"
    "  SELECT number_id, row_number() OVER (PARTITION BY number_id ORDER BY id), field, from_value,"
    "  to_value, source, at FROM old_number_changes ORDER BY id;"
    "DROP TABLE old_number_changes;"
    "CREATE UNIQUE INDEX number_changes_position ON number_changes (number_id, position);"

    /* What is swept by age, every second, while an attack fills the table. */
    "CREATE INDEX authentication_failures_started ON authentication_failures (started_at);";

static const char schema_4[] =
    /* Meta's apps, whose webhooks are taken. Without a workspace: everybody's, at one address. */
    "CREATE TABLE apps ("
    "  id {id},"
    "  workspace_id {int} REFERENCES workspaces (id),"
    "  app_id {text} NOT NULL UNIQUE,"    /* Meta's */
    "  name {text} NOT NULL,"
    "  secret {blob} NOT NULL,"           /* sealed */
    "  previous_secret {blob},"           /* sealed; signs until previous_until */
    "  previous_until {int},"
    "  verify_token {blob} NOT NULL,"     /* sealed */
    "  created_at {int} NOT NULL,"
    "  updated_at {int} NOT NULL"
    ") {strict};"

    /* What Meta sent, byte for byte. */
    "CREATE TABLE inbound ("
    "  id {id},"
    "  workspace_id {int} REFERENCES workspaces (id),"  /* of the address it came to */
    "  app_id {int} REFERENCES apps (id) ON DELETE SET NULL,"
    "  digest {blob} NOT NULL,"           /* SHA-256 of the body: the same once more is known */
    "  body {blob} NOT NULL,"
    "  state {text} NOT NULL,"            /* applied, kept: some of it was not */
    "  changes {int} NOT NULL,"
    "  unapplied {int} NOT NULL,"         /* of them */
    "  reasons {text} NOT NULL,"          /* JSON: why */
    "  arrivals {int} NOT NULL,"
    "  received_at {int} NOT NULL,"
    "  arrived_at {int} NOT NULL"         /* the last time */
    ") {strict};"
    "CREATE UNIQUE INDEX inbound_digest ON inbound (digest);"
    "CREATE INDEX inbound_state ON inbound (state, id);"
    "CREATE INDEX inbound_received ON inbound (state, received_at);"
    "CREATE INDEX inbound_workspace ON inbound (workspace_id);"
    "CREATE INDEX inbound_app ON inbound (app_id);"

    /* When Meta says that what is known of a number was so: what is told late does not undo it. */
    "ALTER TABLE numbers ADD COLUMN status_at {int} NOT NULL DEFAULT 0;"
    "ALTER TABLE numbers ADD COLUMN limit_at {int} NOT NULL DEFAULT 0;"
    "ALTER TABLE numbers ADD COLUMN name_at {int} NOT NULL DEFAULT 0;"
    "ALTER TABLE numbers ADD COLUMN name_decision {text};"   /* of the name that was asked for */
    "ALTER TABLE numbers ADD COLUMN requested_name {text};"
    "ALTER TABLE numbers ADD COLUMN name_rejection {text};"  /* Meta's word for why */
    "CREATE INDEX numbers_account_phone ON numbers (account_id, phone_number);"

    /* How often something was told that only a question to Meta tells whole, and up to which of
     * these it was asked: numbers and not times, as clocks of several machines differ. */
    "ALTER TABLE accounts ADD COLUMN hints {int} NOT NULL DEFAULT 0;"
    "ALTER TABLE accounts ADD COLUMN hints_answered {int} NOT NULL DEFAULT 0;"
    "CREATE INDEX accounts_hinted ON accounts (id)"
    "  WHERE hints <> hints_answered AND unlinked_at IS NULL;"

    /* What Meta's webhooks say of an account as a whole, by name. */
    "CREATE TABLE account_facts ("
    "  id {id},"
    "  account_id {int} NOT NULL REFERENCES accounts (id),"
    "  field {text} NOT NULL,"
    "  value {text} NOT NULL,"
    "  known_at {int} NOT NULL"           /* as Meta says */
    ") {strict};"
    "CREATE UNIQUE INDEX account_facts_field ON account_facts (account_id, field);"
    "CREATE TABLE account_changes ("
    "  id {id},"
    "  account_id {int} NOT NULL REFERENCES accounts (id),"
    "  position {int} NOT NULL,"
    "  field {text} NOT NULL,"
    "  from_value {text},"
    "  to_value {text},"
    "  source {text} NOT NULL,"
    "  at {int} NOT NULL"
    ") {strict};"
    "CREATE UNIQUE INDEX account_changes_position ON account_changes (account_id, position);"

    "CREATE TABLE templates ("
    "  id {id},"
    "  account_id {int} NOT NULL REFERENCES accounts (id),"
    "  meta_id {text} NOT NULL,"
    "  name {text} NOT NULL,"
    "  language {text} NOT NULL,"
    "  status {text},"
    "  category {text},"
    "  quality {text},"
    "  reason {text},"                    /* of its status */
    "  components {text},"                /* JSON, as the last webhook told them */
    "  status_at {int} NOT NULL,"         /* as Meta says; 0: not known */
    "  category_at {int} NOT NULL,"
    "  quality_at {int} NOT NULL,"
    "  components_at {int} NOT NULL,"
    "  created_at {int} NOT NULL,"
    "  updated_at {int} NOT NULL"
    ") {strict};"
    "CREATE UNIQUE INDEX templates_meta ON templates (account_id, meta_id);"
    "CREATE TABLE template_changes ("
    "  id {id},"
    "  template_id {int} NOT NULL REFERENCES templates (id),"
    "  position {int} NOT NULL,"
    "  field {text} NOT NULL,"
    "  from_value {text},"
    "  to_value {text},"
    "  source {text} NOT NULL,"
    "  at {int} NOT NULL"
    ") {strict};"
    "CREATE UNIQUE INDEX template_changes_position ON template_changes (template_id, position);"

    /* What happened in a workspace, as its systems are told. */
    "CREATE TABLE events ("
    "  id {id},"
    "  workspace_id {int} NOT NULL REFERENCES workspaces (id),"
    "  event_id {text} NOT NULL UNIQUE,"  /* the webhook-id of every delivery */
    "  name {text} NOT NULL,"
    "  body {text} NOT NULL,"             /* the envelope, as it is signed and sent */
    "  wanted {int} NOT NULL,"            /* 1: there are jobs for it; 0: swept by its age */
    "  created_at {int} NOT NULL"
    ") {strict};"
    "CREATE INDEX events_workspace ON events (workspace_id, id);"
    "CREATE INDEX events_unwanted ON events (created_at) WHERE wanted = 0;"
    /* The newest event that was swept: of what is older some may be gone. */
    "ALTER TABLE workspaces ADD COLUMN events_swept_id {int} NOT NULL DEFAULT 0;"

    "CREATE TABLE webhooks ("
    "  id {id},"
    "  workspace_id {int} NOT NULL REFERENCES workspaces (id),"
    "  url {text} NOT NULL,"
    "  events {text} NOT NULL,"           /* names with blanks between, or '*' */
    "  secret {blob} NOT NULL,"           /* sealed */
    "  previous_secret {blob},"           /* sealed; signs beside the new one until previous_until */
    "  previous_until {int},"
    "  disabled_at {int},"
    "  disabled_reason {text},"           /* by_hand, gone, failing */
    "  failing_since {int},"              /* its first failure since the last success */
    "  replica_id {int} REFERENCES replicas (id) ON DELETE SET NULL,"  /* who delivers to it */
    "  created_at {int} NOT NULL,"
    "  updated_at {int} NOT NULL,"
    "  deleted_at {int}"
    ") {strict};"
    "CREATE INDEX webhooks_workspace ON webhooks (workspace_id);"
    "CREATE INDEX webhooks_replica ON webhooks (replica_id);"
    "CREATE INDEX webhooks_stopped ON webhooks (id) "
    "  WHERE disabled_at IS NOT NULL OR deleted_at IS NOT NULL;"

    /* Who of a workspace's enabled webhooks wants an event, or '*': what each event asks. */
    "CREATE TABLE subscriptions ("
    "  workspace_id {int} NOT NULL REFERENCES workspaces (id),"
    "  event {text} NOT NULL,"
    "  webhook_id {int} NOT NULL REFERENCES webhooks (id),"
    "  PRIMARY KEY (workspace_id, event, webhook_id)"
    ") {strict};"
    "CREATE INDEX subscriptions_webhook ON subscriptions (webhook_id);"

    /* What is to be done, beside what is done at once; now: an event that an endpoint is to have.
     * Of those with one order key at one endpoint only the first is waiting, the others are behind
     * it. */
    "CREATE TABLE jobs ("
    "  id {id},"
    "  workspace_id {int} NOT NULL REFERENCES workspaces (id),"
    "  kind {text} NOT NULL,"             /* deliver */
    "  webhook_id {int} REFERENCES webhooks (id),"
    "  event_id {int} REFERENCES events (id),"
    "  order_key {text},"
    "  state {text} NOT NULL,"            /* waiting, behind, done, dead, dropped */
    "  attempts {int} NOT NULL,"
    "  due_at {int} NOT NULL,"
    "  error {text},"                     /* of the last attempt */
    "  created_at {int} NOT NULL,"
    "  ended_at {int}"
    ") {strict};"
    "CREATE INDEX jobs_due ON jobs (webhook_id, due_at) WHERE state = 'waiting';"
    "CREATE INDEX jobs_order ON jobs (webhook_id, order_key, id) WHERE ended_at IS NULL;"
    "CREATE INDEX jobs_webhook ON jobs (webhook_id, id);"
    "CREATE INDEX jobs_made ON jobs (webhook_id, created_at);"
    "CREATE INDEX jobs_open ON jobs (webhook_id, created_at) WHERE ended_at IS NULL;"
    "CREATE INDEX jobs_webhook_state ON jobs (webhook_id, state, id);"
    "CREATE INDEX jobs_event ON jobs (event_id);"
    "CREATE INDEX jobs_state ON jobs (state, id);"
    "CREATE INDEX jobs_workspace ON jobs (workspace_id, id);"
    "CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL;"

    "CREATE TABLE job_attempts ("
    "  id {id},"
    "  job_id {int} NOT NULL REFERENCES jobs (id),"
    "  position {int} NOT NULL,"          /* 1, 2, ... of each job */
    "  at {int} NOT NULL,"                /* when it began */
    "  us {int} NOT NULL,"                /* how long it took */
    "  status {int},"                     /* HTTP's; NULL: no answer came */
    "  error {text},"                     /* NULL: it was a success */
    "  answer {blob}"                     /* its first bytes */
    ") {strict};"
    "CREATE UNIQUE INDEX job_attempts_position ON job_attempts (job_id, position);";
/* clang-format on */

const char *const migrations[] = {schema_1, schema_2, schema_3, schema_4};
const size_t migrations_count = ARRAY_LEN(migrations);

static enum err run_step(struct tx *tx, const char *step, size_t to_version)
{
    _cleanup_(buf_release)
    struct buf script;
    buf_init(&script, STORE_MIGRATION_MAX);
    engine_expand(&script, tx->engine, step);
    buf_add_char(&script, '\0');
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
