#include "cli/each.h"

#include "cli/admin.h"
#include "json/writer.h"

struct each {
    struct admin admin;
    struct buf text; /* of all data, as a list */
    struct json_writer list;
    size_t n;
    enum err worst;
};

static void each_release(struct each *each)
{
    admin_close(&each->admin);
    buf_release(&each->text);
}

static void post_one(struct each *each, const char *what, const char *id, const char *path)
{
    struct cli *cli = each->admin.cli;
    struct json data;
    enum err e = admin_call(&each->admin, "POST", path, STR(""), &data);
    if (e) {
        each->worst =
            error_set(&cli->error, e, "%s %s: %.*s", what, id, STR_FMT(cli->error.message));
        cli_print_error(cli);
        error_init(&cli->error, &cli->arena);
        return;
    }
    json_raw(&each->list, json_text(data, &cli->arena));
    each->n++;
}

static enum err print(struct cli *cli, struct each *each, const struct column *columns, size_t n)
{
    struct json list;
    if (!buf_ok(&each->text))
        return ERR_NO_MEMORY;
    if (!each->n && !cli_wants_json(cli))
        return ERR_OK;
    enum err e = json_parse(buf_str(&each->text), &cli->arena, &list, &cli->error);
    return e ? e : list_print(cli, list, columns, n, "");
}

enum err each_post(struct cli *cli, const char *what, each_path *path, const struct column *columns,
                   size_t n)
{
    _cleanup_(each_release)
    struct each each = {.worst = ERR_OK};
    buf_init(&each.text, CLI_ANSWER_MAX);
    json_writer_init(&each.list, &each.text);
    json_open(&each.list, '[');
    enum err e = admin_open(&each.admin, cli);
    if (e)
        return e;
    for (size_t i = 0; i < cli->args.n_operands; i++) {
        const char *id = cli->args.operands[i];
        post_one(&each, what, id, path(cli, id));
    }
    json_close(&each.list, ']');
    e = print(cli, &each, columns, n);
    return e ? e : each.worst;
}
