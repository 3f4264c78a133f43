/* /admin/key: the sealing key, of which no route tells more than its id. */
#include "api/admin.h"
#include "api/handlers.h"
#include "model/rotation.h"
#include "model/sealed.h"

enum err admin_take_folder(struct call *call)
{
    if (!atomic_exchange(call->api->shared->folder_taken, true))
        return ERR_OK;
    return error_set(&call->error, ERR_CONFLICT,
                     "A backup, a restore or a rotation of the key is under way: try again when it "
                     "is done");
}

void admin_leave_folder(struct call *call)
{
    atomic_store(call->api->shared->folder_taken, false);
}

enum err admin_answer_error(struct call *call, enum err e)
{
    if (e == ERR_IO || e == ERR_CLOSED || e == ERR_BUSY)
        e = ERR_UNAVAILABLE;
    else if (e == ERR_PARSE || e == ERR_LIMIT || e == ERR_AUTHENTICATION)
        e = ERR_VALIDATION;
    if (call->error.message.len)
        call->error.err = e;
    return e;
}

/* --- the key ------------------------------------------------------------------------------ */

static void write_id(struct json_writer *w, const char *name, uint32_t id)
{
    char text[9];
    int n = snprintf(text, sizeof(text), "%08x", id);
    json_member_str(w, name, str_make(text, (size_t)n));
}

static void write_key(struct json_writer *w, uint32_t id, uint32_t current, int64_t values)
{
    json_open(w, '{');
    write_id(w, "id", id);
    json_member_bool(w, "current", id == current);
    json_member_i64(w, "values", values);
    json_close(w, '}');
}

enum err key_show(struct call *call)
{
    const struct api_shared *shared = call->api->shared;
    struct sealed_counts counts;
    enum err e = sealed_count(call->tx, shared->keyring, &counts);
    if (e)
        return e;
    uint32_t current = keyring_current(shared->keyring);
    struct json_writer *w = &call->out;
    call_begin(call);
    json_open(w, '{');
    json_member_cstr(w, "file", shared->key_path);
    json_key(w, "keys");
    json_open(w, '[');
    for (size_t i = 0; i < counts.n; i++)
        write_key(w, counts.keys[i].key_id, current, counts.keys[i].values);
    json_close(w, ']');
    json_member_i64(w, "values", counts.values);
    json_member_i64(w, "unreadable", counts.unreadable);
    json_close(w, '}');
    call_end(call);
    return ERR_OK;
}

enum err key_rotate_check(struct call *call)
{
    return call_expect_no_fields(call);
}

enum err key_rotate(struct call *call)
{
    const struct api_shared *shared = call->api->shared;
    struct rotation rotation;
    enum err e = admin_take_folder(call);
    if (e)
        return e;
    e = rotation_run(shared->store, shared->keyring, shared->key_path, &rotation, &call->error);
    admin_leave_folder(call);
    if (e)
        return admin_answer_error(call, e);
    struct json_writer *w = &call->out;
    call_begin_message(call, "Key rotated successfully");
    json_open(w, '{');
    write_id(w, "id", rotation.new_id);
    write_id(w, "previous_id", rotation.old_id);
    json_member_i64(w, "values", rotation.renewed);
    json_member_i64(w, "unreadable", rotation.unreadable);
    json_member_bool(w, "finished", !rotation.unfinished);
    json_member_str(w, "previous_key_file", rotation.kept);
    json_close(w, '}');
    call_end(call);
    return ERR_OK;
}
