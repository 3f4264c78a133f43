/* A session with PostgreSQL: connecting, sending, waiting, losing it. */
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "store/postgres.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>

#define INT8_OID  20
#define TEXT_OID  25
#define BYTEA_OID 17

/* --- errors ------------------------------------------------------------------------------- */

/* PostgreSQL, appendix A. */
static enum err err_of(const char *state)
{
    static const struct {
        const char *begins;
        enum err err;
    } known[] = {
        {"23505", ERR_CONFLICT},    /* unique */
        {"23503", ERR_CONFLICT},    /* foreign key */
        {"08", ERR_UNAVAILABLE},    /* connection */
        {"25006", ERR_UNAVAILABLE}, /* read-only: a standby */
        {"25P0", ERR_UNAVAILABLE},  /* a transaction that failed, or idled too long */
        {"40", ERR_UNAVAILABLE},    /* deadlock, serialization */
        {"53", ERR_UNAVAILABLE},    /* disk full, out of memory, too many connections */
        {"55P03", ERR_UNAVAILABLE}, /* a lock was not to be had in time */
        {"57", ERR_UNAVAILABLE},    /* cancelled, shutting down, starting */
        {"58", ERR_UNAVAILABLE},    /* I/O */
    };
    for (size_t i = 0; state && i < ARRAY_LEN(known); i++)
        if (str_starts(str_from(state), str_from(known[i].begins)))
            return known[i].err;
    return state ? ERR_INTERNAL : ERR_UNAVAILABLE;
}

static struct str first_line(const char *text)
{
    return str_make(text, strcspn(text, "\n"));
}

/* Says the cause in the log, here, where it is known; never a parameter. A server that is away
 * would say so at each command, so that is limited. */
static void log_failure(struct postgres *c, enum err err, const char *why, const char *state,
                        const char *sql)
{
    if (err == ERR_CONFLICT)
        return;
    int64_t now = clock_monotonic_us();
    if (err == ERR_UNAVAILABLE && now < c->log_after_us)
        return;
    if (err == ERR_UNAVAILABLE)
        c->log_after_us = now + STORE_LOG_MS * 1000LL;
    log_event(LOG_ERROR, "store_failed", LOG_STR("why", first_line(why)),
              LOG_CSTR("sqlstate", state ? state : ""), LOG_STR("sql", first_line(sql)));
}

/* --- connecting --------------------------------------------------------------------------- */

static struct postgres_command take_command(struct postgres *c)
{
    struct postgres_command oldest = c->commands[c->first];
    c->first = (c->first + 1) % STORE_COMMANDS_MAX;
    c->n--;
    return oldest;
}

static void answered(struct postgres_command command, enum err said)
{
    if (command.kind != POSTGRES_QUERY)
        return;
    command.statement->state = POSTGRES_ANSWERED;
    command.statement->said = said;
}

static void close_session(struct postgres *c)
{
    PQfinish(c->session);
    c->session = NULL;
    while (c->n > 0)
        answered(take_command(c), ERR_UNAVAILABLE);
    c->skipping = c->unsynced = false;
}

void postgres_lose(struct postgres *c)
{
    close_session(c);
    c->failed = c->in_transaction;
}

/* Until the socket can be read or written as asked, or `until`. */
static bool wait_for(PGconn *session, bool writing, int64_t until_us)
{
    struct pollfd fd = {.fd = PQsocket(session), .events = writing ? POLLIN | POLLOUT : POLLIN};
    for (;;) {
        int64_t left = until_us - clock_monotonic_us();
        if (fd.fd < 0 || left <= 0)
            return false;
        int n = poll(&fd, 1, (int)((left + 999) / 1000));
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
    }
}

static bool poll_connection(PGconn *session, int64_t ms)
{
    int64_t until = clock_monotonic_us() + ms * 1000;
    bool writing = true;
    for (;;) {
        if (!wait_for(session, writing, until))
            return false;
        switch (PQconnectPoll(session)) {
        case PGRES_POLLING_OK: return true;
        case PGRES_POLLING_READING: writing = false; break;
        case PGRES_POLLING_WRITING: writing = true; break;
        default: return false;
        }
    }
}

