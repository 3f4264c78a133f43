/* /admin/workspaces */
#include "api/admin.h"
#include "api/handlers.h"
#include "base/clock.h"

static void write_workspace(struct json_writer *w, const struct workspace *ws)
{
    json_open(w, '{');
    json_member_i64(w, "id", ws->id);
    json_member_str(w, "name", ws->name);
    json_member_str(w, "domain", ws->domain);
    json_member_bool(w, "enabled", ws->disabled_at == 0);
    json_member_i64(w, "clients", ws->n_clients);
    json_member_i64(w, "numbers", ws->n_numbers);
    json_member_time(w, "created_at", ws->created_at);
    json_member_time(w, "updated_at", ws->updated_at);
    json_close(w, '}');
}

/* The domain as it was typed: an Arabic one comes percent-encoded, and is none. */
static enum err no_such_workspace(struct call *call, struct str domain)
{
    struct str shown = http_url_decode(domain, false, call->arena);
    return error_set(&call->error, ERR_NOT_FOUND, "Workspace not found: %.*s",
                     STR_FMT(shown.ptr ? shown : domain));
}

enum err admin_find_workspace(struct call *call, struct workspace *ret)
{
    struct str domain = call_param(call, 0);
    enum err e = workspace_find(call->tx, domain, call->arena, ret);
    if (e == ERR_NOT_FOUND)
        return no_such_workspace(call, domain);
    if (!e) {
        call->caller.workspace_id = ret->id;
        call->caller.domain = ret->domain;
        call->caller.permissions = &permissions_everything;
    }
    return e;
}

enum err admin_in_workspace(struct call *call, call_fn *handler)
{
    struct workspace ws;
    call->first_param = 0; /* it may have been run before */
    enum err e = admin_find_workspace(call, &ws);
    if (e)
        return e;
    call->first_param = 1;
    return handler(call);
}

static enum err list_one(void *arg, const struct workspace *ws)
{
    write_workspace(arg, ws);
    return ERR_OK;
}

enum err workspaces_list(struct call *call)
{
    call_begin(call);
    json_open(&call->out, '[');
    enum err e = workspace_each(call->tx, list_one, &call->out);
    json_close(&call->out, ']');
    call_end(call);
    return e;
}

struct workspace_input {
    struct str name, domain;
    int enabled; /* 1, 0, -1: as it is */
};

static enum err answer_with(struct call *call, struct str domain, const char *message)
{
    struct workspace ws;
    enum err e = workspace_find(call->tx, domain, call->arena, &ws);
    if (e == ERR_NOT_FOUND)
        return no_such_workspace(call, domain);
    if (e)
        return e;
    call_begin_message(call, message);
    write_workspace(&call->out, &ws);
    call_end(call);
    return ERR_OK;
}

static enum err begin_input(struct call *call, struct body *b, struct workspace_input **ret)
{
    *ret = ARENA_NEW(call->arena, struct workspace_input);
    call->input = *ret;
    if (!*ret)
        return ERR_NO_MEMORY;
    return body_begin(b, call->request->body, call->arena, &call->error);
}

enum err workspaces_create_check(struct call *call)
{
    struct workspace_input *in;
    struct body b;
    enum err e = begin_input(call, &b, &in);
    if (e)
        return e;
    in->name = call_read_name(&b, "name", true);
    in->domain = body_text(&b, "domain", 1, DOMAIN_MAX, true);
    if (in->domain.len && !workspace_domain_is_valid(in->domain))
        body_complain(&b, "domain",
                      "must be a subdomain label: a-z, 0-9 and inner dashes, up to %d", DOMAIN_MAX);
    return body_end(&b);
}

enum err workspaces_create_apply(struct call *call)
{
    const struct workspace_input *in = call->input;
    int64_t id;
    enum err e = workspace_insert(call->tx, in->domain, in->name, clock_now_ms(), &id);
    if (e == ERR_CONFLICT)
        return error_set(&call->error, e, "There is a workspace with the domain %.*s already",
                         STR_FMT(in->domain));
    if (e)
        return e;
    call->status = 201; /* nobody can sign for it before it has a client */
    return answer_with(call, in->domain, "Workspace created successfully");
}

enum err workspaces_update_check(struct call *call)
{
    struct workspace_input *in;
    struct body b;
    enum err e = begin_input(call, &b, &in);
    if (e)
        return e;
    in->domain = call_param(call, 0);
    in->name = call_read_name(&b, "name", false);
    in->enabled = body_switch(&b, "enabled");
    return body_end(&b);
}

enum err workspaces_update_apply(struct call *call)
{
    const struct workspace_input *in = call->input;
    enum err e = workspace_update(call->tx, in->domain, in->name, in->enabled, clock_now_ms());
    if (e && e != ERR_NOT_FOUND)
        return e;
    call->changes_directory = in->enabled >= 0;
    return answer_with(call, in->domain, "Workspace updated successfully");
}
