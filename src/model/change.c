#include "model/change.h"

enum err change_each_row(struct rows *rows,
                         enum err (*each)(void *arg, const struct change_entry *c), void *arg)
{
    enum err stopped = ERR_OK;
    while (!stopped && rows_next(rows)) {
        const struct change_entry c = {
            .field = row_text(rows, 0),
            .from = row_text(rows, 1),
            .to = row_text(rows, 2),
            .source = row_text(rows, 3),
            .at = row_i64(rows, 4),
        };
        stopped = each(arg, &c);
    }
    enum err e = rows_close(rows);
    return stopped ? stopped : e;
}
