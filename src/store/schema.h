/* Which tables there are, read from the migrations' own text: who copies whole databases
 * (transfer.h) cannot forget one, and needs not ask an engine.
 *
 * It understands what migrations say today: CREATE and DROP TABLE, ALTER TABLE ... ADD COLUMN,
 * indexes and rows. A step that says anything else is an error, which the unit tests show at once:
 * teach it the new form then. */
#pragma once

#include "base/err.h"
#include "base/limits.h"

struct schema_column {
    struct str name; /* of the migrations' text, as all names here */
    int kind;        /* PARAM_I64, PARAM_TEXT or PARAM_BLOB */
    bool required;   /* never NULL */
    int parent;      /* the table whose id it holds; -1: none */
};

struct schema_table {
    struct str name; /* empty: it was dropped again */
    size_t n;
    struct schema_column columns[SCHEMA_COLUMNS_MAX];
    size_t n_keys;
    size_t keys[SCHEMA_KEYS_MAX]; /* the columns of its primary key */
    bool counted;                 /* the key is an id that the engine counts up */
    bool private;                 /* of the processes that use this store: never copied */
};

struct schema {
    size_t n;
    struct schema_table tables[SCHEMA_TABLES_MAX]; /* parents first */
};

/* Of `n` steps. ERR_INTERNAL, with a message, when it does not understand one. */
enum err schema_read(struct schema *ret, const char *const *steps, size_t n,
                     struct error *error) MUST_USE;

/* Whether what the column refers to is not copied: the copy has NULL there. */
bool schema_is_cut(const struct schema *schema, const struct schema_column *column);
