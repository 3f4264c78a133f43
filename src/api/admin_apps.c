/* /admin/apps: Meta's apps, whose webhooks are taken. */
#include "api/admin.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "model/app.h"

/* Where Meta is to send its webhooks to: behind the server's public address. */
static void write_app(struct json_writer *w, const struct app *a)
{
    json_open(w, '{');
    json_member_str(w, "app_id", a->app_id);
    json_member_str(w, "name", a->name);
    json_member_opt(w, "workspace", a->workspace_domain);
    json_key(w, "callback_path");
    if (a->workspace_domain.len) {
        char path[DOMAIN_MAX + 32];
        int n = snprintf(path, sizeof(path), "/webhooks/meta/%.*s", STR_FMT(a->workspace_domain));
        json_str(w, str_make(path, (size_t)n));
    } else {
        json_cstr(w, "/webhooks/meta");
    }
    json_member_time(w, "previous_valid_until",
                     a->previous_until > clock_now_ms() ? a->previous_until : 0);
    json_member_time(w, "created_at", a->created_at);
    json_member_time(w, "updated_at", a->updated_at);
    json_close(w, '}');
}

static enum err list_one(void *arg, const struct app *a)
{
    write_app(arg, a);
    return ERR_OK;
}

enum err apps_list(struct call *call)
{
    call_begin(call);
    json_open(&call->out, '[');
    enum err e = app_each(call->tx, list_one, &call->out);
    json_close(&call->out, ']');
    call_end(call);
    return e;
}

/* --- input -------------------------------------------------------------------------------- */

struct app_input {
    struct str app_id, name, workspace;
    struct secret secret, token; /* wiped with the call */
    int64_t overlap_s;
};

static void release_input(struct call *call)
{
    struct app_input *in = call->input;
    secret_release(&in->secret);
    secret_release(&in->token);
}

static struct app_input *new_input(struct call *call)
{
    struct app_input *in = ARENA_NEW(call->arena, struct app_input);
    call->input = in;
    if (in)
        call->release = release_input;
    return in;
}

static bool is_visible(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~')
            return false;
    return true;
}

static void read_secret(struct body *b, const char *key, size_t max, bool required,
                        struct secret *ret)
{
    struct str text = body_text(b, key, 1, max, required);
    if (!is_visible(text))
        body_complain(b, key, "holds a blank or a character no such text of Meta's has");
    if (text.len)
        secret_set(ret, text);
}

enum err apps_create_check(struct call *call)
{
    struct app_input *in = new_input(call);
    struct body b;
    if (!in)
        return ERR_NO_MEMORY;
    enum err e = body_begin(&b, call->request->body, call->arena, &call->error);
    if (e)
        return e;
    in->app_id = body_text(&b, "app_id", 1, META_ID_MAX, true);
    if (in->app_id.len && !str_is_digits(in->app_id))
        body_complain(&b, "app_id", "must be Meta's id of the app: digits only");
    in->name = call_read_name(&b, "name", false);
    in->workspace = body_text(&b, "workspace", 1, DOMAIN_MAX, false);
    read_secret(&b, "secret", APP_SECRET_MAX, true, &in->secret);
    read_secret(&b, "verify_token", VERIFY_TOKEN_MAX, true, &in->token);
    return body_end(&b);
}

enum err apps_update_check(struct call *call)
{
    struct app_input *in = new_input(call);
    struct body b;
    if (!in)
        return ERR_NO_MEMORY;
    enum err e = body_begin(&b, call->request->body, call->arena, &call->error);
    if (e)
        return e;
    in->app_id = call_param(call, 0);
    read_secret(&b, "secret", APP_SECRET_MAX, false, &in->secret);
    read_secret(&b, "verify_token", VERIFY_TOKEN_MAX, false, &in->token);
    in->overlap_s = body_i64(&b, "overlap_seconds", 0, ROTATE_OVERLAP_MAX_S, 0, false);
    if (!in->secret.len && !in->token.len)
        body_complain(&b, "secret", "or verify_token must be sent");
    return body_end(&b);
}

/* --- writing ------------------------------------------------------------------------------ */

static struct str seal_one(struct call *call, const char *prefix, struct str app_id,
                           const struct secret *secret)
{
    struct str context = arena_printf(call->arena, "%s%.*s", prefix, STR_FMT(app_id));
    return context.ptr
               ? seal(call->api->shared->keyring, context, secret_reveal(secret), call->arena)
               : (struct str){NULL, 0};
}

static enum err find_workspace(struct call *call, const struct app_input *in, struct app *ret)
{
    struct workspace ws;
    if (!in->workspace.len)
        return ERR_OK;
    enum err e = workspace_find(call->tx, in->workspace, call->arena, &ws);
    if (e == ERR_NOT_FOUND) {
        error_detail(&call->error, "workspace", "there is none of this domain");
        return error_set(&call->error, ERR_VALIDATION, "Workspace not found: %.*s",
                         STR_FMT(in->workspace));
    }
    if (e)
        return e;
    ret->workspace_id = ws.id;
    ret->workspace_domain = ws.domain;
    return ERR_OK;
}

