#include "sim/params.h"

#include "http/http.h"
#include "json/reader.h"

static enum err add(struct sim_params *params, struct str name, struct str value,
                    struct error *error)
{
    if (!name.ptr || !value.ptr)
        return error_set(error, ERR_BAD_REQUEST, "(#100) A parameter is not valid UTF-8 text");
    if (params->n == SIM_PARAMS_MAX)
        return error_set(error, ERR_BAD_REQUEST, "(#100) Too many parameters");
    params->items[params->n++] = (struct sim_param){name, value};
    return ERR_OK;
}

/* "a=1&b=2", of a query or a form: both are encoded alike here. */
static enum err read_pairs(struct sim_params *params, struct str text, struct arena *arena,
                           struct error *error)
{
    while (text.len) {
        struct str value = str_split(&text, '&');
        struct str name = str_split(&value, '=');
        if (name.len == 0)
            continue;
        enum err e = add(params, http_url_decode(name, true, arena),
                         http_url_decode(value, true, arena), error);
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

static enum err read_json(struct sim_params *params, struct str body, struct arena *arena,
                          struct error *error)
{
    struct json document;
    enum err e = json_parse_loose(body, arena, &document, error);
    if (e != ERR_OK || !json_is_object(document))
        return error_set(error, ERR_BAD_REQUEST, "(#100) The request body is not a JSON object");
    json_for_each_member (key, item, document) {
        struct str value = json_is_str(item) ? json_as_str(item, STR("")) : json_text(item, arena);
        e = add(params, key, value, error);
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

enum err sim_params_read(struct sim_params *params, struct str query, struct str content_type,
                         struct str body, struct arena *arena, struct error *error)
{
    params->n = 0;
    if (query.len && query.ptr[0] == '?')
        query = str_skip(query, 1);
    enum err e = read_pairs(params, query, arena, error);
    if (e != ERR_OK || body.len == 0)
        return e;
    struct str type = str_trim(str_split(&content_type, ';'));
    if (str_eq_nocase(type, STR("application/json")))
        return read_json(params, body, arena, error);
    if (str_eq_nocase(type, STR("application/x-www-form-urlencoded")))
        return read_pairs(params, body, arena, error);
    return ERR_OK; /* Meta passes over bodies that it does not understand */
}

struct str sim_params_get(const struct sim_params *params, const char *name)
{
    for (size_t i = 0; i < params->n; i++)
        if (str_eq(params->items[i].name, str_from(name)))
            return params->items[i].value;
    return (struct str){NULL, 0};
}

/* "status", "status[]" and "status[0]" are all the parameter "status". */
static bool is_named(struct str param, struct str name)
{
    if (!str_starts(param, name))
        return false;
    struct str rest = str_skip(param, name.len);
    return rest.len == 0 || (rest.ptr[0] == '[' && rest.ptr[rest.len - 1] == ']');
}

static bool holds(struct str list, struct str value, struct arena *arena)
{
    if (list.len == 0 || list.ptr[0] != '[')
        return str_eq_nocase(list, value);
    struct error ignored;
    error_init(&ignored, arena);
    struct json array = {NULL};
    if (json_parse_loose(list, arena, &array, &ignored) != ERR_OK)
        return false;
    json_for_each (item, array)
        if (str_eq_nocase(json_as_str(item, STR("")), value))
            return true;
    return false;
}

bool sim_params_allow(const struct sim_params *params, const char *name, struct str value,
                      struct arena *arena)
{
    bool present = false;
    for (size_t i = 0; i < params->n; i++) {
        if (!is_named(params->items[i].name, str_from(name)))
            continue;
        present = true;
        if (holds(params->items[i].value, value, arena))
            return true;
    }
    return !present;
}
