#include "api/route.h"
#include "base/file.h"
#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/list.h"

static const struct column columns[] = {
    {"ENDPOINT", "endpoint"}, {"LIMIT", "limit"}, {"FROM", "from"}};

static const char *plan_path(struct cli *cli)
{
    const char *domain = cli_url_part(cli, args_get(&cli->args, "domain"));
    return cli_format(cli, "/admin/workspaces/%s/plan", domain);
}

static enum err print_plan(struct cli *cli, const char *method, struct str body)
{
    struct json data;
    enum err e = admin_once(cli, method, plan_path(cli), body, &data);
    return e ? e : list_print(cli, data, columns, ARRAY_LEN(columns), "There is no endpoint");
}

enum err plan_show_run(struct cli *cli)
{
    return print_plan(cli, "GET", STR(""));
}

enum err plan_set_run(struct cli *cli)
{
    const char *path = cli->args.operands[0];
    _cleanup_(buf_release)
    struct buf plan;
    buf_init(&plan, PLAN_MAX);
    enum err e = file_read(path, &plan, &cli->error);
    if (e)
        return e;
    if (plan.len == 0)
        return error_set(&cli->error, ERR_USAGE,
                         "%s is empty; begin with the whole default plan: hudhud plan example",
                         path);
    return print_plan(cli, "PUT", buf_str(&plan));
}

enum err plan_reset_run(struct cli *cli)
{
    return print_plan(cli, "DELETE", STR(""));
}

enum err plan_example_run(struct cli *cli)
{
    _cleanup_(freep)
    struct endpoints *endpoints = route_endpoints_new(api_routes);
    struct str example = plan_example(endpoints, &cli->arena);
    if (!example.ptr)
        return error_set(&cli->error, ERR_NO_MEMORY, "no memory");
    cli_print(cli, example);
    cli_print(cli, STR("\n"));
    return ERR_OK;
}
