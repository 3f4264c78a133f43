#include "json/reader.h"

/* --- memory: what yyjson asks for comes from the arena, and goes back with it ------------- */

static void *take(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void *resize(void *arena, void *old, size_t old_size, size_t size)
{
    if (size <= old_size)
        return old;
    void *grown = arena_alloc(arena, size);
    return grown ? memcpy(grown, old, old_size) : NULL;
}

static void give_back(void *arena, void *p)
{
}

static yyjson_alc allocator(struct arena *arena)
{
    return (yyjson_alc){take, resize, give_back, arena};
}

/* --- parsing ---------------------------------------------------------------------------------
 * yyjson accepts any depth, doubled keys and \u0000: check_value walks what it has read. */

struct check {
    struct str text;
    const char *copy; /* yyjson's, in which strings were unescaped where they stood */
    bool doubled_keys;
    struct error *error;
};

static enum err refuse(struct error *error, size_t offset, const char *why)
{
    error_detail(error, "offset", "%zu", offset);
    return error_set(error, ERR_INVALID_JSON, "This is not JSON as we accept it: %s at byte %zu",
                     why, offset);
}

/* Unescaping only shortens and never moves a string's beginning: its offset is still right. */
static enum err refuse_string(const struct check *c, yyjson_val *string, const char *why)
{
    return refuse(c->error, (size_t)(yyjson_get_str(string) - c->copy) - 1, why);
}

/* The bracket that goes too deep, in text that is known to be JSON. */
static enum err refuse_depth(const struct check *c)
{
    size_t depth = 0, at = 0;
    bool quoted = false;
    for (; at < c->text.len && depth <= JSON_DEPTH_MAX; at++) {
        char ch = c->text.ptr[at];
        if (ch == '"')
            quoted = !quoted;
        else if (quoted)
            at += ch == '\\';
        else
            depth += (size_t)(ch == '{' || ch == '[') - (size_t)(ch == '}' || ch == ']');
    }
    return refuse(c->error, at - 1, "brackets nested too deep");
}

static int compare_keys(const void *a, const void *b)
{
    yyjson_val *left = *(yyjson_val *const *)a, *right = *(yyjson_val *const *)b;
    size_t len = yyjson_get_len(left);
    if (len != yyjson_get_len(right))
        return len < yyjson_get_len(right) ? -1 : 1;
    int order = memcmp(yyjson_get_str(left), yyjson_get_str(right), len);
    return order ? order : (left > right) - (left < right);
}

/* Sorted, since a client chooses the keys: no choice of them makes this slow, as it could with a
 * hash. */
static enum err check_keys(const struct check *c, yyjson_val *object)
{
    size_t n = yyjson_obj_size(object), i = 0;
    if (n < 2)
        return ERR_OK;
    yyjson_val *few[16];
    _cleanup_(freep)
    yyjson_val **many = n > ARRAY_LEN(few) ? malloc(n * sizeof(*many)) : NULL;
    yyjson_val **keys = n > ARRAY_LEN(few) ? many : few;
    if (!keys)
        return error_set(c->error, ERR_NO_MEMORY, "no memory for this JSON");
    yyjson_obj_iter it = yyjson_obj_iter_with(object);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&it));)
        keys[i++] = key;
    qsort(keys, n, sizeof(*keys), compare_keys);
    for (i = 1; i < n; i++)
        if (yyjson_equals_strn(keys[i], yyjson_get_str(keys[i - 1]), yyjson_get_len(keys[i - 1])))
            return refuse_string(c, keys[i], "a key for the second time");
    return ERR_OK;
}

static enum err check_string(const struct check *c, yyjson_val *string)
{
    if (memchr(yyjson_get_str(string), '\0', yyjson_get_len(string)))
        return refuse_string(c, string, "a string with a NUL character");
    return ERR_OK;
}

static enum err check_value(const struct check *c, yyjson_val *v, size_t depth);

static enum err check_array(const struct check *c, yyjson_val *array, size_t depth)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(array);
    enum err err = ERR_OK;
    for (yyjson_val *item; !err && (item = yyjson_arr_iter_next(&it));)
        err = check_value(c, item, depth);
    return err;
}

static enum err check_object(const struct check *c, yyjson_val *object, size_t depth)
{
    enum err err = c->doubled_keys ? ERR_OK : check_keys(c, object);
    yyjson_obj_iter it = yyjson_obj_iter_with(object);
    for (yyjson_val *key; !err && (key = yyjson_obj_iter_next(&it));) {
        err = check_string(c, key);
        if (!err)
            err = check_value(c, yyjson_obj_iter_get_val(key), depth);
    }
    return err;
}

