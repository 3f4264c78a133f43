#include "sim/graph.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "sim/auth.h"
#include "sim/edges.h"
#include "sim/faults.h"
#include "sim/usage.h"

/* --- the way to a handler ----------------------------------------------------------------- */

static const char *const versions[] = {"v20.0", "v21.0", "v22.0", "v23.0",
                                       "v24.0", "v25.0", "v26.0"};
/* What a path without a version is served as: the oldest one. */
#define OLDEST_VERSION versions[0]

static const struct edge {
    enum sim_kind kind;
    const char *name; /* "": the node itself */
    enum http_method method;
    void (*handle)(struct sim_call *call);
} edges[] = {
    {SIM_ACCOUNT, "", HTTP_GET, sim_node_get},
    {SIM_NUMBER, "", HTTP_GET, sim_node_get},
    {SIM_TEMPLATE, "", HTTP_GET, sim_node_get},
    {SIM_ACCOUNT, "phone_numbers", HTTP_GET, sim_phone_numbers_list},
    {SIM_ACCOUNT, "message_templates", HTTP_GET, sim_templates_list},
    {SIM_ACCOUNT, "subscribed_apps", HTTP_GET, sim_subscriptions_list},
    {SIM_ACCOUNT, "subscribed_apps", HTTP_POST, sim_subscriptions_create},
    {SIM_ACCOUNT, "subscribed_apps", HTTP_DELETE, sim_subscriptions_delete},
    {SIM_NUMBER, "", HTTP_POST, sim_number_update},
    {SIM_NUMBER, "request_code", HTTP_POST, sim_request_code},
    {SIM_NUMBER, "verify_code", HTTP_POST, sim_verify_code},
    {SIM_NUMBER, "register", HTTP_POST, sim_register},
    {SIM_NUMBER, "deregister", HTTP_POST, sim_deregister},
    {SIM_NUMBER, "whatsapp_business_profile", HTTP_GET, sim_profile_get},
    {SIM_NUMBER, "whatsapp_business_profile", HTTP_POST, sim_profile_change},
};

/* The edge for this node and method. NULL when there is none; *ret_known tells whether another
 * method would have found one. */
static const struct edge *find_edge(const struct sim_call *call, bool *ret_known)
{
    enum http_method method = call->request->method;
    if (method == HTTP_HEAD)
        method = HTTP_GET;
    *ret_known = false;
    for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
        if (edges[i].kind != call->node->kind || !str_eq(str_from(edges[i].name), call->edge))
            continue;
        if (edges[i].method == method)
            return &edges[i];
        *ret_known = true;
    }
    return NULL;
}

static const char *known_version(struct str s)
{
    for (size_t i = 0; i < ARRAY_LEN(versions); i++)
        if (str_eq(str_from(versions[i]), s))
            return versions[i];
    return NULL;
}

/* "v" and a digit: a version, whether Meta has it or not. */
static bool looks_like_version(struct str s)
{
    return s.len >= 2 && s.ptr[0] == 'v' && s.ptr[1] >= '0' && s.ptr[1] <= '9';
}

static void fail_path(struct sim_call *call, struct str rest)
{
    sim_call_fail(call, SIM_FAIL_PATH, "Unknown path components: /%.*s", STR_FMT(rest));
}

/* Splits "/v25.0/ID/EDGE". An unknown version counts as a node, of which the rest are no edges. */
static bool split_path(struct sim_call *call)
{
    struct str path = str_skip(call->request->path, call->request->path.len > 0);
    struct str rest = path;
    struct str first = str_split(&rest, '/');
    call->version = known_version(first);
    if (!call->version) {
        call->version = OLDEST_VERSION;
        if (looks_like_version(first)) {
            fail_path(call, rest.len ? rest : path);
            return false;
        }
        rest = path;
    }
    call->object = str_split(&rest, '/');
    if (str_eq(call->object, STR("oauth"))) { /* the one name of two parts */
        call->object = STR("oauth/access_token");
        struct str second = str_split(&rest, '/');
        if (!str_eq(second, STR("access_token"))) {
            fail_path(call, second);
            return false;
        }
    }
    call->edge = str_split(&rest, '/');
    if (rest.len) {
        fail_path(call, rest);
        return false;
    }
    return true;
}

static void run_edge(struct sim_call *call)
{
    bool known = false;
    const struct edge *edge = find_edge(call, &known);
    if (edge)
        edge->handle(call);
    else if (known || call->edge.len == 0)
        sim_call_fail_object(call);
    else
        fail_path(call, call->edge);
}

static void run_node(struct sim_call *call)
{
    if (!call->node || !sim_auth_sees(call, call->account)) {
        call->account = NULL; /* what it may not see, it learns nothing about */
        sim_call_fail_object(call);
    } else if (!call->token->management) {
        sim_call_fail(call, SIM_FAIL_PERMISSION,
                      "(#200) You do not have permission to access this field: the token lacks "
                      "whatsapp_business_management");
    } else if (call->challenge.known || sim_usage_count(call)) { /* counted the first time */
        run_edge(call);
    }
}

