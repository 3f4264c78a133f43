#include "store/tx.h"
#include "base/log.h"

void tx_init(struct tx *tx, struct connection *c)
{
    *tx = (struct tx){.engine = c->engine, .connection = c};
}

void tx_release(struct tx *tx)
{
    if (!tx->connection)
        return;
    for (size_t i = 0; i < TX_SLOTS; i++) {
        if (tx->slots[i])
            tx->engine->finalize(tx->slots[i]);
    }
    tx->engine->close(tx->connection);
    *tx = (struct tx){0};
}

enum err tx_begin(struct tx *tx)
{
    enum err err = tx->engine->begin(tx->connection);
    tx->broken = err != ERR_OK;
    return err;
}

enum err tx_begin_own(struct tx *tx)
{
    enum err err = tx->engine->begin_own(tx->connection);
    tx->broken = err != ERR_OK;
    return err;
}

void engine_expand(struct buf *out, const struct engine *engine, const char *sql)
{
    const struct {
        struct str token;
        const char *becomes;
    } tokens[] = {
        {STR("{id}"), engine->id_type},     {STR("{int}"), engine->int_type},
        {STR("{text}"), engine->text_type}, {STR("{blob}"), engine->blob_type},
        {STR("{strict}"), engine->strict},  {STR("{skip_locked}"), engine->skip_locked},
    };
    struct str rest = str_from(sql);
    while (rest.len > 0) {
        size_t taken = str_find(rest, '{');
        buf_add(out, str_make(rest.ptr, taken));
        rest = str_skip(rest, taken);
        taken = MIN(rest.len, (size_t)1);
        const char *becomes = NULL;
        for (size_t i = 0; i < ARRAY_LEN(tokens) && !becomes; i++) {
            if (str_starts(rest, tokens[i].token)) {
                becomes = tokens[i].becomes;
                taken = tokens[i].token.len;
            }
        }
        buf_add(out, becomes ? str_from(becomes) : str_make(rest.ptr, taken));
        rest = str_skip(rest, taken);
    }
}

static enum err fault(const char *sql, const char *why)
{
    log_event(LOG_ERROR, "store_fault", LOG_CSTR("why", why),
              LOG_STR("sql", str_make(sql, strcspn(sql, "\n"))));
    return ERR_INTERNAL;
}

/* Sees whether the engine gave up the whole transaction because of an error. */
static enum err note_error(struct tx *tx, enum err err)
{
    if (err && !tx->engine->in_transaction(tx->connection))
        tx->broken = true;
    return err;
}

/* --- the statement cache ------------------------------------------------------------------ */

/* Fibonacci hashing: literals lie near each other, the upper bits of the product do not. */
static size_t slot_of(const char *sql)
{
    return (size_t)(((uint64_t)(uintptr_t)sql * 0x9E3779B97F4A7C15u) >> 32) % TX_SLOTS;
}

static enum err prepare(struct tx *tx, const char *sql, struct statement **slot)
{
    if (tx->n_statements == STORE_STATEMENTS_MAX)
        return fault(sql, "too many statements");
    _cleanup_(buf_release)
    struct buf text;
    buf_init(&text, STORE_SQL_MAX);
    engine_expand(&text, tx->engine, sql);
    buf_add_char(&text, '\0');
    if (!buf_ok(&text))
        return fault(sql, "longer than STORE_SQL_MAX");
    enum err err = tx->engine->prepare(tx->connection, sql, text.ptr, slot);
    if (err)
        return note_error(tx, err);
    tx->n_statements++;
    return ERR_OK;
}

static enum err find_statement(struct tx *tx, const char *sql, struct statement **ret)
{
    size_t i = slot_of(sql);
    while (tx->slots[i] && tx->slots[i]->sql != sql)
        i = (i + 1) % TX_SLOTS;
    if (!tx->slots[i]) {
        enum err err = prepare(tx, sql, &tx->slots[i]);
        if (err)
            return err;
    }
    *ret = tx->slots[i];
    return ERR_OK;
}

