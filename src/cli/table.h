/* Tables and records for people. Columns are aligned by what a terminal shows (combining marks take
 * no column), text is cleaned of control characters, and on a terminal right-to-left text is put
 * between U+2068 and U+2069, so that an Arabic name does not reorder its row. */
#pragma once

#include "base/limits.h"
#include "json/reader.h"

struct column {
    const char *title;
    const char *key; /* of each object, such as "name" or "health.stale" */
};

struct table {
    struct arena *arena;
    const struct column *columns;
    size_t n_columns;
    size_t widths[CLI_TABLE_COLUMNS_MAX];
    struct table_row *first, *last;
    bool failed; /* out of memory: printed as an error at the end */
};

void table_init(struct table *t, const struct column *columns, size_t n, struct arena *arena);
/* The columns' keys of one object, which must outlive the table. */
void table_add_object(struct table *t, struct json object);
enum err table_print(const struct table *t, FILE *out, bool terminal) MUST_USE;

/* "title  value" lines, one a column. */
enum err record_print(struct json object, const struct column *columns, size_t n, FILE *out,
                      bool terminal, struct arena *arena) MUST_USE;

/* Lines of text, each as clean as a cell. */
enum err text_print(struct str text, FILE *out, bool terminal, struct arena *arena) MUST_USE;

/* A value for a person: "-" for null and absent, "yes" and "no", numbers and text as they are. */
struct str table_cell(struct json object, const char *key, struct arena *arena);
