/* PostgreSQL behind the store. docs/modules/store.md tells the whole; postgres.h how a session
 * works.
 *
 * One writing transaction at a time, over all replicas: it begins by locking the only row of
 * store_state, and so follows the one before it as it would in one process. Before its commit it
 * notes its number in its replica's row. A session that is lost during a commit leaves it open
 * whether that took place: who then has the lock finds the number there, or not. */
#include "store/postgres.h"
#include "base/clock.h"
#include "base/log.h"

#include <endian.h>
#include <time.h>

/* --- the engine's own statements ----------------------------------------------------------- */

enum control {
    BEGIN,
    BEGIN_SNAPSHOT,
    SETTINGS,
    LOCK,
    MARK,
    NOTIFY,
    COMMIT,
    ROLLBACK,
    SAVEPOINT,
    RELEASE,
    ROLLBACK_TO,
    LISTEN,
    LOOK_LOCKED,
    LOOK_MARK,
    CLOCK,
    HAS_TABLE,
    CONTROL_COUNT,
};

/* For this transaction alone: behind a pooler the session is somebody else's too. A statement is
 * planned once: every plan is by an index (unit/model/plans_postgres_test), whatever the values.
 * What is acknowledged is durable, whatever the server's default. */
static const char settings_sql[] =
    "SELECT set_config('idle_in_transaction_session_timeout', $1, true), "
    "set_config('plan_cache_mode', 'force_generic_plan', true), "
    "set_config('lock_timeout', $2, true), CASE current_setting('synchronous_commit') "
    "WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END";
static const char lock_sql[] =
    "UPDATE store_state SET generation = generation + 1 WHERE id = 1 RETURNING generation";

static const char *const control_sql[CONTROL_COUNT] = {
    [BEGIN] = "BEGIN",
    [BEGIN_SNAPSHOT] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    [SETTINGS] = settings_sql,
    [LOCK] = lock_sql,
    [MARK] = "UPDATE replicas SET batch = $2 WHERE id = $1",
    [NOTIFY] = "SELECT pg_notify('hudhud', $1)",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [SAVEPOINT] = "SAVEPOINT one",
    [RELEASE] = "RELEASE SAVEPOINT one",
    [ROLLBACK_TO] = "ROLLBACK TO SAVEPOINT one",
    [LISTEN] = "LISTEN hudhud",
    [LOOK_LOCKED] = "SELECT generation FROM store_state WHERE id = 1 FOR UPDATE",
    [LOOK_MARK] = "SELECT batch FROM replicas WHERE id = $1",
    [CLOCK] = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint",
    [HAS_TABLE] = "SELECT to_regclass($1) IS NOT NULL",
};

static size_t count_params(const char *text)
{
    size_t n = 0;
    for (const char *p = text; (p = strchr(p, '$')); p++) {
        size_t number = 0;
        for (const char *d = p + 1; *d >= '0' && *d <= '9'; d++)
            number = number * 10 + (size_t)(*d - '0');
        n = MAX(n, number);
    }
    return n;
}

static struct postgres_statement *statement_of(struct statement *st)
{
    return CONTAINER_OF(st, struct postgres_statement, base);
}

static void make_controls(struct postgres *c)
{
    c->controls = xcalloc(CONTROL_COUNT, sizeof(*c->controls));
    for (size_t i = 0; i < CONTROL_COUNT; i++) {
        struct postgres_statement *st = &c->controls[i];
        st->owner = c;
        st->text = (char *)control_sql[i];
        st->n_params = count_params(st->text);
        st->base.writes = i == LOCK || i == MARK;
    }
}

static enum err control(struct postgres *c, enum control which)
{
    return postgres_send(c, &c->controls[which], POSTGRES_CONTROL);
}

static enum err control_with(struct postgres *c, enum control which, const struct param *params)
{
    c->controls[which].params = params;
    return control(c, which);
}

static int64_t read_i64(const PGresult *result, int row, int column)
{
    const char *bytes = PQgetvalue(result, row, column);
    switch (PQgetlength(result, row, column)) {
    case 1: return (unsigned char)*bytes; /* boolean */
    case 2: return (int16_t)be16toh(*(const uint16_t *)(const void *)bytes);
    case 4: {
        uint32_t word;
        memcpy(&word, bytes, sizeof(word));
        return (int32_t)be32toh(word);
    }
    case 8: {
        uint64_t word;
        memcpy(&word, bytes, sizeof(word));
        return (int64_t)be64toh(word);
    }
    default: return 0;
    }
}