struct counting {
    int64_t workspace_id;
    int64_t all, beside; /* those of the same address */
};

static enum err count_one(void *arg, const struct app *a)
{
    struct counting *c = arg;
    c->all++;
    c->beside += a->workspace_id == c->workspace_id;
    return ERR_OK;
}

/* Each signature may be compared with every one of them. */
static enum err check_room(struct call *call, int64_t workspace_id)
{
    struct counting c = {.workspace_id = workspace_id};
    enum err e = app_each(call->tx, count_one, &c);
    if (e || (c.all < APPS_MAX && c.beside < APPS_AN_ADDRESS_MAX))
        return e;
    return error_set(&call->error, ERR_CONFLICT,
                     "There may be %d apps at one address and %d in all, and no more",
                     APPS_AN_ADDRESS_MAX, APPS_MAX);
}

enum err apps_create_apply(struct call *call)
{
    const struct app_input *in = call->input;
    int64_t now = clock_now_ms();
    struct app a = {.app_id = in->app_id,
                    .name = in->name.len ? in->name : in->app_id,
                    .created_at = now,
                    .updated_at = now};
    enum err e = find_workspace(call, in, &a);
    if (!e)
        e = check_room(call, a.workspace_id);
    if (e)
        return e;
    a.sealed_secret = seal_one(call, APP_SECRET_PREFIX, a.app_id, &in->secret);
    a.sealed_token = seal_one(call, APP_TOKEN_PREFIX, a.app_id, &in->token);
    if (!a.sealed_secret.ptr || !a.sealed_token.ptr)
        return ERR_NO_MEMORY;
    e = app_insert(call->tx, &a);
    if (e == ERR_CONFLICT)
        return error_set(&call->error, e,
                         "The app %.*s is there already: hudhud app rotate gives it another secret",
                         STR_FMT(a.app_id));
    if (e)
        return e;
    call->status = 201;
    call->changes_directory = true;
    call_begin_message(call, "App added successfully");
    write_app(&call->out, &a);
    call_end(call);
    return ERR_OK;
}

static enum err no_such_app(struct call *call, enum err e, struct str app_id)
{
    if (e != ERR_NOT_FOUND)
        return e;
    struct str shown = http_url_decode(app_id, false, call->arena);
    return error_set(&call->error, e, "App not found: %.*s", STR_FMT(shown.ptr ? shown : app_id));
}

struct showing {
    struct call *call;
    struct str app_id;
    bool found;
};

static enum err show_one(void *arg, const struct app *a)
{
    struct showing *s = arg;
    if (!str_eq(a->app_id, s->app_id))
        return ERR_OK;
    s->found = true;
    write_app(&s->call->out, a);
    return ERR_OK;
}

static enum err answer_app(struct call *call, struct str app_id, const char *message)
{
    struct showing s = {call, app_id, false};
    call_begin_message(call, message);
    enum err e = app_each(call->tx, show_one, &s);
    call_end(call);
    return e ? e : s.found ? ERR_OK : ERR_NOT_FOUND;
}

static enum err rotate(struct call *call, const struct app_input *in, int64_t now)
{
    struct str sealed = seal_one(call, APP_SECRET_PREFIX, in->app_id, &in->secret);
    int64_t until = in->overlap_s ? now + in->overlap_s * 1000 : 0;
    return sealed.ptr ? app_rotate(call->tx, in->app_id, sealed, until, now) : ERR_NO_MEMORY;
}

static enum err set_token(struct call *call, const struct app_input *in, int64_t now)
{
    struct str sealed = seal_one(call, APP_TOKEN_PREFIX, in->app_id, &in->token);
    return sealed.ptr ? app_set_token(call->tx, in->app_id, sealed, now) : ERR_NO_MEMORY;
}

enum err apps_update_apply(struct call *call)
{
    const struct app_input *in = call->input;
    int64_t now = clock_now_ms();
    enum err e = in->secret.len ? rotate(call, in, now) : ERR_OK;
    if (!e && in->token.len)
        e = set_token(call, in, now);
    if (!e)
        e = answer_app(call, in->app_id, "App updated successfully");
    call->changes_directory = true;
    return no_such_app(call, e, in->app_id);
}

enum err apps_remove_apply(struct call *call)
{
    struct str app_id = call_param(call, 0);
    enum err e = app_remove(call->tx, app_id);
    if (e)
        return no_such_app(call, e, app_id);
    call->changes_directory = true;
    call_begin_message(call, "App removed: what it sends from now on is refused");
    json_open(&call->out, '{');
    json_member_str(&call->out, "app_id", app_id);
    json_close(&call->out, '}');
    call_end(call);
    return ERR_OK;
}
