#include "gate/permissions.h"
#include "base/limits.h"
#include "json/reader.h"
#include "json/writer.h"

const struct permissions permissions_everything = {.all_resources = true, .all_numbers = true};

/* --- reading ------------------------------------------------------------------------------ */

static bool read_access(struct json value, struct permissions *p)
{
    p->read_only = str_eq(json_as_str(value, STR("")), STR("read"));
    return p->read_only;
}

static bool read_resources(struct json value, struct arena *arena, struct permissions *p)
{
    size_t n = json_len(value);
    if (!json_is_array(value) || n > PERMISSIONS_RESOURCES_MAX)
        return false;
    p->all_resources = false;
    p->resources = arena_calloc(arena, n, sizeof(*p->resources));
    if (!p->resources)
        return false;
    json_for_each (item, value) {
        if (!json_is_str(item))
            return false;
        p->resources[p->n_resources++] = json_as_str(item, STR(""));
    }
    return true;
}

static bool read_numbers(struct json value, struct arena *arena, struct permissions *p)
{
    size_t n = json_len(value);
    if (!json_is_array(value) || n > PERMISSIONS_NUMBERS_MAX)
        return false;
    p->all_numbers = false;
    p->numbers = arena_calloc(arena, n, sizeof(*p->numbers));
    if (!p->numbers)
        return false;
    json_for_each (item, value) {
        if (!json_to_i64(item, &p->numbers[p->n_numbers++]))
            return false;
    }
    return true;
}

static bool read_member(struct str key, struct json value, struct arena *arena,
                        struct permissions *p)
{
    if (str_eq(key, STR("access")))
        return read_access(value, p);
    if (str_eq(key, STR("resources")))
        return read_resources(value, arena, p);
    return str_eq(key, STR("numbers")) && read_numbers(value, arena, p);
}

enum err permissions_parse(struct str json, struct arena *arena, struct permissions *ret,
                           struct error *error)
{
    struct permissions p = permissions_everything;
    struct json object = {NULL};
    if (json.len) {
        enum err e = json_parse(json, arena, &object, error);
        if (e)
            return e;
        if (!json_is_object(object))
            return error_set(error, ERR_VALIDATION, "Permissions are one JSON object");
    }
    json_for_each_member (key, value, object) {
        if (!read_member(key, value, arena, &p))
            return error_set(error, ERR_VALIDATION, "The permissions' member %.*s is not valid",
                             STR_FMT(key));
    }
    *ret = p;
    return ERR_OK;
}

/* --- writing ------------------------------------------------------------------------------ */

static bool is_everything(const struct permissions *p)
{
    return !p->read_only && p->all_resources && p->all_numbers;
}

static void write_members(struct json_writer *w, const struct permissions *p)
{
    if (p->read_only)
        json_member_cstr(w, "access", "read");
    if (!p->all_resources) {
        json_key(w, "resources");
        json_open(w, '[');
        for (size_t i = 0; i < p->n_resources; i++)
            json_str(w, p->resources[i]);
        json_close(w, ']');
    }
    if (!p->all_numbers) {
        json_key(w, "numbers");
        json_open(w, '[');
        for (size_t i = 0; i < p->n_numbers; i++)
            json_i64(w, p->numbers[i]);
        json_close(w, ']');
    }
}

struct str permissions_format(const struct permissions *p, struct arena *arena)
{
    if (is_everything(p))
        return STR("");
    _cleanup_(buf_release)
    struct buf text;
    struct json_writer w;
    buf_init(&text, PERMISSIONS_ARENA_MAX);
    json_writer_init(&w, &text);
    json_open(&w, '{');
    write_members(&w, p);
    json_close(&w, '}');
    return buf_ok(&text) ? arena_dup(arena, buf_str(&text)) : (struct str){NULL, 0};
}

const struct permissions *permissions_copy(const struct permissions *p, struct arena *arena)
{
    if (is_everything(p))
        return &permissions_everything;
    struct permissions *copy = ARENA_NEW(arena, struct permissions);
    if (!copy)
        return NULL;
    *copy = *p;
    copy->resources = arena_calloc(arena, p->n_resources, sizeof(*p->resources));
    copy->numbers = arena_calloc(arena, p->n_numbers, sizeof(*p->numbers));
    if (!copy->resources || !copy->numbers)
        return NULL;
    for (size_t i = 0; i < p->n_resources; i++) {
        copy->resources[i] = arena_dup(arena, p->resources[i]);
        if (!copy->resources[i].ptr)
            return NULL;
    }
    for (size_t i = 0; i < p->n_numbers; i++)
        copy->numbers[i] = p->numbers[i];
    return copy;
}

/* --- asking ------------------------------------------------------------------------------- */

static bool has_resource(const struct permissions *p, struct str resource)
{
    for (size_t i = 0; i < p->n_resources; i++)
        if (str_eq(p->resources[i], resource))
            return true;
    return p->all_resources;
}

enum err permissions_check(const struct permissions *p, bool writes, struct str resource,
                           struct error *error)
{
    if (writes && p->read_only)
        return error_set(error, ERR_PERMISSION_DENIED,
                         "This client may only read: it lacks the permission to change anything");
    if (!has_resource(p, resource))
        return error_set(error, ERR_PERMISSION_DENIED,
                         "This client lacks the permission for the resource %.*s",
                         STR_FMT(resource));
    return ERR_OK;
}

bool permissions_have_number(const struct permissions *p, int64_t number_id)
{
    for (size_t i = 0; i < p->n_numbers; i++)
        if (p->numbers[i] == number_id)
            return true;
    return p->all_numbers;
}
