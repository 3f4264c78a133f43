#include "sim/control.h"

#include "sim/control_call.h"
#include "sim/notices.h"
#include "sim/scenario.h"

static void write_success(struct control *c)
{
    json_open(&c->json, '{');
    json_member_bool(&c->json, "success", true);
    json_close(&c->json, '}');
}

/* --- the whole ---------------------------------------------------------------------------- */

static enum err scenario_get(struct control *c)
{
    sim_scenario_write(c->sim->state, &c->json);
    return ERR_OK;
}

/* What was on its way belongs to the old one. */
static void replace_state(struct sim *sim, struct sim_state *state)
{
    sim_state_free(sim->state);
    sim->state = state;
    sim_deliveries_clear(sim->deliveries);
    sim_verify_app(sim->verifier);
}

static enum err scenario_put(struct control *c)
{
    struct sim_state *state;
    enum err e = sim_scenario_read(c->request->body, &state, &c->error);
    if (e != ERR_OK)
        return e;
    replace_state(c->sim, state);
    write_success(c);
    return ERR_OK;
}

static enum err reset(struct control *c)
{
    struct sim_state *state;
    enum err e = sim_first_state(c->sim, &state, &c->error);
    if (e != ERR_OK)
        return e;
    replace_state(c->sim, state);
    sim_journal_clear(&c->sim->journal);
    write_success(c);
    return ERR_OK;
}

/* --- nodes -------------------------------------------------------------------------------- */

static struct sim_node *find(struct control *c, enum sim_kind kind, const char *what)
{
    struct sim_node *node = sim_state_find(c->sim->state, c->id);
    if (node && node->kind == kind)
        return node;
    error_set(&c->error, ERR_NOT_FOUND, "there is no %s %.*s", what, STR_FMT(c->id));
    return NULL;
}

static void write_node(struct control *c, const struct sim_node *node)
{
    json_open(&c->json, '{');
    sim_node_write_members(node, &c->json);
    json_close(&c->json, '}');
}

/* "?webhook=no": nobody is told. */
static void notice(struct control *c, const struct sim_node *before, const struct sim_node *after)
{
    struct str webhook;
    if (http_query_get(c->request->query, "webhook", c->arena, &webhook) == ERR_OK &&
        str_eq(webhook, STR("no")))
        return;
    sim_notice(c->sim, before, after);
}

static enum err patch(struct control *c, enum sim_kind kind, const char *what)
{
    struct sim_node *node = find(c, kind, what);
    struct sim_node before = {0};
    if (!node)
        return ERR_NOT_FOUND;
    sim_node_copy(&before, node);
    enum err e = sim_node_patch(node, c->body, c->arena, &c->error);
    if (e == ERR_OK) {
        notice(c, &before, node);
        write_node(c, node);
    }
    sim_node_release(&before);
    return e;
}

static enum err drop(struct control *c, enum sim_kind kind, const char *what)
{
    struct sim_node *node = find(c, kind, what);
    if (!node)
        return ERR_NOT_FOUND;
    notice(c, node, NULL);
    sim_node_delete(node);
    write_success(c);
    return ERR_OK;
}

static enum err join(struct control *c, enum sim_kind kind)
{
    struct sim_node *account = find(c, SIM_ACCOUNT, "account");
    struct sim_node *node;
    if (!account)
        return ERR_NOT_FOUND;
    enum err e = sim_node_join(account->account, kind, c->body, c->arena, &node, &c->error);
    if (e == ERR_OK) {
        notice(c, NULL, node);
        write_node(c, node);
    }
    return e;
}

static enum err account_patch(struct control *c)
{
    return patch(c, SIM_ACCOUNT, "account");
}

static enum err number_add(struct control *c)
{
    return join(c, SIM_NUMBER);
}

static enum err number_patch(struct control *c)
{
    return patch(c, SIM_NUMBER, "number");
}

static enum err number_delete(struct control *c)
{
    return drop(c, SIM_NUMBER, "number");
}

static enum err template_add(struct control *c)
{
    return join(c, SIM_TEMPLATE);
}

static enum err template_patch(struct control *c)
{
    return patch(c, SIM_TEMPLATE, "template");
}

static enum err template_delete(struct control *c)
{
    return drop(c, SIM_TEMPLATE, "template");
}

/* --- the rest ----------------------------------------------------------------------------- */

static enum err token_patch(struct control *c)
{
    struct sim_token *token = sim_state_find_token(c->sim->state, c->id);
    if (!token)
        return error_set(&c->error, ERR_NOT_FOUND, "there is no such token");
    enum err e = sim_token_patch(token, c->body, &c->error);
    if (e == ERR_OK)
        write_success(c);
    return e;
}

static enum err faults_get(struct control *c)
{
    sim_faults_write(c->sim->state, &c->json);
    return ERR_OK;
}

