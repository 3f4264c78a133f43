/* hudhud health: for what starts and watches servers, such as a container's HEALTHCHECK; an image
 * need not hold a curl for it. */
#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/request.h"

#include "base/limits.h"

/* ":9090", as a server listens, is any address of this machine. */
static const char *readyz_url(struct cli *cli, const char *listen)
{
    return cli_format(cli, "http://%s%s/readyz", listen[0] == ':' ? "127.0.0.1" : "", listen);
}

enum err health_run(struct cli *cli)
{
    struct config *config;
    enum err e = settings_load(cli, &config);
    if (e)
        return e;
    const char *listen = config_cstr(config, "ops-listen");
    if (!listen)
        return error_set(&cli->error, ERR_VALIDATION,
                         "ops-listen is not set: without it the server tells nobody how it is");
    const struct request request = {
        .method = "GET", .url = readyz_url(cli, listen), .timeout_ms = CLI_HEALTH_TIMEOUT_MS};
    _cleanup_(response_release)
    struct response response;
    response_init(&response);
    e = request_run(&request, &response, &cli->error);
    if (e)
        return e;
    cli_print(cli, buf_str(&response.body));
    return response.status == 200 ? ERR_OK : ERR_UNAVAILABLE;
}