/* What the URL says comes behind our defaults, and wins over them. */
static PGconn *begin_connection(const struct postgres *c)
{
    const char *password = c->password.len ? c->password.bytes : NULL;
    const char *names[] = {
        "application_name", "target_session_attrs", "tcp_user_timeout",           "keepalives_idle",
        "dbname",           "client_encoding",      password ? "password" : NULL, NULL,
    };
    const char *values[] = {"hudhud", "read-write", "10000", "10", c->url, "UTF8", password, NULL};
    return PQconnectStartParams(names, values, 1);
}

static enum err check_server(PGconn *session, struct error *error)
{
    const char *encoding = PQparameterStatus(session, "server_encoding");
    int version = PQserverVersion(session);
    if (version < 150000)
        return error_set(error, ERR_VALIDATION,
                         "the server is PostgreSQL %d: hudhud needs 15 or a later one",
                         version / 10000);
    if (encoding && strcmp(encoding, "UTF8") != 0)
        return error_set(error, ERR_VALIDATION,
                         "the database's encoding is %s: make one with ENCODING 'UTF8' (createdb "
                         "-E UTF8 -T template0 NAME)",
                         encoding);
    return ERR_OK;
}

static enum err refuse_connection(const struct postgres *c, struct error *error)
{
    struct str why = str_from(PQerrorMessage(c->session));
    struct str shown = store_show(str_from(c->url), error->arena);
    while (why.len && strchr("\n :", why.ptr[why.len - 1]))
        why.len--;
    bool waits = PQstatus(c->session) != CONNECTION_BAD; /* libpq has begun a sentence */
    return error_set(error, ERR_UNAVAILABLE, "cannot connect to %.*s: %.*s%s", STR_FMT(shown),
                     STR_FMT(why), waits ? ": no answer in time" : "");
}

/* What is only to be known is the server's log's. */
static void take_notice(void *arg, const char *message)
{
}

enum err postgres_connect(struct postgres *c, struct error *error)
{
    close_session(c);
    c->session = begin_connection(c);
    if (!c->session)
        return error_set(error, ERR_NO_MEMORY, "no memory for a connection");
    int64_t ms = c->facts ? STORE_CONNECT_MS : STORE_FIRST_CONNECT_MS;
    enum err err = ERR_OK;
    if (PQstatus(c->session) == CONNECTION_BAD || !poll_connection(c->session, ms))
        err = refuse_connection(c, error);
    if (!err)
        err = check_server(c->session, error);
    if (!err && (PQsetnonblocking(c->session, 1) != 0 || !PQenterPipelineMode(c->session)))
        err = refuse_connection(c, error);
    if (err) {
        close_session(c);
        return err;
    }
    PQsetNoticeProcessor(c->session, take_notice, NULL);
    c->number++;
    if (c->facts)
        atomic_fetch_add(&c->facts->connects, 1);
    return ERR_OK;
}

static void wait_longer(struct postgres *c)
{
    int64_t wait = c->retry_wait_ms;
    c->retry_us = clock_monotonic_us() + (wait + random_below((uint32_t)wait / 2 + 1)) * 1000;
    c->retry_wait_ms = MIN(2 * wait, (int64_t)STORE_RETRY_MAX_MS);
}

/* A server that was restarted has closed the session: seen here, no call has to fail for it. */
static bool is_usable(struct postgres *c)
{
    struct pollfd fd = {.fd = c->session ? PQsocket(c->session) : -1, .events = POLLIN};
    while (fd.fd >= 0 && poll(&fd, 1, 0) > 0)
        if (!PQconsumeInput(c->session)) /* what it said last is followed by its end */
            return false;
    return fd.fd >= 0;
}

