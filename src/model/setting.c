#include "model/setting.h"

enum err setting_get(struct tx *tx, struct str name, struct arena *arena, struct str *ret)
{
    struct rows rows;
    enum err e =
        tx_query(tx, "SELECT value FROM settings WHERE name = $1", PARAMS(p_text(name)), &rows);
    if (e)
        return e;
    bool found = rows_next(&rows);
    struct str value = found ? arena_dup(arena, row_text(&rows, 0)) : STR("");
    e = rows_close(&rows);
    if (e)
        return e;
    if (!found)
        return ERR_NOT_FOUND;
    *ret = value;
    return value.ptr ? ERR_OK : ERR_NO_MEMORY;
}

enum err setting_put(struct tx *tx, struct str name, struct str value)
{
    return tx_exec(tx,
                   "INSERT INTO settings (name, value) VALUES ($1, $2) "
                   "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                   PARAMS(p_text(name), p_text(value)), NULL);
}