static enum err faults_put(struct control *c)
{
    enum err e = sim_faults_read(c->sim->state, c->body, "faults", &c->error);
    if (e == ERR_OK)
        write_success(c);
    return e;
}

static enum err faults_delete(struct control *c)
{
    sim_state_clear_faults(c->sim->state);
    write_success(c);
    return ERR_OK;
}

static enum err requests_get(struct control *c)
{
    sim_journal_write(&c->sim->journal, &c->json);
    return ERR_OK;
}

static enum err requests_delete(struct control *c)
{
    sim_journal_clear(&c->sim->journal);
    write_success(c);
    return ERR_OK;
}

static const struct route {
    enum http_method method;
    const char *pattern;
    bool raw_body; /* the handler reads it itself */
    enum err (*handle)(struct control *c);
} routes[] = {
    {HTTP_GET, "/_sim/scenario", false, scenario_get},
    {HTTP_PUT, "/_sim/scenario", true, scenario_put},
    {HTTP_POST, "/_sim/reset", false, reset},
    {HTTP_PATCH, "/_sim/accounts/{id}", false, account_patch},
    {HTTP_POST, "/_sim/accounts/{id}/numbers", false, number_add},
    {HTTP_PATCH, "/_sim/numbers/{id}", false, number_patch},
    {HTTP_DELETE, "/_sim/numbers/{id}", false, number_delete},
    {HTTP_POST, "/_sim/accounts/{id}/templates", false, template_add},
    {HTTP_PATCH, "/_sim/templates/{id}", false, template_patch},
    {HTTP_DELETE, "/_sim/templates/{id}", false, template_delete},
    {HTTP_PATCH, "/_sim/tokens/{token}", false, token_patch},
    {HTTP_PATCH, "/_sim/app", false, sim_control_app_patch},
    {HTTP_GET, "/_sim/webhooks", false, sim_control_webhooks_get},
    {HTTP_POST, "/_sim/webhooks", false, sim_control_webhooks_post},
    {HTTP_DELETE, "/_sim/webhooks", false, sim_control_webhooks_delete},
    {HTTP_GET, "/_sim/webhooks/examples", false, sim_control_examples_get},
    {HTTP_GET, "/_sim/faults", false, faults_get},
    {HTTP_PUT, "/_sim/faults", false, faults_put},
    {HTTP_DELETE, "/_sim/faults", false, faults_delete},
    {HTTP_GET, "/_sim/requests", false, requests_get},
    {HTTP_DELETE, "/_sim/requests", false, requests_delete},
};

static const struct route *find_route(struct control *c)
{
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        struct http_match match;
        if (routes[i].method != c->request->method ||
            !http_path_match(routes[i].pattern, c->request->path, &match))
            continue;
        if (match.n_params)
            c->id = http_url_decode(match.params[0], false, c->arena);
        return &routes[i];
    }
    return NULL;
}

static enum err dispatch(struct control *c)
{
    const struct route *route = find_route(c);
    if (!route)
        return error_set(&c->error, ERR_NOT_FOUND, "the control API has no %s %.*s",
                         http_method_name(c->request->method), STR_FMT(c->request->path));
    if (c->request->body.len && !route->raw_body) {
        enum err e = json_parse(c->request->body, c->arena, &c->body, &c->error);
        if (e != ERR_OK)
            return e;
    }
    return route->handle(c);
}

bool sim_control_owns(struct str path)
{
    return str_starts(path, STR("/_sim/")) || str_eq(path, STR("/_sim"));
}

static void write_error(const struct error *error, struct buf *out)
{
    struct json_writer w;
    buf_clear(out);
    json_writer_init(&w, out);
    json_open(&w, '{');
    json_key(&w, "error");
    json_open(&w, '{');
    json_member_str(&w, "message", error->message);
    json_key(&w, "details");
    json_open(&w, '[');
    for (const struct error_detail *d = error->details; d; d = d->next) {
        json_open(&w, '{');
        json_member_str(&w, "field", d->field);
        json_member_str(&w, "problem", d->problem);
        json_close(&w, '}');
    }
    json_close(&w, ']');
    json_close(&w, '}');
    json_close(&w, '}');
}

void sim_control_handle(struct sim *sim, struct http_request *request)
{
    struct control c = {.sim = sim, .request = request, .arena = &request->arena};
    _cleanup_(buf_release)
    struct buf body;
    buf_init(&body, HTTP_OUT_MAX);
    json_writer_init(&c.json, &body);
    error_init(&c.error, c.arena);
    enum err e = dispatch(&c);
    if (e == ERR_OK && !buf_ok(&body))
        e = error_set(&c.error, ERR_INTERNAL, "the answer is larger than %d bytes", HTTP_OUT_MAX);
    if (e != ERR_OK)
        write_error(&c.error, &body);
    struct http_response response = {.status = e == ERR_OK ? 200 : err_status(e),
                                     .content_type = STR("application/json"),
                                     .body = buf_str(&body)};
    http_respond(request, &response);
}
