/* Reading a request's body field by field, with all complaints at once. */
#include "base/nearest.h"
#include "json/reader.h"

#include <inttypes.h>

enum err body_begin(struct body *b, struct str text, struct arena *arena, struct error *error)
{
    *b = (struct body){.error = error, .path = ""};
    enum err err = json_parse(text, arena, &b->object, error);
    if (err || json_is_object(b->object))
        return err;
    b->object = (struct json){NULL};
    error_detail(error, "offset", "0");
    return error_set(error, ERR_INVALID_JSON, "The body must be one JSON object: {...}");
}

/* The field's name with its path; without memory for that, its name alone. */
static const char *full_name(struct body *b, const char *key)
{
    if (b->path[0] == '\0')
        return key;
    struct str name = arena_printf(b->error->arena, "%s%s", b->path, key);
    return name.ptr ? name.ptr : key;
}

static bool complained_about(const struct error *error, const char *field)
{
    for (const struct error_detail *d = error->details; d; d = d->next)
        if (str_eq(d->field, str_from(field)))
            return true;
    return false;
}

void body_complain(struct body *b, const char *key, const char *fmt, ...)
{
    if (b->wrong >= JSON_COMPLAINTS_MAX)
        return;
    const char *field = full_name(b, key);
    if (complained_about(b->error, field))
        return;
    b->wrong++;
    va_list args;
    va_start(args, fmt);
    struct str problem = arena_vprintf(b->error->arena, fmt, args);
    va_end(args);
    error_detail(b->error, field, "%.*s", STR_FMT(problem));
}

static struct json take(struct body *b, const char *key)
{
    if (b->n_taken == ARRAY_LEN(b->taken))
        die("a body with more than JSON_BODY_FIELDS_MAX fields");
    b->taken[b->n_taken++] = key;
    return json_get(b->object, key);
}

/* True when there is a value to look at. */
static bool take_present(struct body *b, const char *key, bool required, struct json *ret)
{
    *ret = take(b, key);
    bool present = json_present(*ret);
    if (!present && required)
        body_complain(b, key, "is required");
    return present;
}

struct str body_text(struct body *b, const char *key, size_t min, size_t max, bool required)
{
    struct json v;
    if (!take_present(b, key, required, &v))
        return STR("");
    if (!json_is_str(v)) {
        body_complain(b, key, "must be text");
        return STR("");
    }
    struct str text = json_as_str(v, STR(""));
    size_t points = str_code_points(text);
    if (points >= min && points <= max)
        return text;
    if (points == 0)
        body_complain(b, key, "must not be empty");
    else if (points < min)
        body_complain(b, key, "must have %zu characters or more, not %zu", min, points);
    else
        body_complain(b, key, "must have %zu characters or fewer, not %zu", max, points);
    return STR("");
}

int64_t body_i64(struct body *b, const char *key, int64_t min, int64_t max, int64_t fallback,
                 bool required)
{
    struct json v;
    if (!take_present(b, key, required, &v))
        return fallback;
    int64_t value;
    if (!yyjson_is_int(v.val) && !yyjson_is_raw(v.val)) /* raw: beyond 64 bits */
        body_complain(b, key, "must be a whole number");
    else if (!json_to_i64(v, &value) || value < min || value > max)
        body_complain(b, key, "must be from %" PRId64 " to %" PRId64, min, max);
    else
        return value;
    return fallback;
}

bool body_bool(struct body *b, const char *key, bool fallback)
{
    struct json v;
    if (take_present(b, key, false, &v) && !yyjson_is_bool(v.val))
        body_complain(b, key, "must be true or false");
    return json_as_bool(v, fallback);
}

int body_switch(struct body *b, const char *key)
{
    struct json v;
    if (!take_present(b, key, false, &v))
        return -1;
    if (yyjson_is_bool(v.val))
        return json_as_bool(v, false);
    body_complain(b, key, "must be true or false");
    return -1;
}

struct json body_value(struct body *b, const char *key)
{
    return take(b, key);
}

bool body_has(const struct body *b, const char *key)
{
    return json_present(json_get(b->object, key));
}

static bool is_taken(const struct body *b, struct str key)
{
    for (size_t i = 0; i < b->n_taken; i++)
        if (str_eq(key, str_from(b->taken[i])))
            return true;
    return false;
}

/* Those that were asked for are the fields that there are. */
static void complain_unknown(struct body *b, struct str key)
{
    struct nearest nearest;
    nearest_init(&nearest, key);
    for (size_t i = 0; i < b->n_taken; i++)
        nearest_offer(&nearest, b->taken[i]);
    if (nearest.best)
        body_complain(b, key.ptr, "unknown field; did you mean '%s'?", nearest.best);
    else
        body_complain(b, key.ptr, "unknown field");
}

enum err body_end(struct body *b)
{
    json_for_each_member (key, item, b->object) {
        /* The parser refuses NUL: what ends the key's text is its own. */
        if (!is_taken(b, key))
            complain_unknown(b, key);
    }
    if (b->wrong == 0)
        return ERR_OK;
    if (b->wrong == 1)
        return error_set(b->error, ERR_VALIDATION, "1 field is wrong");
    return error_set(b->error, ERR_VALIDATION, "%zu fields are wrong", b->wrong);
}
