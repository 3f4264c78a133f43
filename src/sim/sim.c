#include "sim/sim.h"

#include "base/file.h"
#include "sim/control.h"
#include "sim/graph.h"
#include "sim/scenario.h"
#include "sim/simulator.h"

#include <signal.h>

const char sim_help[] =
    "Once it runs:\n"
    "  curl -H 'Authorization: Bearer TOKEN' http://127.0.0.1:8090/v25.0/ACCOUNT/phone_numbers\n"
    "  curl http://127.0.0.1:8090/_sim/scenario          all it knows; save it, change it, and\n"
    "                                                    start with --scenario FILE\n"
    "  curl -X PATCH -d '{\"quality_rating\":\"RED\"}' http://127.0.0.1:8090/_sim/numbers/ID\n"
    "  curl -X PUT -d '[{\"kind\":\"latency\",\"ms\":2000}]' http://127.0.0.1:8090/_sim/faults\n"
    "  curl -X POST -d '{\"example\":\"messages/text\"}' http://127.0.0.1:8090/_sim/webhooks\n"
    "The ready line names the account and the token. Whoever can connect can change everything:\n"
    "listen on a loopback address.\n";

/* --- HTTP --------------------------------------------------------------------------------- */

static enum err on_accept(void *arg, struct http_request *request, size_t *body_max,
                          const char **ret_why)
{
    if (sim_control_owns(request->path))
        *body_max = SIM_SCENARIO_MAX;
    return ERR_OK;
}

static void on_handle(void *arg, struct http_request *request)
{
    if (sim_control_owns(request->path))
        sim_control_handle(arg, request);
    else
        sim_graph_handle(arg, request);
}

/* What is not HTTP as we accept it never gets as far as Meta's own errors. */
static void on_refuse(void *arg, struct http_request *request, enum err e, const char *why,
                      struct http_response *response)
{
    response->content_type = STR("text/plain; charset=utf-8");
    response->body = arena_printf(&request->arena, "%s\n", why);
    if (!response->body.ptr)
        response->body = STR("");
}

/* --- the scenario to begin with ----------------------------------------------------------- */

static enum err load_scenario(struct sim *sim, const struct sim_options *options,
                              struct error *error)
{
    if (options->scenario_path) {
        enum err e = file_read(options->scenario_path, &sim->scenario, error);
        if (e != ERR_OK)
            return e;
    } else {
        struct json_writer w;
        json_writer_init(&w, &sim->scenario);
        sim_demo_write(options->numbers ? options->numbers : SIM_NUMBERS, &w);
        if (!buf_ok(&sim->scenario))
            return error_set(error, ERR_NO_MEMORY, "no memory for the demo scenario");
    }
    return sim_first_state(sim, &sim->state, error);
}

enum err sim_first_state(const struct sim *sim, struct sim_state **ret, struct error *error)
{
    enum err e = sim_scenario_read(buf_str(&sim->scenario), ret, error);
    if (e == ERR_OK && sim->webhook_url)
        sim_webhook_set(&(*ret)->app.webhook, str_from(sim->webhook_url),
                        str_from(sim->verify_token), STR(""));
    return e;
}

/* --- life --------------------------------------------------------------------------------- */

static void on_signal(uv_signal_t *signal, int number)
{
    struct sim *sim = signal->data;
    if (sim->stopping)
        return;
    sim->stopping = true;
    for (size_t i = 0; i < ARRAY_LEN(sim->signals); i++)
        uv_close((uv_handle_t *)&sim->signals[i], NULL);
    sim_verifier_close(sim->verifier); /* first: it answers requests that wait for it */
    sim_deliveries_close(sim->deliveries);
    sim_graph_stop(sim);
    http_server_drain(&sim->server, NULL);
    http_server_kill(&sim->server); /* nothing of it is worth waiting for */
}