/* One of the engine's own that has a number for its answer. ERR_NOT_FOUND. */
static enum err ask(struct postgres *c, enum control which, const struct param *params,
                    int64_t *ret)
{
    struct postgres_statement *st = &c->controls[which];
    st->params = params;
    enum err err = postgres_ask(c, st);
    if (!err)
        err = postgres_wait(c, st);
    if (!err && PQntuples(st->result) < 1)
        err = ERR_NOT_FOUND;
    if (!err)
        *ret = read_i64(st->result, 0, 0);
    postgres_forget(c, st);
    return err;
}

/* --- transactions ------------------------------------------------------------------------- */

static enum err send_settings(struct postgres *c)
{
    char idle[16], lock[16];
    int n_idle =
        snprintf(idle, sizeof(idle), "%d", c->patient ? STORE_PATIENT_IDLE_MS : STORE_IDLE_MS);
    int n_lock =
        snprintf(lock, sizeof(lock), "%d", c->patient ? STORE_PATIENT_IDLE_MS : STORE_LOCK_MS);
    const struct param params[] = {p_text(str_make(idle, (size_t)n_idle)),
                                   p_text(str_make(lock, (size_t)n_lock))};
    return control_with(c, SETTINGS, params);
}

/* Goes out with the first statement: nobody waits for it here. */
static enum err begin_write(struct postgres *c)
{
    enum err err = control(c, BEGIN);
    if (!err && c->facts)
        err = send_settings(c);
    if (!err && c->has_state)
        err = postgres_send(c, &c->controls[LOCK], POSTGRES_LOCK);
    return err;
}

static enum err ready_to_begin(struct postgres *c)
{
    enum err err = postgres_ensure(c);
    c->in_transaction = !err;
    c->failed = c->wrote = c->saved = c->own = false;
    c->later = ERR_OK;
    return err;
}

static enum err postgres_begin(struct connection *base)
{
    struct postgres *c = postgres_of(base);
    enum err err = ready_to_begin(c);
    if (err)
        return err;
    return c->role == POSTGRES_READER ? control(c, BEGIN_SNAPSHOT) : begin_write(c);
}

static enum err postgres_begin_own(struct connection *base)
{
    struct postgres *c = postgres_of(base);
    bool fresh = !c->session;
    enum err err = ready_to_begin(c);
    if (err)
        return err;
    c->own = true;
    if (fresh && c->role == POSTGRES_WATCHER)
        err = control(c, LISTEN);
    return err ? err : control(c, BEGIN);
}

static bool postgres_in_transaction(struct connection *base)
{
    struct postgres *c = postgres_of(base);
    return c->session && c->in_transaction && !c->failed;
}

/* A snapshot's end is not waited for, but leaves at once: until then the server keeps what it
 * sees. */
static void postgres_rollback(struct connection *base)
{
    struct postgres *c = postgres_of(base);
    if (!c->in_transaction)
        return;
    bool waits = c->role != POSTGRES_READER || c->failed || c->skipping;
    if (c->session && waits && postgres_drain(c) != ERR_OK)
        postgres_lose(c);
    if (c->session && control(c, ROLLBACK) == ERR_OK)
        postgres_flush(c);
    c->in_transaction = c->failed = false;
    c->later = ERR_OK;
}

/* The one of a write before that left nothing behind serves again. */
static enum err postgres_savepoint(struct connection *base)
{
    struct postgres *c = postgres_of(base);
    bool saved = c->saved;
    if (c->failed)
        return ERR_UNAVAILABLE;
    c->later = ERR_OK;
    c->touched = false;
    c->saved = true;
    c->turn++;
    return saved ? ERR_OK : control(c, SAVEPOINT);
}

static bool has_later(const struct postgres *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->commands[(c->first + i) % STORE_COMMANDS_MAX].kind == POSTGRES_LATER)
            return true;
    return false;
}

static enum err postgres_settle(struct connection *base, bool all)
{
    struct postgres *c = postgres_of(base);
    enum err err = all && has_later(c) ? postgres_drain(c) : ERR_OK;
    if (!err && c->failed)
        err = ERR_UNAVAILABLE;
    return err ? err : c->later;
}

static enum err postgres_release(struct connection *base)
{
    struct postgres *c = postgres_of(base);
    c->saved = false;
    enum err err = control(c, RELEASE);
    return err ? err : c->later; /* which may have been told just now, where much was under way */
}

static enum err postgres_rollback_to(struct connection *base)
{
    struct postgres *c = postgres_of(base);
    enum err err = has_later(c) || c->skipping ? postgres_drain(c) : ERR_OK;
    c->later = ERR_OK;
    if (!err && c->failed)
        err = ERR_UNAVAILABLE;
    return err || !c->touched ? err : control(c, ROLLBACK_TO);
}

