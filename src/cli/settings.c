#include "cli/admin.h"

#include "serve/serve.h"

static enum err apply_flags(struct cli *cli, struct config *config)
{
    for (size_t i = 0; i < cli->args.n_given; i++) {
        const struct arg *arg = &cli->args.given[i];
        if (!arg->setting)
            continue;
        enum err e = config_set(config, str_from(arg->setting->name), str_from(arg->value),
                                FROM_COMMAND_LINE, &cli->error);
        /* The command line itself is wrong, not what it asks for. */
        if (e)
            return cli->error.err = e == ERR_VALIDATION ? ERR_USAGE : e;
    }
    return ERR_OK;
}

enum err settings_load(struct cli *cli, struct config **ret)
{
    struct config *config = ARENA_NEW(&cli->arena, struct config);
    if (!config)
        return ERR_NO_MEMORY;
    config_init(config, serve_settings, serve_n_settings, &cli->arena);
    const char *file = args_get(&cli->args, "config");
    enum err e = file ? config_load_file(config, file, &cli->error) : ERR_OK;
    if (!e)
        e = config_load_environment(config, &cli->error);
    if (!e)
        e = apply_flags(cli, config);
    if (!e)
        *ret = config;
    return e;
}