enum err postgres_ensure(struct postgres *c)
{
    if (is_usable(c))
        return ERR_OK;
    if (clock_monotonic_us() < c->retry_us)
        return ERR_UNAVAILABLE;
    struct arena arena;
    struct error error;
    arena_init(&arena, ARENA_BLOCK_SIZE);
    error_init(&error, &arena);
    enum err err = postgres_connect(c, &error);
    if (err) {
        const char *why = arena_cstr(&arena, error.message);
        log_failure(c, ERR_UNAVAILABLE, why ? why : "", NULL, "");
        wait_longer(c);
    } else {
        c->retry_wait_ms = STORE_RETRY_FIRST_MS;
        c->retry_us = 0;
    }
    arena_release(&arena);
    return err ? ERR_UNAVAILABLE : ERR_OK;
}

/* --- sending ------------------------------------------------------------------------------ */

static enum err lost(struct postgres *c, const char *why)
{
    const char *said = c->session ? PQerrorMessage(c->session) : "";
    log_failure(c, ERR_UNAVAILABLE, *said ? said : why, NULL, "");
    postgres_lose(c);
    return ERR_UNAVAILABLE;
}

static void add_command(struct postgres *c, enum postgres_kind kind, struct postgres_statement *st)
{
    c->commands[(c->first + c->n++) % STORE_COMMANDS_MAX] =
        (struct postgres_command){.kind = kind, .statement = st, .turn = c->turn};
    c->unsynced = true;
}

/* Values as libpq takes them: numbers in the order of the network, all else as it is. */
struct values {
    const char *ptr[STORE_PARAMS_MAX];
    int lengths[STORE_PARAMS_MAX], formats[STORE_PARAMS_MAX];
    uint64_t numbers[STORE_PARAMS_MAX];
    char *mended[STORE_PARAMS_MAX]; /* copies of text that no database of UTF-8 takes */
};

/* PostgreSQL's text holds neither NUL nor what is no UTF-8; nothing that we store has either, so
 * such text is looked for in vain. */
static char *mend(struct str text)
{
    if (str_is_utf8(text) && str_find(text, '\0') == text.len)
        return NULL;
    char *copy = xmalloc(text.len + 1);
    for (size_t i = 0; i < text.len; i++)
        copy[i] = (unsigned char)text.ptr[i] >= 0x80 || text.ptr[i] == 0 ? '?' : text.ptr[i];
    return copy;
}

static void fill_value(struct values *v, size_t i, const struct param *p)
{
    v->formats[i] = 1;
    if (p->kind == PARAM_NULL)
        return;
    if (p->kind == PARAM_I64) {
        v->numbers[i] = htobe64((uint64_t)p->number);
        v->ptr[i] = (const char *)&v->numbers[i];
        v->lengths[i] = sizeof(v->numbers[i]);
        return;
    }
    if (p->kind == PARAM_TEXT)
        v->mended[i] = mend(p->bytes);
    v->ptr[i] = v->mended[i] ? v->mended[i] : p->bytes.ptr ? p->bytes.ptr : "";
    v->lengths[i] = (int)p->bytes.len;
}

static Oid type_of(const struct param *p)
{
    switch (p->kind) {
    case PARAM_I64: return INT8_OID;
    case PARAM_TEXT: return TEXT_OID;
    case PARAM_BLOB: return BYTEA_OID;
    case PARAM_NULL: break;
    }
    return 0;
}

/* The type of a parameter that was NULL so far is the server's guess: once it is known, the
 * statement is prepared anew. */
static void learn_types(struct postgres_statement *st)
{
    for (size_t i = 0; i < st->n_params; i++) {
        Oid type = type_of(&st->params[i]);
        if (!type || st->types[i] == type)
            continue;
        st->types[i] = type;
        st->session = 0;
    }
}