/* --- commits ------------------------------------------------------------------------------ */

/* With the lock in hand nothing of the lost transaction is under way any more. */
static enum err look_for_mark(struct postgres *c, int64_t generation)
{
    int64_t ignored, batch = 0;
    const struct param replica = p_i64(atomic_load(&c->facts->id));
    c->in_transaction = true;
    c->failed = false;
    enum err err = control(c, BEGIN);
    if (!err)
        err = send_settings(c);
    if (!err)
        err = ask(c, LOOK_LOCKED, NULL, &ignored);
    if (!err)
        err = ask(c, LOOK_MARK, &replica, &batch);
    postgres_rollback(&c->base);
    if (err)
        return ERR_IN_DOUBT;
    return batch == generation ? ERR_OK : ERR_UNAVAILABLE;
}

/* The session was lost while it committed. */
static enum err resolve(struct postgres *c, int64_t generation)
{
    int64_t until = clock_monotonic_us() + STORE_RESOLVE_MS * INT64_C(1000);
    const struct timespec pause = {.tv_nsec = 20 * 1000000};
    enum err err = ERR_IN_DOUBT;
    c->in_transaction = c->failed = false;
    if (!c->facts || !atomic_load(&c->facts->id))
        return err;
    int64_t usual_wait = c->wait_ms;
    c->wait_ms = STORE_RESOLVE_MS;
    while (err == ERR_IN_DOUBT && clock_monotonic_us() < until) {
        if (postgres_ensure(c) == ERR_OK)
            err = look_for_mark(c, generation);
        else
            nanosleep(&pause, NULL);
    }
    c->wait_ms = usual_wait;
    log_event(LOG_WARN, "commit_looked_up",
              LOG_CSTR("outcome", !err                  ? "done"
                                  : err == ERR_IN_DOUBT ? "unknown"
                                                        : "not done"),
              LOG_INT("generation", generation));
    return err;
}

/* The others are told once a transaction, whatever it wrote. */
static enum err mark_and_notify(struct postgres *c)
{
    char sender[24];
    int64_t replica = atomic_load(&c->facts->id);
    int len = snprintf(sender, sizeof(sender), "%lld", (long long)replica);
    const struct param mark[] = {p_i64(replica), p_i64(c->generation)};
    const struct param payload = p_text(str_make(sender, (size_t)len));
    enum err err = control_with(c, MARK, mark);
    if (!err && atomic_load(&c->facts->n_alive) > 1)
        err = control_with(c, NOTIFY, &payload);
    return err;
}

static bool follows_others(const struct postgres *c)
{
    return c->role == POSTGRES_WRITER && !c->own;
}

static enum err send_commit(struct postgres *c)
{
    enum err err = c->facts && follows_others(c) ? mark_and_notify(c) : ERR_OK;
    if (!err)
        err = control(c, COMMIT);
    return err ? err : postgres_drain(c);
}

/* A transaction that changed nothing is not worth a sync of the server's disk. */
static enum err postgres_commit(struct connection *base, bool *ret_wrote)
{
    struct postgres *c = postgres_of(base);
    if (c->failed || !c->session)
        return ERR_UNAVAILABLE;
    if (c->role == POSTGRES_WRITER && !c->wrote) {
        enum err later = postgres_settle(base, true);
        if (later || !c->wrote) {
            postgres_rollback(base);
            *ret_wrote = false;
            return later;
        }
    }
    int64_t generation = c->generation;
    enum err err = send_commit(c);
    if (err && follows_others(c)) {
        err = resolve(c, generation);
        *ret_wrote = !err;
        return err;
    }
    if (!err)
        err = c->failed ? ERR_UNAVAILABLE : c->later;
    if (err)
        return err;
    c->in_transaction = false;
    *ret_wrote = true;
    return ERR_OK;
}

/* --- statements --------------------------------------------------------------------------- */

static void postgres_finalize(struct statement *base)
{
    struct postgres_statement *st = statement_of(base);
    postgres_forget(st->owner, st);
    free(st->text);
    free(st);
}

static enum err postgres_prepare(struct connection *base, const char *sql, const char *text,
                                 struct statement **ret)
{
    struct postgres *c = postgres_of(base);
    size_t n = count_params(text);
    if (n > STORE_PARAMS_MAX)
        return ERR_INTERNAL;
    bool reads = str_starts(str_from(text), STR("SELECT"));
    if (c->role == POSTGRES_READER && !reads)
        return ERR_INTERNAL;
    struct postgres_statement *st = xcalloc(1, sizeof(*st));
    st->base = (struct statement){.sql = sql, .writes = !reads};
    st->owner = c;
    st->text = xstrdup(text);
    st->n_params = n;
    *ret = &st->base;
    return ERR_OK;
}

