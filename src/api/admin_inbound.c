/* /admin/inbound: what Meta sent. */
#include "api/admin.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "crypto/hex.h"
#include "inbound/inbound.h"

static void write_members(struct json_writer *w, const struct inbound *in)
{
    char digest[2 * SHA256_LEN];
    struct str hex = STR("");
    if (in->digest.len == SHA256_LEN) {
        hex_encode((const unsigned char *)in->digest.ptr, SHA256_LEN, digest);
        hex = str_make(digest, sizeof(digest));
    }
    json_member_i64(w, "id", in->id);
    json_member_str(w, "state", in->state);
    json_member_i64(w, "changes", in->changes);
    json_member_i64(w, "unapplied", in->unapplied);
    json_key(w, "reasons");
    json_raw(w, in->reasons.len ? in->reasons : STR("[]"));
    json_member_opt(w, "app_id", in->app_id);
    json_member_opt(w, "workspace", in->workspace_domain);
    json_member_i64(w, "bytes", in->size);
    json_member_str(w, "sha256", hex);
    json_member_i64(w, "arrivals", in->arrivals);
    json_member_time(w, "received_at", in->received_at);
    json_member_time(w, "arrived_at", in->arrived_at);
}

static enum err list_one(void *arg, const struct inbound *in)
{
    json_open(arg, '{');
    write_members(arg, in);
    json_close(arg, '}');
    return ERR_OK;
}

static enum err read_state(struct call *call, struct str *ret)
{
    enum err e = call_query(call, "state", ret);
    if (e || !ret->len || str_eq(*ret, STR(INBOUND_APPLIED)) || str_eq(*ret, STR(INBOUND_KEPT)))
        return e;
    return call_query_wrong(call, "state", "may be applied or kept");
}

enum err inbound_list(struct call *call)
{
    struct str state;
    struct older older;
    enum err wrong = read_state(call, &state);
    enum err e = call_older(call, OLDER_LIMIT_MAX, &older);
    if (wrong || e)
        return wrong ? wrong : e;
    call_begin(call);
    json_open(&call->out, '[');
    e = inbound_each(call->tx, state, older.before, older.limit, list_one, &call->out);
    json_close(&call->out, ']');
    call_end(call);
    return e;
}

/* The body as JSON where it is strictly some (no key twice), else as text, where it is some; else,
 * and where the query asks for it, byte for byte. */
static enum err write_body(struct call *call, const struct inbound *in, struct arena *arena,
                           bool bytes)
{
    struct json json;
    struct error error;
    struct json_writer *w = &call->out;
    error_init(&error, arena);
    json_key(w, "body");
    if (!bytes && json_parse(in->body, arena, &json, &error) == ERR_OK)
        json_raw(w, in->body);
    else if (!bytes && str_is_utf8(in->body))
        json_str(w, in->body);
    else
        bytes = true;
    if (!bytes)
        return ERR_OK;
    json_null(w);
    return call_member_base64(call, "body_base64", in->body);
}

static enum err read_form(struct call *call, bool *ret_bytes)
{
    struct str form;
    enum err e = call_query(call, "body", &form);
    *ret_bytes = form.len > 0;
    if (e || !form.len || str_eq(form, STR("base64")))
        return e;
    return call_query_wrong(call, "body", "may only be base64");
}

enum err inbound_show(struct call *call)
{
    struct inbound in;
    struct arena arena;
    int64_t id;
    bool bytes;
    enum err e = read_form(call, &bytes);
    if (e)
        return e;
    if (!str_to_i64(call_param(call, 0), &id))
        return error_set(&call->error, ERR_NOT_FOUND, "Delivery not found");
    arena_init(&arena, INBOUND_ARENA_MAX);
    e = inbound_find(call->tx, id, &arena, &in);
    if (!e) {
        call_begin(call);
        json_open(&call->out, '{');
        write_members(&call->out, &in);
        e = write_body(call, &in, &arena, bytes);
        json_close(&call->out, '}');
        call_end(call);
    }
    arena_release(&arena);
    return e == ERR_NOT_FOUND ? error_set(&call->error, e, "Delivery not found") : e;
}

enum err inbound_reapply_apply(struct call *call)
{
    struct inbound_outcome o = {0};
    struct json_writer *w = &call->out;
    int64_t id;
    if (!str_to_i64(call_param(call, 0), &id))
        return error_set(&call->error, ERR_NOT_FOUND, "Delivery not found");
    enum err e = inbound_reapply(call->tx, id, clock_now_ms(), &o);
    if (e)
        return e == ERR_NOT_FOUND ? error_set(&call->error, e, "Delivery not found") : e;
    call_begin_message(call, o.kept ? "Some of it is kept still" : "All of it is applied");
    json_open(w, '{');
    json_member_i64(w, "id", o.id);
    json_member_cstr(w, "state", o.kept ? INBOUND_KEPT : INBOUND_APPLIED);
    json_member_i64(w, "changes", o.changes);
    json_member_i64(w, "unapplied", o.unapplied);
    json_close(w, '}');
    call_end(call);
    return ERR_OK;
}
