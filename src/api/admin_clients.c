/* /admin/workspaces/{domain}/clients */
#include "api/admin.h"
#include "api/admin_permissions.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "base/random.h"
#include "model/client.h"

#define CLIENT_ID_RANDOM  20 /* characters of [a-z0-9]: 103 bits */
#define HMAC_SECRET_BYTES 32

struct listing {
    struct json_writer *w;
    struct arena scratch; /* what the permissions of one are parsed in */
};

static enum err list_one(void *arg, const struct client *c)
{
    struct listing *listing = arg;
    struct json_writer *w = listing->w;
    json_open(w, '{');
    json_member_str(w, "client_id", c->client_id);
    json_member_str(w, "name", c->name);
    json_member_bool(w, "enabled", c->disabled_at == 0);
    permissions_write(w, c->permissions, &listing->scratch);
    json_member_time(w, "previous_valid_until",
                     c->previous_until > clock_now_ms() ? c->previous_until : 0);
    json_member_time(w, "created_at", c->created_at);
    json_member_time(w, "updated_at", c->updated_at);
    json_close(w, '}');
    return ERR_OK;
}

enum err clients_list(struct call *call)
{
    struct workspace ws;
    enum err e = admin_find_workspace(call, &ws);
    if (e)
        return e;
    struct listing listing = {.w = &call->out};
    arena_init(&listing.scratch, PERMISSIONS_ARENA_MAX);
    call_begin(call);
    json_open(&call->out, '[');
    e = client_each_of_workspace(call->tx, ws.id, list_one, &listing);
    json_close(&call->out, ']');
    call_end(call);
    arena_release(&listing.scratch);
    return e;
}

struct client_input {
    struct str name;
    struct str client_id;
    struct str secret; /* hex, in the arena */
    int enabled;       /* 1, 0, -1: as it is */
    struct permissions_change permissions;
    int64_t overlap_s;
};

static struct client_input *new_input(struct call *call)
{
    struct client_input *in = ARENA_NEW(call->arena, struct client_input);
    call->input = in;
    return in;
}

/* A new secret: 64 hex digits of 32 random bytes. */
static bool make_secret(struct call *call, struct client_input *in)
{
    unsigned char bytes[HMAC_SECRET_BYTES];
    char *text = arena_alloc(call->arena, 2 * HMAC_SECRET_BYTES);
    if (!text)
        return false;
    random_bytes(bytes, sizeof(bytes));
    hex_encode(bytes, sizeof(bytes), text);
    wipe(bytes, sizeof(bytes));
    in->secret = str_make(text, 2 * HMAC_SECRET_BYTES);
    return true;
}

static bool make_client_id(struct call *call, struct client_input *in)
{
    char *text = arena_alloc(call->arena, 3 + CLIENT_ID_RANDOM);
    if (!text)
        return false;
    memcpy(text, "cl_", 3);
    random_name(text + 3, CLIENT_ID_RANDOM);
    in->client_id = str_make(text, 3 + CLIENT_ID_RANDOM);
    return true;
}

static struct str seal_secret(struct call *call, const struct client_input *in)
{
    struct str context = arena_printf(call->arena, CLIENT_SEAL_CONTEXT, STR_FMT(in->client_id));
    return context.ptr ? seal(call->api->shared->keyring, context, in->secret, call->arena)
                       : (struct str){NULL, 0};
}

/* The only answer that ever holds a secret. */
static void answer_secret(struct call *call, const struct client_input *in, const char *message,
                          int64_t previous_until)
{
    struct json_writer *w = &call->out;
    call_begin_message(call, message);
    json_open(w, '{');
    json_member_str(w, "client_id", in->client_id);
    if (in->name.len)
        json_member_str(w, "name", in->name);
    json_member_str(w, "domain", call->caller.domain);
    json_member_str(w, "hmac_secret", in->secret);
    json_member_time(w, "previous_valid_until", previous_until);
    json_close(w, '}');
    call_end(call);
    call->changes_directory = true;
}

enum err clients_create_check(struct call *call)
{
    struct client_input *in = new_input(call);
    struct body b;
    if (!in || !make_secret(call, in) || !make_client_id(call, in))
        return ERR_NO_MEMORY;
    enum err e = body_begin(&b, call->request->body, call->arena, &call->error);
    if (e)
        return e;
    in->name = call_read_name(&b, "name", true);
    permissions_change_read(&b, call, &in->permissions);
    return body_end(&b);
}

