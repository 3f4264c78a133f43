#include "cli/older.h"

static enum err check_state(struct cli *cli, const char *state, const char *const *states)
{
    struct str list = STR("");
    for (size_t i = 0; states[i]; i++) {
        if (str_eq(str_from(state), str_from(states[i])))
            return ERR_OK;
        const char *between = i ? ", " : "";
        list = arena_printf(&cli->arena, "%.*s%s%s", STR_FMT(list), between, states[i]);
    }
    return error_set(&cli->error, ERR_USAGE, "--state takes one of %.*s", STR_FMT(list));
}

enum err older_read(struct cli *cli, const char *const *states, int64_t limit_max,
                    struct older *ret)
{
    struct args *args = &cli->args;
    const char *state = args_get(args, "state");
    int64_t before;
    enum err e =
        args_i64(args, "limit", 1, limit_max, PAGE_LIMIT_DEFAULT, &ret->limit, &cli->error);
    if (!e)
        e = args_i64(args, "before", 1, INT64_MAX, INT64_MAX, &before, &cli->error);
    if (!e && state)
        e = check_state(cli, state, states);
    if (e)
        return e;
    ret->query = cli_format(cli, "?limit=%lld", (long long)ret->limit);
    if (args_has(args, "before"))
        ret->query = cli_format(cli, "%s&before=%lld", ret->query, (long long)before);
    if (state)
        ret->query = cli_format(cli, "%s&state=%s", ret->query, state);
    return ERR_OK;
}

static const char *why_empty(struct cli *cli, const char *empty)
{
    const char *state = args_get(&cli->args, "state");
    if (args_has(&cli->args, "before"))
        return "There are no older ones.";
    return state ? cli_format(cli, "There is none that is %s.", state) : empty;
}

enum err older_print(struct cli *cli, const struct older *o, struct json array,
                     const struct column *columns, size_t n, const char *empty)
{
    enum err e = list_print(cli, array, columns, n, why_empty(cli, empty));
    size_t len = json_len(array);
    if (!e && !cli_wants_json(cli) && len && (int64_t)len == o->limit) {
        int64_t last = json_as_i64(json_get(json_at(array, len - 1), "id"), 0);
        fprintf(cli->err, "There may be older ones: --before %lld\n", (long long)last);
    }
    return e;
}
