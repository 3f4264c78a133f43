#include "gate/plan.h"
#include "base/limits.h"
#include "base/nearest.h"
#include "json/reader.h"
#include "json/writer.h"

size_t endpoints_find(const struct endpoints *e, struct str name)
{
    size_t i = 0;
    while (i < e->n && !str_eq(e->list[i].name, name))
        i++;
    return i;
}

/* --- reading ------------------------------------------------------------------------------ */

struct reading {
    const struct endpoints *endpoints;
    struct limit *limits;
    struct error *error;
    size_t wrong;
};

/* False when there are enough complaints: nobody reads more. */
static bool complain(struct reading *r, struct str member, const char *problem, const char *nearest)
{
    if (++r->wrong > JSON_COMPLAINTS_MAX)
        return false;
    error_detail(r->error, member.ptr, nearest ? "%s; did you mean '%s'?" : "%s", problem, nearest);
    return true;
}

static const char *nearest_endpoint(const struct endpoints *e, struct str name)
{
    struct nearest nearest;
    nearest_init(&nearest, name);
    for (size_t i = 0; i < e->n; i++)
        nearest_offer(&nearest, e->list[i].name.ptr);
    return nearest.best;
}

static bool read_limit(struct reading *r, struct str name, struct json value)
{
    size_t i = endpoints_find(r->endpoints, name);
    if (i == r->endpoints->n)
        return complain(r, name, "is no endpoint", nearest_endpoint(r->endpoints, name));
    if (!json_is_str(value) || !limit_parse(json_as_str(value, STR("")), &r->limits[i]))
        return complain(r, name, "must be " LIMIT_FORM, NULL);
    return true;
}

static void read_members(struct reading *r, struct json plan)
{
    json_for_each_member (key, value, plan) {
        struct nearest nearest;
        if (str_eq(key, STR("limits")) && json_is_object(value))
            continue;
        nearest_init(&nearest, key);
        nearest_offer(&nearest, "limits");
        bool is_limits = str_eq(key, STR("limits"));
        if (!complain(r, key, is_limits ? "must be an object" : "unknown field",
                      is_limits ? NULL : nearest.best))
            return;
    }
    json_for_each_member (name, limit, json_get(plan, "limits")) {
        if (!read_limit(r, name, limit))
            return;
    }
}

enum err plan_parse(struct str json, const struct endpoints *e, struct limit *ret_limits,
                    struct error *error)
{
    struct reading r = {e, ret_limits, error, 0};
    struct json plan;
    for (size_t i = 0; i < e->n; i++)
        ret_limits[i] = e->list[i].limit;
    if (json.len == 0)
        return ERR_OK;
    if (json.len > PLAN_MAX)
        return error_set(error, ERR_TOO_LARGE, "A plan has at most %d bytes", PLAN_MAX);
    enum err err = json_parse(json, error->arena, &plan, error);
    if (err)
        return err;
    if (!json_is_object(plan))
        return error_set(error, ERR_INVALID_JSON, "A plan is one JSON object: {\"limits\": {...}}");
    if (!json_present(json_get(plan, "limits")))
        complain(&r, STR("limits"), "is required", NULL);
    read_members(&r, plan);
    return r.wrong ? error_set(error, ERR_VALIDATION, "The plan is not valid") : ERR_OK;
}

/* --- the example -------------------------------------------------------------------------- */

struct str plan_example(const struct endpoints *e, struct arena *arena)
{
    _cleanup_(buf_release)
    struct buf text;
    struct json_writer w;
    buf_init(&text, PLAN_MAX);
    json_writer_init(&w, &text);
    json_open(&w, '{');
    json_key(&w, "limits");
    json_open(&w, '{');
    for (size_t i = 0; i < e->n; i++) {
        char limit[LIMIT_TEXT_MAX];
        limit_format(&e->list[i].limit, limit);
        json_key_str(&w, e->list[i].name);
        json_cstr(&w, limit);
    }
    json_close(&w, '}');
    json_close(&w, '}');
    return buf_ok(&text) ? json_pretty(buf_str(&text), arena) : (struct str){NULL, 0};
}