static int send_statement(struct postgres *c, struct postgres_statement *st)
{
    struct values v = {0};
    for (size_t i = 0; i < st->n_params; i++)
        fill_value(&v, i, &st->params[i]);
    int good = c->unprepared ? PQsendQueryParams(c->session, st->text, (int)st->n_params, st->types,
                                                 v.ptr, v.lengths, v.formats, 1)
                             : PQsendQueryPrepared(c->session, st->name, (int)st->n_params, v.ptr,
                                                   v.lengths, v.formats, 1);
    for (size_t i = 0; i < st->n_params; i++)
        free(v.mended[i]);
    return good;
}

/* Names are never used twice in a session: one whose preparation failed may exist or not. */
static void name_statement(struct postgres *c, struct postgres_statement *st)
{
    static _Atomic uint32_t names;
    snprintf(st->name, sizeof(st->name), "h%u", atomic_fetch_add(&names, 1));
}

static enum err prepare_in_session(struct postgres *c, struct postgres_statement *st)
{
    name_statement(c, st);
    if (!PQsendPrepare(c->session, st->name, st->text, (int)st->n_params, st->types))
        return lost(c, "cannot send");
    add_command(c, POSTGRES_PREPARE, st);
    st->session = c->number;
    return ERR_OK;
}

enum err postgres_send(struct postgres *c, struct postgres_statement *st, enum postgres_kind kind)
{
    if (!c->session)
        return ERR_UNAVAILABLE;
    enum err err = c->n + 3 >= STORE_COMMANDS_MAX ? postgres_drain(c) : ERR_OK;
    if (err)
        return err;
    learn_types(st);
    if (!c->unprepared && st->session != c->number)
        err = prepare_in_session(c, st);
    if (err)
        return err;
    if (!send_statement(c, st))
        return lost(c, "cannot send");
    c->touched = c->touched || st->base.writes;
    add_command(c, kind, st);
    return ERR_OK;
}

/* Makes the server answer. It is what the server counts idle time from as well, so that it ends a
 * transaction whose client is gone. */
static enum err send_sync(struct postgres *c)
{
    if (!PQpipelineSync(c->session))
        return lost(c, "cannot send");
    add_command(c, POSTGRES_SYNC, NULL);
    c->unsynced = false;
    return ERR_OK;
}

void postgres_flush(struct postgres *c)
{
    if (c->session && (send_sync(c) != ERR_OK || PQflush(c->session) < 0))
        (void)lost(c, "cannot send");
}

/* --- answers ------------------------------------------------------------------------------ */

/* All that was queued is on its way, and an answer is there; or the session is lost. */
static enum err await(struct postgres *c, int64_t until_us)
{
    for (;;) {
        int more = PQflush(c->session);
        if (more < 0)
            return lost(c, "the connection broke");
        if (!more && !PQisBusy(c->session))
            return ERR_OK;
        if (!wait_for(c->session, more > 0, until_us))
            return lost(c, "no answer in time");
        if (!PQconsumeInput(c->session))
            return lost(c, "the connection broke");
        if (!PQisBusy(c->session))
            return ERR_OK;
    }
}

/* The next answer; the empty one that ends a command's is skipped. */
static enum err next_result(struct postgres *c, int64_t until_us, PGresult **ret)
{
    enum err err = await(c, until_us);
    if (err)
        return err;
    PGresult *result = PQgetResult(c->session);
    if (!result) {
        err = await(c, until_us);
        result = err ? NULL : PQgetResult(c->session);
    }
    if (!err && !result)
        err = lost(c, "the server's answers do not match the questions");
    *ret = result;
    return err;
}

/* The server ended the session with it. */
static bool is_fatal(const PGresult *result)
{
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    return severity && strcmp(severity, "ERROR") != 0;
}

static enum err read_error(struct postgres *c, const struct postgres_command *command,
                           const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    enum err err = err_of(state);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    log_failure(c, err, message ? message : PQerrorMessage(c->session), state,
                command->statement ? command->statement->text : "");
    return err;
}

