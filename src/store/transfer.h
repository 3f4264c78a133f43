/* Rows from one database to another, of any engines, and sums by which both sides are compared. For
 * backups and restores (copy.h) and `hudhud store copy` (relocation.h).
 *
 * It is below the statement cache: its SQL is made of the schema's names at run time, and prepared
 * anew for each table. Connections are the caller's, and so are transactions: a page is read and
 * written in those that are open. */
#pragma once

#include "base/buf.h"
#include "store/engine.h"
#include "store/schema.h"

/* Rows, whatever their order: SHA-256 of each, added up modulo 2^128. */
struct row_sum {
    int64_t rows;
    uint64_t high, low;
};
static inline bool row_sum_eq(const struct row_sum *a, const struct row_sum *b)
{
    return a->rows == b->rows && a->high == b->high && a->low == b->low;
}

struct transfer {
    const struct schema *schema;
    struct connection *from;
    struct connection *to; /* NULL: rows are only summed up */
    /* One row of this table (its id), and all that refers to it, directly or not; NULL: all rows.
     */
    const struct schema_table *root;
    int64_t root_id;
    /* Added to each id of the tables as it is read, and to what refers to one. */
    int64_t offsets[SCHEMA_TABLES_MAX];
    /* Changes a value as it is read, where an id stands in what no key tells of; NULL: none does.
     * The new text lives until the next value. */
    enum err (*rewrite)(void *arg, const struct transfer *t, const struct schema_table *table,
                        const struct schema_column *column, struct param *value);
    void *rewrite_arg;
    struct error *error; /* says what is wrong with a row; for the rest see the log */
};

/* Whether rows of this table are copied. */
bool transfer_has(const struct transfer *t, const struct schema_table *table);

/* The rows of one table, page by page, by the primary key. */
struct table_transfer {
    const struct transfer *transfer;
    const struct schema_table *table;
    struct buf place;   /* the key of the last row that was taken; empty: none yet */
    struct row_sum sum; /* of those that were taken */
    bool done;

    struct buf texts[3];
    struct statement *first, *next, *insert;
    struct buf row, loaded;
    struct buf bound; /* the place that params refer to, as long as a page is read */
    struct param params[1 + SCHEMA_KEYS_MAX];
};

void table_transfer_init(struct table_transfer *t, const struct transfer *transfer,
                         const struct schema_table *table);
void table_transfer_release(struct table_transfer *t);
/* The next STORE_PAGE_ROWS rows; `done` when there are no more. */
enum err table_transfer_page(struct table_transfer *t) MUST_USE;

/* A whole table. `go_on` as of struct store_copy: asked between pages. */
enum err transfer_table(const struct transfer *t, const struct schema_table *table,
                        const struct store_copy *copy, struct row_sum *ret) MUST_USE;
/* The ids that `to` gives out go on behind all that `from` has given out. */
enum err transfer_counters(const struct transfer *t) MUST_USE;
/* Removes what `to` has of such rows, children first; of a root, those of this id. */
enum err transfer_clear(const struct transfer *t, int64_t root_id) MUST_USE;
/* How many rows there are to read. */
enum err transfer_count(const struct transfer *t, const struct schema_table *table,
                        int64_t *ret) MUST_USE;
/* Chooses the offsets: none where no id that is read was given out in `to` already. */
enum err transfer_choose_offsets(struct transfer *t) MUST_USE;
/* Runs a statement once. Its answer, unless ret is NULL, is a number; 0 when there is no row. */
enum err transfer_number(struct connection *c, const char *sql, const struct param *params,
                         size_t n, int64_t *ret) MUST_USE;