static void run_app(struct sim_call *call)
{
    if (!str_eq(call->edge, STR("subscriptions")))
        fail_path(call, call->edge);
    else if (call->token)
        sim_call_fail(call, SIM_FAIL_APP_TOKEN,
                      "(#15) This method must be called with an app access_token.");
    else if (call->request->method == HTTP_GET)
        sim_app_subscriptions_list(call);
    else if (call->request->method == HTTP_POST)
        sim_app_subscriptions_create(call);
    else if (call->request->method == HTTP_DELETE)
        sim_app_subscriptions_delete(call);
    else
        sim_call_fail_object(call);
}

static void run(struct sim_call *call)
{
    struct error error;
    error_init(&error, call->arena);
    struct http_request *r = call->request;
    struct str type = http_header_get(r, STR("content-type"), NULL);
    if (!split_path(call))
        return;
    if (sim_params_read(&call->params, r->query, type, r->body, call->arena, &error) != ERR_OK) {
        sim_call_fail(call, SIM_FAIL_PARAMETER, "%.*s", STR_FMT(error.message));
        return;
    }
    if (call->fault && call->fault->kind == SIM_FAULT_STATUS_5XX) {
        sim_call_fail(call, SIM_FAIL_TRANSIENT,
                      "An unexpected error has occurred. Please retry your request later.");
        call->status = (int)call->fault->status;
        return;
    }
    if (str_eq(call->object, STR("oauth/access_token")) && call->edge.len == 0)
        sim_auth_access_token(call);
    else if (!sim_auth_check(call))
        return;
    else if (str_eq(call->object, STR("debug_token")) && call->edge.len == 0)
        sim_auth_debug_token(call);
    else if (str_eq(call->object, str_from(call->state->app.id)) && call->edge.len)
        run_app(call);
    else
        run_node(call);
}

/* --- the answer --------------------------------------------------------------------------- */

/* In a header only plain characters may stand: all others become '?'. */
static struct str plain(struct str s, struct arena *arena)
{
    char *copy = arena_cstr(arena, s);
    for (size_t i = 0; copy && i < s.len; i++)
        if (copy[i] < ' ' || copy[i] > '~' || copy[i] == '"')
            copy[i] = '?';
    return copy ? str_make(copy, s.len) : STR("");
}

static struct str random_text(struct arena *arena, size_t len)
{
    char *text = arena_alloc(arena, len);
    if (!text)
        return STR("");
    random_name(text, len);
    return str_make(text, len);
}

/* The headers of meta-graph.md §0. */
static void add_headers(struct sim_call *call, struct http_response *response)
{
    struct arena *arena = call->arena;
    http_response_add(response, STR("access-control-allow-origin"), STR("*"));
    http_response_add(response, STR("facebook-api-version"), str_from(call->version));
    http_response_add(response, STR("strict-transport-security"), STR("max-age=15552000; preload"));
    http_response_add(response, STR("pragma"), STR("no-cache"));
    http_response_add(response, STR("cache-control"),
                      STR("private, no-cache, no-store, must-revalidate"));
    http_response_add(response, STR("expires"), STR("Sat, 01 Jan 2000 00:00:00 GMT"));
    http_response_add(response, STR("vary"), STR("Origin"));
    http_response_add(response, STR("x-fb-request-id"), random_text(arena, 22));
    http_response_add(response, STR("x-fb-trace-id"), random_text(arena, 11));
    http_response_add(response, STR("x-fb-rev"), STR("1000000000"));
    http_response_add(response, STR("x-fb-debug"), random_text(arena, 40));
    http_response_add(response, STR("x-app-usage"), sim_usage_app_header(call));
    struct str usage = sim_usage_account_header(call);
    if (usage.len)
        http_response_add(response, STR("x-business-use-case-usage"), usage);
    if (call->www_authenticate)
        http_response_add(response, STR("www-authenticate"),
                          arena_printf(arena, "OAuth \"Facebook Platform\" \"%s\" \"%.*s\"",
                                       call->www_authenticate,
                                       STR_FMT(plain(call->message, arena))));
}

/* GETs carry an ETag, and are answered 304 to who has that very answer already. */
static void add_etag(struct sim_call *call, struct http_response *response)
{
    if (call->request->method != HTTP_GET || response->status != 200)
        return;
    struct str etag =
        arena_printf(call->arena, "\"%016llx\"", (unsigned long long)str_hash(response->body));
    http_response_add(response, STR("etag"), etag);
    if (!str_eq(http_header_get(call->request, STR("if-none-match"), NULL), etag))
        return;
    response->status = 304;
    response->content_type = STR("");
    response->body = STR("");
}

static int respond(struct sim_call *call)
{
    if (!buf_ok(&call->body))
        sim_call_fail(
            call, SIM_FAIL_TRANSIENT,
            "Please reduce the amount of data you're asking for, then retry your request");
    struct http_response response = {.status = call->status,
                                     .content_type = STR("application/json; charset=UTF-8"),
                                     .body = buf_str(&call->body)};
    if (call->fault && call->fault->kind == SIM_FAULT_HALF_JSON)
        response.body.len /= 2;
    add_headers(call, &response);
    add_etag(call, &response);
    http_respond(call->request, &response);
    return response.status;
}