static void keep_result(struct postgres *c, const struct postgres_command *command,
                        PGresult *result)
{
    struct postgres_statement *st = command->statement;
    if (st && st->base.writes) {
        const char *n = PQcmdTuples(result);
        int64_t changes = 0;
        if (*n && str_to_i64(str_from(n), &changes))
            c->changes = changes;
        c->wrote = c->wrote || (changes > 0 && command->kind != POSTGRES_LOCK);
    }
    if (command->kind == POSTGRES_LOCK && PQntuples(result) == 1) {
        uint64_t word;
        memcpy(&word, PQgetvalue(result, 0, 0), sizeof(word));
        c->generation = (int64_t)be64toh(word);
    }
    if (st && command->kind == POSTGRES_QUERY)
        st->result = result;
    else
        PQclear(result);
}

static void note_error(struct postgres *c, const struct postgres_command *command, enum err err)
{
    c->skipping = c->touched = true;
    if (command->kind == POSTGRES_PREPARE)
        command->statement->session = 0;
    /* What came behind an error was skipped: if that was another savepoint's, it is not as its
     * writer thinks. */
    if (command->kind == POSTGRES_CONTROL || command->kind == POSTGRES_LOCK ||
        command->turn != c->turn || c->own || c->role != POSTGRES_WRITER)
        c->failed = true;
    if (!c->later)
        c->later = err;
}

/* Takes the oldest command's answer. The error is the session's. */
static enum err take_answer(struct postgres *c, int64_t until_us)
{
    PGresult *result = NULL;
    enum err err = next_result(c, until_us, &result);
    if (err)
        return err;
    const struct postgres_command command = take_command(c);
    enum err said = ERR_OK;
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
        answered(command, ERR_OK);
        keep_result(c, &command, result);
        return ERR_OK;
    case PGRES_PIPELINE_SYNC: c->skipping = false; break;
    case PGRES_PIPELINE_ABORTED: /* told as what it was that failed */
        said = c->later ? c->later : ERR_UNAVAILABLE;
        if (command.kind == POSTGRES_PREPARE)
            command.statement->session = 0;
        break;
    default:
        note_error(c, &command, read_error(c, &command, result));
        said = c->later; /* one that came before it is its cause */
        if (is_fatal(result))
            err = lost(c, "the server ended the session");
        break;
    }
    answered(command, said);
    PQclear(result);
    return err;
}

enum err postgres_drain(struct postgres *c)
{
    if (!c->session)
        return ERR_UNAVAILABLE;
    int64_t until = clock_monotonic_us() + c->wait_ms * 1000;
    enum err err = c->unsynced ? send_sync(c) : ERR_OK;
    while (!err && c->n)
        err = take_answer(c, until);
    return err;
}

enum err postgres_ask(struct postgres *c, struct postgres_statement *st)
{
    enum err err = postgres_send(c, st, POSTGRES_QUERY);
    st->state = err ? POSTGRES_IDLE : POSTGRES_ASKED;
    return err;
}

enum err postgres_wait(struct postgres *c, struct postgres_statement *st)
{
    int64_t until = clock_monotonic_us() + c->wait_ms * 1000;
    enum err err = st->state == POSTGRES_ASKED && c->unsynced ? send_sync(c) : ERR_OK;
    while (!err && st->state == POSTGRES_ASKED)
        err = take_answer(c, until);
    if (!err && c->session && (st->said || !c->in_transaction))
        err = postgres_drain(c);
    return err ? err : st->said;
}

void postgres_forget(struct postgres *c, struct postgres_statement *st)
{
    for (size_t i = 0; st->state == POSTGRES_ASKED && i < c->n; i++) {
        struct postgres_command *command = &c->commands[(c->first + i) % STORE_COMMANDS_MAX];
        if (command->kind == POSTGRES_QUERY && command->statement == st)
            command->kind = POSTGRES_LATER;
    }
    st->state = POSTGRES_IDLE;
    PQclear(st->result);
    st->result = NULL;
}