bool tx_abandon_rows(struct tx *tx)
{
    if (tx->open_rows == 0)
        return false;
    for (size_t i = 0; i < TX_SLOTS; i++) {
        struct statement *st = tx->slots[i];
        if (!st || !st->open)
            continue;
        (void)fault(st->sql, "rows were not closed");
        tx->engine->reset(st);
        st->open = false;
    }
    tx->open_rows = 0;
    return true;
}

/* --- rows --------------------------------------------------------------------------------- */

static enum err open_rows(struct tx *tx, const char *sql, const struct param *params, size_t n,
                          struct statement **ret)
{
    if (tx->broken)
        return ERR_UNAVAILABLE;
    struct statement *st;
    enum err err = find_statement(tx, sql, &st);
    if (err)
        return err;
    if (st->open)
        return fault(sql, "the statement's last rows are open still");
    err = tx->engine->bind(st, params, n);
    if (err)
        return err;
    st->open = true;
    tx->open_rows++;
    *ret = st;
    return ERR_OK;
}

static void end_rows(struct rows *r)
{
    struct statement *st = r->statement;
    r->tx->engine->reset(st);
    st->open = false;
    r->tx->open_rows--;
    r->statement = NULL;
}

enum err tx_query(struct tx *tx, const char *sql, const struct param *params, size_t n,
                  struct rows *ret)
{
    struct statement *st = NULL;
    enum err err = open_rows(tx, sql, params, n, &st);
    *ret = (struct rows){.tx = tx, .statement = st, .err = err};
    if (err || !tx->engine->start)
        return err;
    ret->err = note_error(tx, tx->engine->start(st));
    if (ret->err)
        end_rows(ret);
    return ret->err;
}

bool rows_next(struct rows *r)
{
    if (!r->statement)
        return false;
    bool row = false;
    enum err err = r->tx->engine->step(r->statement, &row);
    if (!err && row)
        return true;
    end_rows(r);
    r->err = note_error(r->tx, err);
    return false;
}

enum err rows_close(struct rows *r)
{
    /* A statement that writes runs to its end even if nobody wants the rest of its RETURNING: only
     * there are its foreign keys checked. */
    while (r->statement && ((struct statement *)r->statement)->writes && rows_next(r))
        ;
    if (r->statement)
        end_rows(r);
    return r->err;
}

int64_t row_i64(const struct rows *r, int column)
{
    return r->tx->engine->column_i64(r->statement, column);
}

struct str row_text(const struct rows *r, int column)
{
    return r->tx->engine->column_text(r->statement, column);
}

struct str row_blob(const struct rows *r, int column)
{
    return r->tx->engine->column_blob(r->statement, column);
}

bool row_is_null(const struct rows *r, int column)
{
    return r->tx->engine->column_is_null(r->statement, column);
}

enum err tx_exec(struct tx *tx, const char *sql, const struct param *params, size_t n,
                 int64_t *ret_changes)
{
    struct statement *st = NULL;
    enum err err = open_rows(tx, sql, params, n, &st);
    if (err)
        return err;
    struct rows rows = {.tx = tx, .statement = st};
    bool writes = st->writes;
    if (!ret_changes && writes && tx->engine->run_later) {
        err = tx->engine->run_later(st);
        end_rows(&rows);
        return note_error(tx, err);
    }
    while (rows_next(&rows))
        ;
    err = rows_close(&rows);
    if (!err && ret_changes)
        *ret_changes = writes ? tx->engine->changes(tx->connection) : 0;
    return err;
}

enum err tx_i64(struct tx *tx, const char *sql, const struct param *params, size_t n, int64_t *ret)
{
    struct rows rows;
    enum err err = tx_query(tx, sql, params, n, &rows);
    if (err)
        return err;
    bool found = rows_next(&rows);
    int64_t value = found ? row_i64(&rows, 0) : 0;
    err = rows_close(&rows);
    if (err)
        return err;
    if (!found)
        return ERR_NOT_FOUND;
    *ret = value;
    return ERR_OK;
}

enum err tx_look_at_server(struct tx *tx, struct store_server *ret)
{
    *ret = (struct store_server){0};
    return tx->engine->look_at_server ? tx->engine->look_at_server(tx->connection, ret) : ERR_OK;
}

void tx_announce(struct tx *tx)
{
    tx->announced = true;
}