/* --- one request, delayed or not ---------------------------------------------------------- */

struct sim_delay {
    struct list link;
    uv_timer_t timer;
    struct sim *sim;
    struct http_request *request;
    struct sim_fault *fault;
};

static void note(struct sim *sim, const char *method, struct str path, struct str query, int status,
                 int64_t begun_us)
{
    sim_journal_add(&sim->journal, method, path, query, status);
    if (!sim->quiet)
        log_event(LOG_INFO, "graph_request", LOG_CSTR("method", method), LOG_STR("path", path),
                  LOG_INT("status", status), LOG_INT("us", clock_monotonic_us() - begun_us));
}

/* What the path names, for faults of one account and for the handler. */
static void find_node(struct sim_call *call)
{
    call->node = sim_state_find(call->state, call->object);
    call->account = call->node ? call->node->account : NULL;
}

static struct str first_id(struct str path)
{
    struct str rest = str_skip(path, path.len > 0);
    struct str first = str_split(&rest, '/');
    return looks_like_version(first) ? str_split(&rest, '/') : first;
}

/* A request that waits for a callback to answer its challenge. */
struct sim_parked {
    struct sim *sim;
    struct http_request *request;
    struct sim_fault *fault;
};

static void on_challenged(void *arg, struct str why);

static void park(struct sim_call *call)
{
    struct sim_parked *parked = xcalloc(1, sizeof(*parked));
    parked->sim = call->sim;
    parked->request = call->request;
    parked->fault = call->fault;
    sim_verify(call->sim->verifier, call->challenge.url, call->challenge.verify_token,
               on_challenged, parked);
}

/* Answers, which ends the request's life, or leaves that for later. `why` is how a challenge went
 * that it waited for; {NULL,0} when it has not waited. */
static void answer(struct sim *sim, struct http_request *request, struct sim_fault *fault,
                   struct str why)
{
    struct arena memory; /* of what is noted: the request's own goes with it */
    arena_init(&memory, REQUEST_ARENA_MAX);
    const char *method = http_method_name(request->method);
    struct str path = arena_dup(&memory, request->path);
    struct str query = arena_dup(&memory, request->query);
    int64_t begun_us = request->begun_us;
    struct sim_call call = {.sim = sim,
                            .state = sim->state,
                            .request = request,
                            .arena = &request->arena,
                            .version = OLDEST_VERSION,
                            .fault = fault,
                            .status = 200,
                            .challenge = {.known = why.ptr != NULL, .why = why}};
    buf_init(&call.body, HTTP_OUT_MAX);
    json_writer_init(&call.json, &call.body);
    call.object = first_id(request->path);
    find_node(&call);
    int status = fault ? sim_fault_replace(&call) : -1;
    if (status < 0)
        run(&call);
    if (call.challenge.wanted) {
        park(&call);
    } else {
        if (status < 0)
            status = respond(&call);
        sim_fault_free(fault);
        note(sim, method, path, query, status, begun_us);
    }
    buf_release(&call.body);
    arena_release(&memory);
}

static void on_challenged(void *arg, struct str why)
{
    struct sim_parked *parked = arg;
    answer(parked->sim, parked->request, parked->fault, why);
    free(parked);
}

static void free_delay(uv_handle_t *handle)
{
    free(CONTAINER_OF(handle, struct sim_delay, timer));
}

static void on_delay_over(uv_timer_t *timer)
{
    struct sim_delay *delay = CONTAINER_OF(timer, struct sim_delay, timer);
    list_remove(&delay->link);
    answer(delay->sim, delay->request, delay->fault, (struct str){NULL, 0});
    uv_close((uv_handle_t *)timer, free_delay);
}

static void delay_answer(struct sim *sim, struct http_request *request, struct sim_fault *fault)
{
    struct sim_delay *delay = xcalloc(1, sizeof(*delay));
    delay->sim = sim;
    delay->request = request;
    delay->fault = fault;
    list_add(&sim->delayed, &delay->link);
    uv_timer_init(&sim->loop, &delay->timer);
    uv_timer_start(&delay->timer, on_delay_over, (uint64_t)fault->ms, 0);
}

void sim_graph_handle(struct sim *sim, struct http_request *request)
{
    struct sim_node *node = sim_state_find(sim->state, first_id(request->path));
    struct str account = node ? sim_node_id(&node->account->node) : STR("");
    struct sim_fault *fault = sim_fault_strike(
        sim->state, str_from(http_method_name(request->method)), request->path, account);
    if (fault && fault->ms > 0 && !sim->stopping)
        delay_answer(sim, request, fault);
    else
        answer(sim, request, fault, (struct str){NULL, 0});
}

void sim_graph_stop(struct sim *sim)
{
    for (struct list *it; (it = list_take(&sim->delayed));) {
        struct sim_delay *delay = CONTAINER_OF(it, struct sim_delay, link);
        http_cut(delay->request, STR(""));
        sim_fault_free(delay->fault);
        uv_close((uv_handle_t *)&delay->timer, free_delay);
    }
}
