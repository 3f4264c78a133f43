/* Rows for PostgreSQL in bulk: COPY in its binary form, and the counters behind identity columns.
 */
#include "store/postgres.h"
#include "store/transfer.h"

#include <endian.h>

/* --- COPY --------------------------------------------------------------------------------- */

static void add_u16(struct buf *out, uint16_t value)
{
    uint16_t word = htobe16(value);
    buf_add(out, str_make((const char *)&word, sizeof(word)));
}

static void add_u32(struct buf *out, uint32_t value)
{
    uint32_t word = htobe32(value);
    buf_add(out, str_make((const char *)&word, sizeof(word)));
}

/* PostgreSQL's documentation, COPY, "Binary Format". Its trailer may be missing at the end of what
 * a client sends. */
void postgres_load_add(struct buf *rows, const struct param *values, size_t n)
{
    if (!rows->len)
        buf_add(rows, STR("PGCOPY\n\xFF\r\n\0\0\0\0\0\0\0\0\0"));
    add_u16(rows, (uint16_t)n);
    for (size_t i = 0; i < n; i++) {
        const struct param *p = &values[i];
        if (p->kind == PARAM_NULL) {
            add_u32(rows, UINT32_MAX);
        } else if (p->kind == PARAM_I64) {
            uint64_t word = htobe64((uint64_t)p->number);
            add_u32(rows, sizeof(word));
            buf_add(rows, str_make((const char *)&word, sizeof(word)));
        } else {
            add_u32(rows, (uint32_t)p->bytes.len);
            buf_add(rows, p->bytes);
        }
    }
}

enum err postgres_load(struct connection *base, const char *into, struct str rows)
{
    struct postgres *c = postgres_of(base);
    char text[STORE_SQL_MAX];
    if (!c->session || c->failed)
        return ERR_UNAVAILABLE;
    snprintf(text, sizeof(text), "COPY %s FROM STDIN (FORMAT binary)", into);
    c->wrote = true;
    return postgres_run_text(c, text, rows);
}

/* --- counters ----------------------------------------------------------------------------- */

enum err postgres_last_id(struct connection *base, struct str table, int64_t *ret)
{
    const struct param name = p_text(table);
    return transfer_number(base,
                           "SELECT coalesce(pg_sequence_last_value("
                           "pg_get_serial_sequence($1, 'id')::regclass), 0)",
                           &name, 1, ret);
}

/* No rollback takes it back, which does no harm: an id stays unused. */
enum err postgres_raise_id(struct connection *base, struct str table, int64_t id)
{
    const struct param params[] = {p_text(table), p_i64(id)};
    return transfer_number(base,
                           "SELECT setval(pg_get_serial_sequence($1, 'id'), greatest($2, "
                           "pg_sequence_last_value(pg_get_serial_sequence($1, 'id')::regclass)))",
                           params, ARRAY_LEN(params), NULL);
}

/* --- patience ----------------------------------------------------------------------------- */

void postgres_set_patient(struct connection *base, bool patient)
{
    struct postgres *c = postgres_of(base);
    c->patient = patient;
    c->wait_ms = patient ? STORE_LONG_WAIT_MS : STORE_WAIT_MS;
}
