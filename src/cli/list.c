#include "cli/list.h"

enum err list_print(struct cli *cli, struct json array, const struct column *columns, size_t n,
                    const char *empty)
{
    if (cli_wants_json(cli))
        return cli_print_value(cli, array);
    if (json_len(array) == 0) {
        fprintf(cli->err, "%s\n", empty);
        return ERR_OK;
    }
    struct table table;
    table_init(&table, columns, n, &cli->arena);
    json_for_each (item, array)
        table_add_object(&table, item);
    return table_print(&table, cli->out, cli->terminal);
}

enum err object_print(struct cli *cli, struct json object, const struct column *columns, size_t n)
{
    if (cli_wants_json(cli))
        return cli_print_value(cli, object);
    return record_print(object, columns, n, cli->out, cli->terminal, &cli->arena);
}
