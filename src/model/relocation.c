#include "model/relocation.h"

/* Of what the outside knows by a name that only one can have. */
static const struct known {
    const char *what, *select, *find;
} kinds[] = {
    {"domain", "SELECT domain FROM workspaces WHERE id = $1",
     "SELECT id FROM workspaces WHERE domain = $1"},
    {"client", "SELECT client_id FROM clients WHERE workspace_id = $1",
     "SELECT id FROM clients WHERE client_id = $1"},
    {"account", "SELECT waba_id FROM accounts WHERE workspace_id = $1 AND unlinked_at IS NULL",
     "SELECT id FROM accounts WHERE waba_id = $1 AND unlinked_at IS NULL"},
    {"number",
     "SELECT phone_number_id FROM numbers WHERE workspace_id = $1 AND unlinked_at IS NULL",
     "SELECT id FROM numbers WHERE phone_number_id = $1 AND unlinked_at IS NULL"},
};

enum err relocation_is_empty(struct tx *to, bool *ret)
{
    int64_t first = 0;
    enum err err = tx_i64(to, "SELECT min(id) FROM workspaces", NO_PARAMS, &first);
    *ret = first == 0;
    return err;
}

static enum err check_kind(struct tx *from, struct tx *to, const struct known *kind,
                           int64_t workspace_id, size_t *n, struct error *error)
{
    struct rows rows;
    enum err err = tx_query(from, kind->select, PARAMS(p_i64(workspace_id)), &rows),
             looked = ERR_OK;
    if (err)
        return err;
    while (!looked && rows_next(&rows)) {
        int64_t id;
        struct str name = row_text(&rows, 0);
        looked = tx_i64(to, kind->find, PARAMS(p_text(name)), &id);
        if (!looked && (*n)++ < RELOCATION_NAMES_MAX)
            error_detail(error, kind->what, "%.*s is there already", STR_FMT(name));
        if (looked == ERR_NOT_FOUND)
            looked = ERR_OK;
    }
    err = rows_close(&rows);
    return looked ? looked : err;
}

enum err relocation_check_names(struct tx *from, struct tx *to, int64_t workspace_id,
                                struct error *error)
{
    size_t n = 0;
    enum err err = ERR_OK;
    for (size_t i = 0; i < ARRAY_LEN(kinds) && !err; i++)
        err = check_kind(from, to, &kinds[i], workspace_id, &n, error);
    if (err || !n)
        return err;
    return error_set(error, ERR_CONFLICT, "%zu of its names are taken there; nothing was changed",
                     n);
}
