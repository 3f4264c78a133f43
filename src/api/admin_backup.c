/* /admin/backup and /admin/restore: the server writes and reads the files, as its own user. */
#include "api/admin.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "base/log.h"
#include "model/backup.h"

struct backup_input {
    const char *folder;
    const char *key_file; /* of a restore; NULL: none */
    bool without_key;     /* of a backup */
};

/* The commands make their paths absolute: the server's current folder is another one. */
static const char *read_path(struct call *call, struct body *b, const char *key, bool required)
{
    struct str path = body_text(b, key, 1, BACKUP_PATH_MAX, required);
    if (path.len && path.ptr[0] != '/')
        body_complain(b, key, "must be an absolute path");
    if (path.len && str_find(path, '\0') < path.len)
        body_complain(b, key, "must not hold a NUL");
    return path.len ? arena_cstr(call->arena, path) : NULL;
}

/* What both have: a folder. */
static enum err begin(struct call *call, struct body *b, struct backup_input **ret)
{
    struct backup_input *in = ARENA_NEW(call->arena, struct backup_input);
    call->input = in;
    enum err e = in ? body_begin(b, call->request->body, call->arena, &call->error) : ERR_NO_MEMORY;
    if (e)
        return e;
    in->folder = read_path(call, b, "folder", true);
    *ret = in;
    return ERR_OK;
}

enum err backup_check(struct call *call)
{
    struct backup_input *in;
    struct body b;
    enum err e = begin(call, &b, &in);
    if (e)
        return e;
    in->without_key = body_bool(&b, "without_key", false);
    return body_end(&b);
}

static bool may_go_on(void *arg)
{
    struct call *call = arg;
    return !atomic_load(&call->api->ending);
}

enum err backup_run(struct call *call)
{
    const struct api_shared *shared = call->api->shared;
    const struct backup_input *in = call->input;
    const struct backup_options options = {
        .store = shared->store,
        .keyring = shared->keyring,
        .folder = in->folder,
        .without_key = in->without_key,
        .go_on = may_go_on,
        .arg = call,
    };
    struct backup backup;
    enum err e = admin_take_folder(call);
    if (e)
        return e;
    e = backup_write(&options, &backup, &call->error);
    admin_leave_folder(call);
    if (e)
        return admin_answer_error(call, e);
    call_begin_message(call, "Backup written successfully");
    backup_write_json(&call->out, &backup);
    call_end(call);
    return ERR_OK;
}

/* --- restoring ---------------------------------------------------------------------------- */

enum err restore_check(struct call *call)
{
    struct backup_input *in;
    struct body b;
    enum err e = begin(call, &b, &in);
    if (e)
        return e;
    in->key_file = read_path(call, &b, "key_file", false);
    return body_end(&b);
}

/* Calls that are under way name records by their ids, and in another installation the same ids are
 * other people's. Nothing is under way where nobody listens, here or at another replica. */
static enum err check_installation(struct call *call, const char *folder)
{
    const struct api_shared *shared = call->api->shared;
    struct backup backup;
    int64_t made_at;
    enum err e = backup_read(folder, &backup, &call->error);
    if (!e)
        e = backup_made_at(shared->store, &made_at, &call->error);
    bool served = shared->listen || store_replicas(shared->store) > 1;
    if (!e && served && backup.made_at != made_at)
        e = error_set(&call->error, ERR_CONFLICT,
                      "The backup is of another installation than %s: stop the server and run the "
                      "same command again",
                      shared->listen ? "this running server's"
                                     : "that of another server, which uses this database too");
    return e;
}

/* Who may sign, and the linked accounts, are those of the backup now. */
static enum err reload_all(struct call *call)
{
    const struct api_shared *shared = call->api->shared;
    struct store_reader *reader;
    enum err e = store_reader_open(shared->store, &reader, &call->error);
    if (!e) {
        e = directory_reload(shared->directory, reader);
        store_reader_close(reader);
    }
    jobs_reload(shared->jobs);
    return e ? error_set(&call->error, e,
                         "The backup is restored, but not in force yet: restart the server")
             : ERR_OK;
}

static enum err replace(struct call *call, const char *prepared, const char *safety,
                        struct backup *ret)
{
    const struct api_shared *shared = call->api->shared;
    const struct backup_input *in = call->input;
    struct keyring keys = {0};
    const struct restore_options options = {
        .folder = in->folder, .key_path = in->key_file, .keyring = shared->keyring, .to = prepared};
    enum err e = backup_prepare(&options, ret, &keys, &call->error);
    keyring_release(&keys);
    if (!e)
        e = backup_replace(shared->store, shared->keyring, prepared, safety, &call->error);
    store_discard(prepared);
    if (e)
        return e;
    log_event(LOG_INFO, "restored", LOG_CSTR("backup", in->folder), LOG_CSTR("before", safety));
    return reload_all(call);
}

/* Without colons, which scp and tar take for the end of a host's name. */
static const char *safety_path(struct call *call)
{
    char now[CLOCK_ISO_MS_LEN], name[CLOCK_ISO_MS_LEN];
    int n = 0;
    clock_format_iso_ms(clock_now_ms(), now);
    for (size_t i = 0; i < sizeof(now); i++)
        if (now[i] != ':')
            name[n++] = now[i];
    struct str path =
        arena_printf(call->arena, "%s/before-restore-%.*s", call->api->shared->data, n, name);
    return path.ptr ? arena_cstr(call->arena, path) : NULL;
}

enum err restore_run(struct call *call)
{
    const struct backup_input *in = call->input;
    const char *safety = safety_path(call);
    struct str prepared = arena_printf(call->arena, "%s/" RESTORE_NAME, call->api->shared->data);
    const char *path = prepared.ptr ? arena_cstr(call->arena, prepared) : NULL;
    struct backup backup;
    if (!safety || !path)
        return ERR_NO_MEMORY;
    enum err e = admin_take_folder(call);
    if (e)
        return e;
    e = check_installation(call, in->folder);
    if (!e)
        e = replace(call, path, safety, &backup);
    admin_leave_folder(call);
    if (e)
        return admin_answer_error(call, e);
    struct json_writer *w = &call->out;
    call_begin_message(call, "Backup restored successfully");
    json_open(w, '{');
    json_key(w, "backup");
    backup_write_json(w, &backup);
    json_member_cstr(w, "before", safety);
    json_close(w, '}');
    call_end(call);
    return ERR_OK;
}
