/* Whole databases as files: a copy of one that is in use, what a file holds, and putting a file's
 * content into the place of all that a store has. For backup and restore (model/backup.h).
 *
 * None of these is for a loop: they wait for files and, but for store_inspect, for the store. */
#pragma once

#include "store/store.h"

struct store_copy {
    const char *path; /* a new file, 0600; removed again when it fails */
    /* Between pieces; false ends it with ERR_CLOSED. NULL: nobody asks. */
    bool (*go_on)(void *arg);
    void *arg;
};

/* One moment of the database, durably in the file; writers go on. ERR_CONFLICT when there is such a
 * file, ERR_IO, ERR_CLOSED. */
enum err store_copy(struct store *s, const struct store_copy *copy, struct error *error) MUST_USE;

struct store_table {
    struct store_table *next; /* by name */
    struct str name;
    int64_t rows;
};

struct store_facts {
    int64_t schema_version;
    int64_t made_at; /* ms: the copies of one installation have it in common */
    struct store_table *tables;
};

/* Reads the whole file: whether every page, index and foreign key is sound, and what is in it. The
 * facts are in error->arena. ERR_VALIDATION when it is damaged, or no database of hudhud. */
enum err store_inspect(const char *path, struct store_facts *ret, struct error *error) MUST_USE;

/* What store_open would not change about it, and to this version. */
int64_t store_schema_version(void);

/* Removes a database that nobody has open, with what lies beside it; fine when there is none. */
void store_discard(const char *path);

/* Puts the content of the file `from`, of this program's schema version, into the place of all that
 * is there, in one transaction; what was there goes to `safety` before that, in the same moment.
 * Readers see the one or the other; writes wait meanwhile. Ids that were given out stay used: the
 * counters go on from where they are. The file `from` is changed and is of no use afterwards. On an
 * error nothing changed, but the safety copy may be there. */
enum err store_replace(struct store *s, const char *from, const struct store_copy *safety,
                       struct error *error) MUST_USE;