static void watch_signals(struct sim *sim)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        uv_signal_init(&sim->loop, &sim->signals[i]);
        sim->signals[i].data = sim;
        uv_signal_start(&sim->signals[i], on_signal, numbers[i]);
    }
}

/* For a person, and for a script that waits until it can go on. */
static void print_ready(const struct sim *sim, const char *listen, int port)
{
    const char *colon = strrchr(listen, ':');
    int host_len = colon ? (int)(colon - listen) : 0;
    const struct sim_state *state = sim->state;
    fprintf(stderr, "hudhud sim: ready on http://%.*s:%d", host_len ? host_len : 9,
            host_len ? listen : "127.0.0.1", port);
    if (!list_empty(&state->accounts)) {
        struct str id = sim_node_id(CONTAINER_OF(state->accounts.next, struct sim_node, link));
        fprintf(stderr, ", WhatsApp account %.*s", STR_FMT(id));
    }
    if (!list_empty(&state->tokens))
        fprintf(stderr, ", token %s",
                CONTAINER_OF(state->tokens.next, struct sim_token, link)->token);
    fputc('\n', stderr);
}

static enum err open_webhooks(struct sim *sim, const struct sim_options *options,
                              struct error *error)
{
    int connections = options->webhook_connections ? options->webhook_connections : 1;
    enum err e = sim_verifier_open(sim, &sim->verifier, error);
    return e ? e : sim_deliveries_open(sim, connections, &sim->deliveries, error);
}

static enum err serve(struct sim *sim, const struct sim_options *options, struct error *error)
{
    static const struct http_hooks hooks = {on_accept, on_handle, on_refuse};
    const char *listen = options->listen ? options->listen : SIM_LISTEN;
    int port = 0;
    http_server_init(&sim->server, &sim->loop, &hooks, sim, NULL);
    enum err e = open_webhooks(sim, options, error);
    if (e == ERR_OK)
        e = http_server_listen(&sim->server, str_from(listen), &port, error);
    if (e == ERR_OK) {
        watch_signals(sim);
        sim_verify_app(sim->verifier);
        print_ready(sim, listen, port);
        uv_run(&sim->loop, UV_RUN_DEFAULT);
    } else {
        sim_verifier_close(sim->verifier);
        sim_deliveries_close(sim->deliveries);
        http_server_drain(&sim->server, NULL);
        uv_run(&sim->loop, UV_RUN_DEFAULT);
    }
    return e;
}

static enum err check_options(const struct sim_options *options, struct error *error)
{
    if (options->numbers < 0 || options->numbers > SIM_NUMBERS_MAX)
        return error_set(error, ERR_USAGE, "--numbers must be from 1 to %d", SIM_NUMBERS_MAX);
    if (!options->webhook_url != !options->verify_token)
        return error_set(error, ERR_USAGE,
                         "--webhook-url and --verify-token go together: the receiver is challenged "
                         "with the token before it gets anything");
    return ERR_OK;
}

enum err sim_run(const struct sim_options *options, struct error *error)
{
    enum err e = check_options(options, error);
    if (e)
        return e;
    struct sim *sim = xcalloc(1, sizeof(*sim));
    sim->quiet = options->quiet;
    sim->webhook_url = options->webhook_url;
    sim->verify_token = options->verify_token;
    list_init(&sim->delayed);
    buf_init(&sim->scenario, SIM_SCENARIO_MAX);
    hmac_init(&sim->hmac);
    e = load_scenario(sim, options, error);
    if (e == ERR_OK && uv_loop_init(&sim->loop) != 0)
        e = error_set(error, ERR_INTERNAL, "cannot make an event loop");
    else if (e == ERR_OK) {
        e = serve(sim, options, error);
        uv_loop_close(&sim->loop);
    }
    sim_state_free(sim->state);
    sim_journal_clear(&sim->journal);
    hmac_release(&sim->hmac);
    buf_release(&sim->scenario);
    free(sim);
    return e;
}