static enum err check_value(const struct check *c, yyjson_val *v, size_t depth)
{
    if (yyjson_is_str(v))
        return check_string(c, v);
    if (!yyjson_is_ctn(v))
        return ERR_OK;
    if (depth == JSON_DEPTH_MAX)
        return refuse_depth(c);
    return yyjson_is_arr(v) ? check_array(c, v, depth + 1) : check_object(c, v, depth + 1);
}

static enum err parse(struct str text, struct arena *arena, bool doubled_keys, struct json *ret,
                      struct error *error)
{
    if (text.len == 0)
        return refuse(error, 0, "nothing");
    yyjson_alc alc = allocator(arena);
    yyjson_read_err why;
    /* Without INSITU yyjson copies the text and does not write to it. */
    yyjson_doc *doc =
        yyjson_read_opts((char *)text.ptr, text.len, YYJSON_READ_BIGNUM_AS_RAW, &alc, &why);
    if (!doc && why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return error_set(error, ERR_NO_MEMORY, "no memory for this JSON");
    if (!doc)
        return refuse(error, why.pos, why.msg);
    const struct check c = {text, doc->str_pool, doubled_keys, error};
    enum err err = check_value(&c, doc->root, 0);
    if (!err)
        *ret = (struct json){doc->root};
    return err;
}

enum err json_parse(struct str text, struct arena *arena, struct json *ret, struct error *error)
{
    return parse(text, arena, false, ret, error);
}

enum err json_parse_loose(struct str text, struct arena *arena, struct json *ret,
                          struct error *error)
{
    return parse(text, arena, true, ret, error);
}

/* --- looking ------------------------------------------------------------------------------ */

struct json json_get(struct json object, const char *key)
{
    return (struct json){yyjson_obj_get(object.val, key)};
}

struct json json_at(struct json array, size_t index)
{
    return (struct json){yyjson_arr_get(array.val, index)};
}

size_t json_len(struct json array_or_object)
{
    return yyjson_is_ctn(array_or_object.val) ? yyjson_get_len(array_or_object.val) : 0;
}

bool json_present(struct json v)
{
    return v.val && !yyjson_is_null(v.val);
}

bool json_is_str(struct json v)
{
    return yyjson_is_str(v.val);
}

bool json_is_array(struct json v)
{
    return yyjson_is_arr(v.val);
}

bool json_is_object(struct json v)
{
    return yyjson_is_obj(v.val);
}

struct str json_as_str(struct json v, struct str fallback)
{
    return json_is_str(v) ? str_make(yyjson_get_str(v.val), yyjson_get_len(v.val)) : fallback;
}

bool json_to_i64(struct json v, int64_t *ret)
{
    bool fits = yyjson_is_sint(v.val) ||
                (yyjson_is_uint(v.val) && yyjson_get_uint(v.val) <= (uint64_t)INT64_MAX);
    if (fits)
        *ret = yyjson_get_sint(v.val);
    return fits;
}

int64_t json_as_i64(struct json v, int64_t fallback)
{
    int64_t value = fallback;
    return json_to_i64(v, &value) ? value : fallback;
}

bool json_as_bool(struct json v, bool fallback)
{
    return yyjson_is_bool(v.val) ? yyjson_get_bool(v.val) : fallback;
}

struct str json_as_id(struct json v, struct arena *arena)
{
    struct str id = json_as_str(v, STR(""));
    if (yyjson_is_raw(v.val))
        id = str_make(yyjson_get_raw(v.val), yyjson_get_len(v.val));
    else if (yyjson_is_uint(v.val))
        id = arena_printf(arena, "%llu", (unsigned long long)yyjson_get_uint(v.val));
    return str_is_digits(id) && id.len <= META_ID_MAX ? id : STR("");
}

static struct str write_text(struct json v, yyjson_write_flag how, struct arena *arena)
{
    yyjson_alc alc = allocator(arena);
    size_t len = 0;
    char *text = yyjson_val_write_opts(v.val, how, &alc, &len, NULL);
    return str_make(text, text ? len : 0);
}

struct str json_text(struct json v, struct arena *arena)
{
    return write_text(v, YYJSON_WRITE_NOFLAG, arena);
}

struct str json_pretty(struct str text, struct arena *arena)
{
    struct error error;
    error_init(&error, arena);
    struct json v;
    if (json_parse_loose(text, arena, &v, &error) != ERR_OK)
        return (struct str){NULL, 0};
    return write_text(v, YYJSON_WRITE_PRETTY_TWO_SPACES, arena);
}