static enum err postgres_bind(struct statement *base, const struct param *params, size_t n)
{
    struct postgres_statement *st = statement_of(base);
    if (n != st->n_params) {
        log_event(LOG_ERROR, "store_fault", LOG_CSTR("why", "wrong number of parameters"),
                  LOG_CSTR("sql", st->text));
        return ERR_INTERNAL;
    }
    st->params = params;
    st->state = POSTGRES_BOUND;
    st->row = -1;
    return ERR_OK;
}

static enum err postgres_start(struct statement *base)
{
    struct postgres_statement *st = statement_of(base);
    return postgres_ask(st->owner, st);
}

static enum err postgres_step(struct statement *base, bool *ret_row)
{
    struct postgres_statement *st = statement_of(base);
    enum err err = st->state == POSTGRES_BOUND ? postgres_ask(st->owner, st) : ERR_OK;
    if (!err && st->row < 0)
        err = postgres_wait(st->owner, st);
    if (err)
        return err;
    *ret_row = st->result && ++st->row < PQntuples(st->result);
    return ERR_OK;
}

static enum err postgres_run_later(struct statement *base)
{
    struct postgres_statement *st = statement_of(base);
    st->state = POSTGRES_IDLE;
    return postgres_send(st->owner, st, POSTGRES_LATER);
}

static void postgres_reset(struct statement *base)
{
    struct postgres_statement *st = statement_of(base);
    postgres_forget(st->owner, st);
}

static int64_t postgres_changes(struct connection *base)
{
    return postgres_of(base)->changes;
}

static int64_t postgres_column_i64(struct statement *base, int column)
{
    struct postgres_statement *st = statement_of(base);
    return read_i64(st->result, st->row, column);
}

static struct str postgres_column_bytes(struct statement *base, int column)
{
    struct postgres_statement *st = statement_of(base);
    return str_make(PQgetvalue(st->result, st->row, column),
                    (size_t)PQgetlength(st->result, st->row, column));
}

static bool postgres_column_is_null(struct statement *base, int column)
{
    struct postgres_statement *st = statement_of(base);
    return PQgetisnull(st->result, st->row, column) != 0;
}

/* --- the schema --------------------------------------------------------------------------- */

static enum err postgres_has_table(struct connection *base, const char *name, bool *ret)
{
    const struct param param = p_text(str_from(name));
    int64_t there = 0;
    enum err err = ask(postgres_of(base), HAS_TABLE, &param, &there);
    if (!err)
        *ret = there != 0;
    return err;
}

static enum err postgres_run_script(struct connection *base, const char *script)
{
    struct postgres *c = postgres_of(base);
    enum err err = postgres_run_text(c, script, STR(""));
    c->wrote = true;
    return err;
}

/* --- opening and closing ------------------------------------------------------------------ */

static void postgres_close(struct connection *base)
{
    if (!base)
        return;
    struct postgres *c = postgres_of(base);
    PQfinish(c->session);
    secret_release(&c->password);
    for (size_t i = 0; i < CONTROL_COUNT; i++)
        postgres_forget(c, &c->controls[i]);
    free(c->controls);
    free(c->url);
    free(c);
}

static struct postgres *make_connection(const struct store_options *o, enum postgres_role role)
{
    struct postgres *c = xcalloc(1, sizeof(*c));
    c->base.engine = &postgres_engine;
    c->role = role;
    c->url = xstrdup(o->path);
    if (o->password)
        secret_set(&c->password, secret_reveal(o->password));
    c->unprepared = o->unprepared;
    c->retry_wait_ms = STORE_RETRY_FIRST_MS;
    c->wait_ms = STORE_WAIT_MS;
    make_controls(c);
    return c;
}

/* It connects when it is used: a server that is away is no reason to have no reader. */
static enum err postgres_open_reader(const struct store_options *o, struct connection **ret,
                                     struct error *error)
{
    *ret = &make_connection(o, POSTGRES_READER)->base;
    return ERR_OK;
}

static enum err postgres_open_watcher(const struct store_options *o, struct connection **ret,
                                      struct error *error)
{
    *ret = &make_connection(o, POSTGRES_WATCHER)->base;
    return ERR_OK;
}

