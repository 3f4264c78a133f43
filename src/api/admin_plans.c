/* /admin/workspaces/{domain}/plan: how often its clients may call each endpoint. */
#include "api/admin.h"
#include "api/handlers.h"
#include "base/clock.h"

/* A list of all endpoints; the default where the plan says nothing. */
static enum err write_plan(struct call *call, struct str plan)
{
    const struct endpoints *endpoints = call->api->shared->endpoints;
    struct limit *limits = arena_calloc(call->arena, endpoints->n, sizeof(*limits));
    if (!limits)
        return ERR_NO_MEMORY;
    struct json named = {NULL};
    struct error error; /* the directory has logged it: the default holds */
    error_init(&error, call->arena);
    if (plan_parse(plan, endpoints, limits, &error) != ERR_OK)
        plan = STR("");
    if (plan.len && json_parse(plan, call->arena, &named, &error) == ERR_OK)
        named = json_get(named, "limits");
    struct json_writer *w = &call->out;
    json_open(w, '[');
    for (size_t i = 0; i < endpoints->n; i++) {
        const struct endpoint *e = &endpoints->list[i];
        char text[LIMIT_TEXT_MAX];
        limit_format(plan.len ? &limits[i] : &e->limit, text);
        json_open(w, '{');
        json_member_str(w, "endpoint", e->name);
        json_member_cstr(w, "limit", text);
        json_member_cstr(w, "from", json_present(json_get(named, e->name.ptr)) ? "own" : "default");
        json_close(w, '}');
    }
    json_close(w, ']');
    return ERR_OK;
}

enum err plan_get(struct call *call)
{
    struct workspace ws;
    struct str plan;
    enum err e = admin_find_workspace(call, &ws);
    if (!e)
        e = workspace_get_plan(call->tx, ws.id, call->arena, &plan);
    if (e)
        return e;
    call_begin(call);
    e = write_plan(call, plan);
    call_end(call);
    return e;
}

enum err plan_set_check(struct call *call)
{
    const struct endpoints *endpoints = call->api->shared->endpoints;
    struct limit *limits = arena_calloc(call->arena, endpoints->n, sizeof(*limits));
    if (!limits)
        return ERR_NO_MEMORY;
    if (call->request->body.len == 0)
        return error_set(&call->error, ERR_INVALID_JSON,
                         "A plan is one JSON object: {\"limits\": {...}}");
    return plan_parse(call->request->body, endpoints, limits, &call->error);
}

/* In force on every loop before it is answered. */
static enum err set_plan(struct call *call, struct str plan, const char *message)
{
    struct workspace ws;
    enum err e = admin_find_workspace(call, &ws);
    if (!e)
        e = workspace_set_plan(call->tx, ws.id, plan, clock_now_ms());
    if (e)
        return e;
    call->changes_directory = true;
    call_begin_message(call, message);
    e = write_plan(call, plan);
    call_end(call);
    return e;
}

enum err plan_set_apply(struct call *call)
{
    return set_plan(call, call->request->body, "Plan set successfully");
}

enum err plan_reset_apply(struct call *call)
{
    return set_plan(call, STR(""), "The default plan holds again");
}
