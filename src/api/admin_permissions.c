#include "api/admin_permissions.h"
#include "base/nearest.h"
#include "model/number.h"

#define ALL STR("all")

/* --- reading ------------------------------------------------------------------------------ */

static void read_access(struct body *b, struct permissions_change *ret)
{
    struct str access = body_text(b, "access", 1, NAME_MAX_POINTS, false);
    ret->has_access = access.len > 0;
    ret->to.read_only = str_eq(access, STR("read"));
    if (ret->has_access && !ret->to.read_only && !str_eq(access, STR("full")))
        body_complain(b, "access", "must be 'full' or 'read'");
}

/* "waba-numbers" of "GET /waba-numbers/{id}"; empty of "other reads". */
static struct str resource_of(const struct endpoint *e)
{
    struct str rest = str_skip(e->name, MIN(str_find(e->name, '/') + 1, e->name.len));
    return str_split(&rest, '/');
}

static void check_resource(struct body *b, const struct call *call, struct str resource)
{
    const struct endpoints *endpoints = call->api->shared->endpoints;
    struct nearest nearest;
    nearest_init(&nearest, resource);
    for (size_t i = 0; i < endpoints->n; i++) {
        struct str known = resource_of(&endpoints->list[i]);
        char *text = arena_cstr(call->arena, known);
        if (known.len && str_eq(known, resource))
            return;
        if (known.len && text)
            nearest_offer(&nearest, text);
    }
    body_complain(b, "resources",
                  nearest.best ? "'%.*s' is no resource; did you mean '%s'?"
                               : "'%.*s' is no resource: those are the first words of endpoints",
                  STR_FMT(resource), nearest.best);
}

/* True when there is a list to read; *ret_given tells whether there is anything. */
static bool take_list(struct body *b, const char *key, size_t max, bool *ret_given,
                      struct json *ret)
{
    *ret = body_value(b, key);
    *ret_given = json_present(*ret);
    if (!*ret_given || str_eq(json_as_str(*ret, STR("")), ALL))
        return false;
    if (json_is_array(*ret) && json_len(*ret) <= max)
        return true;
    body_complain(b, key, "must be 'all' or a list of at most %zu", max);
    return false;
}

static void read_resources(struct body *b, const struct call *call, struct permissions_change *ret)
{
    struct json list;
    if (!take_list(b, "resources", PERMISSIONS_RESOURCES_MAX, &ret->has_resources, &list))
        return;
    ret->to.all_resources = false;
    ret->to.resources = arena_calloc(call->arena, json_len(list), sizeof(*ret->to.resources));
    if (!ret->to.resources)
        body_complain(b, "resources", "is too long");
    json_for_each (item, list) {
        if (!ret->to.resources)
            return;
        struct str resource = json_as_str(item, STR(""));
        ret->to.resources[ret->to.n_resources++] = resource;
        check_resource(b, call, resource);
    }
}

static void read_numbers(struct body *b, const struct call *call, struct permissions_change *ret)
{
    struct json list;
    if (!take_list(b, "numbers", PERMISSIONS_NUMBERS_MAX, &ret->has_numbers, &list))
        return;
    ret->to.all_numbers = false;
    ret->numbers = arena_calloc(call->arena, json_len(list), sizeof(*ret->numbers));
    if (!ret->numbers)
        body_complain(b, "numbers", "is too long");
    json_for_each (item, list) {
        if (!ret->numbers)
            return;
        struct str id = json_as_id(item, call->arena);
        if (!id.len)
            body_complain(b, "numbers", "must be ids of numbers, ours or Meta's");
        ret->numbers[ret->n_numbers++] = id;
    }
}

void permissions_change_read(struct body *b, const struct call *call,
                             struct permissions_change *ret)
{
    *ret = (struct permissions_change){.to = permissions_everything};
    read_access(b, ret);
    read_resources(b, call, ret);
    read_numbers(b, call, ret);
}

bool permissions_change_is_empty(const struct permissions_change *change)
{
    return !change->has_access && !change->has_resources && !change->has_numbers;
}

/* --- applying ----------------------------------------------------------------------------- */

static enum err find_numbers(struct call *call, const struct permissions_change *change,
                             struct permissions *to)
{
    struct error *error = &call->error;
    to->numbers = arena_calloc(call->arena, change->n_numbers, sizeof(*to->numbers));
    if (!to->numbers)
        return ERR_NO_MEMORY;
    for (to->n_numbers = 0; to->n_numbers < change->n_numbers; to->n_numbers++) {
        struct number n;
        struct str id = change->numbers[to->n_numbers];
        enum err e = number_find(call->tx, call->caller.workspace_id, id, call->arena, &n);
        if (e == ERR_NOT_FOUND) {
            error_detail(error, "numbers", "%.*s is no number of this workspace", STR_FMT(id));
            return error_set(error, ERR_VALIDATION, "1 field is wrong");
        }
        if (e)
            return e;
        to->numbers[to->n_numbers] = n.id;
    }
    return ERR_OK;
}

/* Permissions that cannot be read are replaced as a whole or not at all. */
static enum err parse_before(struct call *call, const struct permissions_change *change,
                             struct str before, struct permissions *ret)
{
    struct error ignored;
    error_init(&ignored, call->arena);
    *ret = permissions_everything;
    if (change->has_access && change->has_resources && change->has_numbers)
        return ERR_OK;
    if (permissions_parse(before, call->arena, ret, &ignored) == ERR_OK)
        return ERR_OK;
    return error_set(&call->error, ERR_CONFLICT,
                     "The client's permissions cannot be read by this version: give all of "
                     "access, resources and numbers anew");
}

enum err permissions_change_apply(struct call *call, const struct permissions_change *change,
                                  struct str before, struct str *ret)
{
    struct permissions p;
    enum err e = parse_before(call, change, before, &p);
    if (e)
        return e;
    if (change->has_access)
        p.read_only = change->to.read_only;
    if (change->has_resources) {
        p.all_resources = change->to.all_resources;
        p.resources = change->to.resources;
        p.n_resources = change->to.n_resources;
    }
    if (change->has_numbers) {
        p.all_numbers = change->to.all_numbers;
        e = find_numbers(call, change, &p);
    }
    if (e)
        return e;
    *ret = permissions_format(&p, call->arena);
    return ret->ptr ? ERR_OK : ERR_NO_MEMORY;
}

/* --- showing ------------------------------------------------------------------------------ */

static void write_lists(struct json_writer *w, const struct permissions *p)
{
    json_key(w, "resources");
    if (p->all_resources) {
        json_str(w, ALL);
    } else {
        json_open(w, '[');
        for (size_t i = 0; i < p->n_resources; i++)
            json_str(w, p->resources[i]);
        json_close(w, ']');
    }
    json_key(w, "numbers");
    if (p->all_numbers) {
        json_str(w, ALL);
    } else {
        json_open(w, '[');
        for (size_t i = 0; i < p->n_numbers; i++)
            json_i64(w, p->numbers[i]);
        json_close(w, ']');
    }
}

void permissions_write(struct json_writer *w, struct str kept, struct arena *scratch)
{
    struct permissions p;
    struct error ignored;
    arena_clear(scratch);
    error_init(&ignored, scratch);
    const char *access = "unreadable"; /* and the gate lets nobody pass */
    if (permissions_parse(kept, scratch, &p, &ignored) == ERR_OK)
        access = p.read_only ? "read" : "full";
    else
        p = (struct permissions){0};
    json_member_cstr(w, "access", access);
    write_lists(w, &p);
}