/* What is there has to be what was asked for. */
static enum err check_database(struct postgres *c, bool create, struct error *error)
{
    bool ours = false;
    enum err err = postgres_has_table(&c->base, "schema_version", &ours);
    if (!err)
        err = postgres_has_table(&c->base, "store_state", &c->has_state);
    struct str shown = store_show(str_from(c->url), error->arena);
    if (err)
        return error_set(error, err,
                         "cannot look into the database %.*s: see the log for the cause",
                         STR_FMT(shown));
    if (create && ours)
        return error_set(error, ERR_CONFLICT,
                         "there is a database of hudhud at %.*s already: nothing was changed",
                         STR_FMT(shown));
    if (!create && !ours)
        return error_set(error, ERR_NOT_FOUND,
                         "the database %.*s is not one of hudhud: make it one with hudhud init "
                         "--store URL",
                         STR_FMT(shown));
    return ERR_OK;
}

static enum err postgres_open(const struct store_options *o, struct connection **ret,
                              struct error *error)
{
    if (!store_url_is_valid(str_from(o->path)))
        return error_set(error, ERR_VALIDATION, "the store is not %s", STORE_URL_FORM);
    struct postgres *c = make_connection(o, POSTGRES_WRITER);
    c->wait_ms = STORE_LONG_WAIT_MS; /* until the migrations are done: see join */
    enum err err = postgres_connect(c, error);
    if (!err)
        err = check_database(c, o->create, error);
    if (err) {
        postgres_close(&c->base);
        return err;
    }
    *ret = &c->base;
    return ERR_OK;
}

static void postgres_discard(const char *path)
{
    /* A migration that fails leaves nothing, and there may be other tables. */
}

static void postgres_join(struct connection *base, struct replica_facts *facts)
{
    struct postgres *c = postgres_of(base);
    c->facts = facts;
    c->has_state = true;
    c->wait_ms = STORE_WAIT_MS;
    atomic_fetch_add(&facts->connects, c->session != NULL);
}

static enum err postgres_look_at_server(struct connection *base, struct store_server *ret)
{
    struct postgres *c = postgres_of(base);
    int64_t clock_ms;
    enum err err = ask(c, CLOCK, NULL, &clock_ms);
    if (err)
        return err;
    struct str host = str_from(PQhost(c->session)), address = str_from(PQhostaddr(c->session));
    *ret = (struct store_server){
        .version = PQserverVersion(c->session),
        .clock_ms = clock_ms,
        .encrypted = PQsslInUse(c->session) || PQgssEncInUse(c->session),
        .local = str_starts(host, STR("/")) || str_starts(address, STR("127.")) ||
                 str_eq(address, STR("::1")),
    };
    return ERR_OK;
}

static bool postgres_wait_for_news(struct connection *base, int wake, int ms)
{
    return postgres_listen(postgres_of(base), wake, ms);
}

static bool postgres_checkpoint(struct connection *base, enum checkpoint kind)
{
    return false;
}

const struct engine postgres_engine = {
    .name = "PostgreSQL",
    .id_type = "bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
    .int_type = "bigint",
    .text_type = "text COLLATE \"C\"", /* compared byte by byte, as SQLite and we do */
    .blob_type = "bytea",
    .strict = "",
    .skip_locked = "FOR UPDATE SKIP LOCKED",
    .shared = true,
    .batch_rows = STORE_SHARED_BATCH_ROWS,
    .open = postgres_open,
    .open_reader = postgres_open_reader,
    .open_watcher = postgres_open_watcher,
    .join = postgres_join,
    .begin_own = postgres_begin_own,
    .look_at_server = postgres_look_at_server,
    .wait_for_news = postgres_wait_for_news,
    .close = postgres_close,
    .discard = postgres_discard,
    .begin = postgres_begin,
    .commit = postgres_commit,
    .rollback = postgres_rollback,
    .in_transaction = postgres_in_transaction,
    .savepoint = postgres_savepoint,
    .release = postgres_release,
    .rollback_to = postgres_rollback_to,
    .settle = postgres_settle,
    .prepare = postgres_prepare,
    .finalize = postgres_finalize,
    .bind = postgres_bind,
    .start = postgres_start,
    .step = postgres_step,
    .reset = postgres_reset,
    .run_later = postgres_run_later,
    .changes = postgres_changes,
    .column_i64 = postgres_column_i64,
    .column_text = postgres_column_bytes,
    .column_blob = postgres_column_bytes,
    .column_is_null = postgres_column_is_null,
    .has_table = postgres_has_table,
    .run_script = postgres_run_script,
    .checkpoint = postgres_checkpoint,
    .load_add = postgres_load_add,
    .load = postgres_load,
    .last_id = postgres_last_id,
    .raise_id = postgres_raise_id,
    .set_patient = postgres_set_patient,
};