/* All of it is on its way, or the session is lost. */
static enum err put_copy_data(struct postgres *c, struct str data)
{
    while (data.len) {
        struct str piece = str_make(data.ptr, MIN(data.len, (size_t)STORE_COPY_PIECE));
        int64_t until = clock_monotonic_us() + c->wait_ms * 1000;
        int put = PQputCopyData(c->session, piece.ptr, (int)piece.len);
        if (put < 0)
            return lost(c, "cannot send");
        int more = PQflush(c->session);
        if (more < 0 || ((more > 0 || put == 0) && !wait_for(c->session, true, until)) ||
            !PQconsumeInput(c->session))
            return lost(c, "the connection broke");
        if (put > 0)
            data = str_skip(data, piece.len);
    }
    return ERR_OK;
}

static enum err feed_copy(struct postgres *c, struct str data)
{
    enum err err = put_copy_data(c, data);
    if (!err && PQputCopyEnd(c->session, NULL) != 1)
        err = lost(c, "cannot send");
    return err;
}

/* Takes the answers to a text outside the pipeline; *ret_said: what the server says of it. */
static enum err take_text_answers(struct postgres *c, const char *text, struct str data,
                                  enum err *ret_said)
{
    const struct postgres_statement script = {.text = (char *)text};
    const struct postgres_command command = {.kind = POSTGRES_QUERY,
                                             .statement = (struct postgres_statement *)&script};
    for (;;) {
        enum err err = await(c, clock_monotonic_us() + c->wait_ms * 1000);
        PGresult *result = err ? NULL : PQgetResult(c->session);
        if (!result)
            return err;
        if (PQresultStatus(result) == PGRES_FATAL_ERROR)
            *ret_said = read_error(c, &command, result);
        if (PQresultStatus(result) == PGRES_COPY_IN)
            err = feed_copy(c, data);
        PQclear(result);
        if (err)
            return err;
    }
}

enum err postgres_run_text(struct postgres *c, const char *text, struct str data)
{
    enum err said = ERR_OK;
    enum err err = send_sync(c);
    if (!err)
        err = postgres_drain(c);
    if (!err && (!PQexitPipelineMode(c->session) || !PQsendQuery(c->session, text)))
        err = lost(c, "cannot send");
    if (!err)
        err = take_text_answers(c, text, data, &said);
    if (!err && !PQenterPipelineMode(c->session))
        err = lost(c, "cannot pipeline");
    c->failed = c->failed || (c->in_transaction && (err || said));
    return err ? err : said;
}

/* --- notifications ------------------------------------------------------------------------ */

static bool is_ours(const struct postgres *c, const PGnotify *n)
{
    int64_t sender;
    return c->facts && str_to_i64(str_from(n->extra), &sender) &&
           sender == atomic_load(&c->facts->id);
}

/* True when there is something to read on the socket, which may be none (-1). */
static bool wait_for_either(int fd, int wake, int64_t until_us)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = wake, .events = POLLIN}};
    for (;;) {
        int64_t left = until_us - clock_monotonic_us();
        if (left <= 0)
            return false;
        int n = poll(fds, ARRAY_LEN(fds), (int)((left + 999) / 1000));
        if (n > 0)
            return fds[0].revents && !fds[1].revents;
        if (n < 0 && errno != EINTR)
            return false;
    }
}

bool postgres_listen(struct postgres *c, int wake, int ms)
{
    int64_t until = clock_monotonic_us() + ms * INT64_C(1000);
    bool heard = false;
    do {
        if (!wait_for_either(PQsocket(c->session), wake, until))
            break;
        if (!PQconsumeInput(c->session)) {
            (void)lost(c, "the connection broke");
            return false;
        }
        for (PGnotify *n; (n = PQnotifies(c->session));) {
            heard = heard || !is_ours(c, n);
            PQfreemem(n);
        }
    } while (!heard);
    return heard;
}