static enum err change_permissions(struct call *call, const struct workspace *ws,
                                   const struct client_input *in)
{
    struct client before;
    struct str after;
    if (permissions_change_is_empty(&in->permissions))
        return ERR_OK;
    enum err e = client_find(call->tx, ws->id, in->client_id, call->arena, &before);
    if (!e)
        e = permissions_change_apply(call, &in->permissions, before.permissions, &after);
    if (!e)
        e = client_set_permissions(call->tx, ws->id, in->client_id, after, clock_now_ms());
    return e;
}

enum err clients_create_apply(struct call *call)
{
    const struct client_input *in = call->input;
    struct workspace ws;
    enum err e = admin_find_workspace(call, &ws);
    if (e)
        return e;
    struct str sealed = seal_secret(call, in);
    if (!sealed.ptr)
        return ERR_NO_MEMORY;
    e = client_insert(call->tx, ws.id, in->client_id, in->name, sealed, clock_now_ms());
    if (!e)
        e = change_permissions(call, &ws, in);
    if (e)
        return e;
    call->status = 201;
    answer_secret(call, in, "Client created successfully", 0);
    return ERR_OK;
}

static enum err no_such_client(struct call *call, struct str client_id)
{
    struct str shown = http_url_decode(client_id, false, call->arena);
    return error_set(&call->error, ERR_NOT_FOUND, "Client not found: %.*s",
                     STR_FMT(shown.ptr ? shown : client_id));
}

enum err clients_rotate_check(struct call *call)
{
    struct client_input *in = new_input(call);
    struct body b;
    if (!in || !make_secret(call, in))
        return ERR_NO_MEMORY;
    enum err e = body_begin(&b, call->request->body, call->arena, &call->error);
    if (e)
        return e;
    in->client_id = call_param(call, 1);
    in->overlap_s = body_i64(&b, "overlap_seconds", 0, ROTATE_OVERLAP_MAX_S, 0, false);
    return body_end(&b);
}

enum err clients_rotate_apply(struct call *call)
{
    const struct client_input *in = call->input;
    struct workspace ws;
    int64_t now = clock_now_ms();
    int64_t until = in->overlap_s ? now + in->overlap_s * 1000 : 0;
    enum err e = admin_find_workspace(call, &ws);
    if (e)
        return e;
    struct str sealed = seal_secret(call, in);
    if (!sealed.ptr)
        return ERR_NO_MEMORY;
    e = client_rotate(call->tx, ws.id, in->client_id, sealed, until, now);
    if (e)
        return e == ERR_NOT_FOUND ? no_such_client(call, in->client_id) : e;
    answer_secret(call, in, "Secret rotated successfully", until);
    return ERR_OK;
}

enum err clients_update_check(struct call *call)
{
    struct client_input *in = new_input(call);
    struct body b;
    if (!in)
        return ERR_NO_MEMORY;
    enum err e = body_begin(&b, call->request->body, call->arena, &call->error);
    if (e)
        return e;
    in->client_id = call_param(call, 1);
    in->enabled = body_switch(&b, "enabled");
    permissions_change_read(&b, call, &in->permissions);
    return body_end(&b);
}

static const char *describe_update(const struct client_input *in)
{
    if (in->enabled < 0)
        return "Client updated successfully";
    return in->enabled ? "Client enabled" : "Client disabled";
}

/* One row of the list. */
static enum err answer_client(struct call *call, int64_t workspace_id,
                              const struct client_input *in)
{
    struct client c;
    enum err e = client_find(call->tx, workspace_id, in->client_id, call->arena, &c);
    if (e)
        return e;
    struct listing listing = {.w = &call->out};
    arena_init(&listing.scratch, PERMISSIONS_ARENA_MAX);
    call_begin_message(call, describe_update(in));
    e = list_one(&listing, &c);
    call_end(call);
    arena_release(&listing.scratch);
    return e;
}

enum err clients_update_apply(struct call *call)
{
    const struct client_input *in = call->input;
    struct workspace ws;
    enum err e = admin_find_workspace(call, &ws);
    if (!e && in->enabled >= 0)
        e = client_set_enabled(call->tx, ws.id, in->client_id, in->enabled, clock_now_ms());
    if (!e)
        e = change_permissions(call, &ws, in);
    if (!e)
        e = answer_client(call, ws.id, in);
    if (e)
        return e == ERR_NOT_FOUND && !call->error.err ? no_such_client(call, in->client_id) : e;
    call->changes_directory = true;
    return ERR_OK;
}
