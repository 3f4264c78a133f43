#include "sim/nodes.h"

#include "base/limits.h"

void sim_node_init(struct sim_node *node, enum sim_kind kind, struct sim_account *account)
{
    list_init(&node->link);
    list_init(&node->by_id);
    node->kind = kind;
    node->account = account;
}

void sim_node_release(struct sim_node *node)
{
    for (size_t i = 0; i < SIM_FIELDS_MAX; i++) {
        free(node->values[i]);
        node->values[i] = NULL;
    }
}

void sim_node_copy(struct sim_node *to, const struct sim_node *from)
{
    sim_node_init(to, from->kind, from->account);
    for (size_t i = 0; i < SIM_FIELDS_MAX; i++)
        to->values[i] = from->values[i] ? xstrdup(from->values[i]) : NULL;
}

bool sim_word_in(const char *words, struct str word)
{
    struct str rest = str_from(words);
    while (rest.len)
        if (str_eq(str_split(&rest, '|'), word))
            return true;
    return false;
}

const struct sim_field *sim_kind_field(enum sim_kind kind, struct str name)
{
    const struct sim_kind_info *info = &sim_kinds[kind];
    for (size_t i = 0; i < info->n_fields; i++) {
        const struct sim_field *field = &info->fields[i];
        if (str_eq(str_from(field->name), name) ||
            (field->alias && str_eq(str_from(field->alias), name)))
            return field;
    }
    return NULL;
}

static size_t row_of(const struct sim_node *node, const struct sim_field *field)
{
    return (size_t)(field - sim_kinds[node->kind].fields);
}

static struct str value_of(const struct sim_node *node, const struct sim_field *field)
{
    const char *value = node->values[row_of(node, field)];
    if (!value)
        value = field->fallback;
    return value ? str_from(value) : (struct str){NULL, 0};
}

struct str sim_node_value(const struct sim_node *node, const char *name)
{
    const struct sim_field *field = sim_kind_field(node->kind, str_from(name));
    return field ? value_of(node, field) : (struct str){NULL, 0};
}

struct str sim_node_word(const struct sim_node *node, const char *name)
{
    struct str value = sim_node_value(node, name);
    if (value.len < 2 || value.ptr[0] != '"')
        return STR("");
    return str_make(value.ptr + 1, value.len - 2);
}

void sim_node_set(struct sim_node *node, const struct sim_field *field, struct str json)
{
    char **value = &node->values[row_of(node, field)];
    free(*value);
    *value = NULL;
    if (json.ptr) {
        *value = xmalloc(json.len + 1);
        memcpy(*value, json.ptr, json.len);
        (*value)[json.len] = '\0';
    }
}

/* --- checking an object ------------------------------------------------------------------- */

static bool is_word(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool fine =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        if (!fine)
            return false;
    }
    return s.len > 0;
}

/* "2023-08-22T19:05:53+0000": digits where the pattern has 0, itself where it has anything else. */
static bool is_time(struct str s)
{
    static const char pattern[] = "0000-00-00T00:00:00+0000";
    if (s.len != sizeof(pattern) - 1)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        bool digit = s.ptr[i] >= '0' && s.ptr[i] <= '9';
        if (pattern[i] == '0' ? !digit : s.ptr[i] != pattern[i])
            return false;
    }
    return true;
}

static bool has_only_members(struct json object, const char *members)
{
    if (!json_is_object(object))
        return false;
    json_for_each_member (key, item, object)
        if (!sim_word_in(members, key))
            return false;
    return true;
}

static bool has_only_objects(struct json array, const char *members)
{
    if (!json_is_array(array))
        return false;
    json_for_each (item, array)
        if (members && !has_only_members(item, members))
            return false;
    return true;
}

/* What is accepted, when the value is not; NULL when it is fine. %s is the field's `accepts`. */
static const char *what_is_wrong(const struct sim_field *field, struct json v)
{
    struct str text = json_as_str(v, STR(""));
    switch (field->kind) {
    case SIM_FIELD_ID: {
        bool integer = json_as_i64(v, -1) >= 0;
        bool digits = str_is_digits(text) && text.len < META_ID_MAX;
        return integer || digits ? NULL : "must be an id: decimal digits, as text";
    }
    case SIM_FIELD_TEXT: return text.len ? NULL : "must be text, not empty";
    case SIM_FIELD_WORD: return is_word(text) ? NULL : "must be letters, digits and _ only";
    case SIM_FIELD_CHOICE:
        return text.len && sim_word_in(field->accepts, text) ? NULL : "must be one of";
    case SIM_FIELD_BOOL: return yyjson_is_bool(v.val) ? NULL : "must be true or false";
    case SIM_FIELD_INTEGER: return yyjson_is_int(v.val) ? NULL : "must be a whole number";
    case SIM_FIELD_TIME:
        return is_time(text) ? NULL : "must be a time such as \"2023-08-22T19:05:53+0000\"";
    case SIM_FIELD_OBJECT:
        return has_only_members(v, field->accepts) ? NULL : "must be an object with members of";
    case SIM_FIELD_LIST:
        return has_only_objects(v, field->accepts) ? NULL
                                                   : "must be a list of objects with members of";
    }
    return NULL;
}

static void complain(const struct sim_check *check, struct str key, const char *what,
                     const char *accepts)
{
    struct str field = arena_printf(check->error->arena, "%s%.*s", check->path, STR_FMT(key));
    if (!field.ptr)
        return;
    struct buf spaced; /* "A|B" reads better as "A, B" */
    buf_init(&spaced, CONFIG_VALUE_MAX);
    struct str rest = str_from(accepts);
    while (rest.len) {
        struct str word = str_split(&rest, '|');
        buf_printf(&spaced, " %.*s%s", STR_FMT(word), rest.len ? "," : "");
    }
    error_detail(check->error, field.ptr, "%s%.*s", what, STR_FMT(buf_str(&spaced)));
    buf_release(&spaced);
}

void sim_node_check(enum sim_kind kind, struct json object, const struct sim_check *check)
{
    json_for_each_member (key, item, object) {
        const struct sim_field *field = sim_kind_field(kind, key);
        if (sim_word_in(check->others, key))
            continue;
        if (!field) {
            complain(check, key, "is not a field of this kind of object", NULL);
            continue;
        }
        if (check->patch && field->kind == SIM_FIELD_ID && field == sim_kinds[kind].fields)
            complain(check, key, "cannot be changed", NULL);
        if (!json_present(item) && check->patch && !field->required)
            continue;
        const char *what = what_is_wrong(field, item);
        if (what)
            complain(check, key, what, field->accepts);
    }
    for (size_t i = 0; i < sim_kinds[kind].n_fields && !check->patch; i++) {
        const struct sim_field *field = &sim_kinds[kind].fields[i];
        if (i == 0 && check->id_optional)
            continue;
        if (field->required && !json_get(object, field->name).val)
            complain(check, str_from(field->name), "is required", NULL);
    }
}

void sim_node_apply(struct sim_node *node, struct json object, struct arena *arena)
{
    json_for_each_member (key, item, object) {
        const struct sim_field *field = sim_kind_field(node->kind, key);
        if (!field)
            continue;
        struct str value = {NULL, 0};
        if (field->kind == SIM_FIELD_ID)
            value = arena_printf(arena, "\"%.*s\"", STR_FMT(json_as_id(item, arena)));
        else if (json_present(item))
            value = json_text(item, arena);
        sim_node_set(node, field, value);
    }
}

/* --- writing ------------------------------------------------------------------------------ */

static enum err complain_about_field(enum sim_kind kind, struct str name, struct error *error)
{
    return error_set(error, ERR_VALIDATION,
                     "(#100) Tried accessing nonexisting field (%.*s) on node type (%s)",
                     STR_FMT(name), sim_kinds[kind].type);
}

static enum err check_inner(enum sim_kind kind, const struct sim_field *field,
                            const struct sim_selection *s, struct error *error)
{
    if (s->inner && field->kind != SIM_FIELD_OBJECT && field->kind != SIM_FIELD_LIST)
        return error_set(error, ERR_VALIDATION, "(#100) Subfields are not supported by %s",
                         field->name);
    for (const struct sim_selection *inner = s->inner; inner; inner = inner->next)
        if (field->accepts && !sim_word_in(field->accepts, inner->name))
            return complain_about_field(kind, inner->name, error);
    return ERR_OK;
}

enum err sim_selection_check(enum sim_kind kind, const struct sim_selection *selection,
                             struct error *error)
{
    for (const struct sim_selection *s = selection; s; s = s->next) {
        const struct sim_field *field = sim_kind_field(kind, s->name);
        if (!field || field->is_hidden || !str_eq(str_from(field->name), s->name))
            return complain_about_field(kind, s->name, error);
        enum err e = check_inner(kind, field, s, error);
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

/* The members that were selected, of an object or of each object in a list. */
static void write_inner(struct json v, const struct sim_selection *inner, struct json_writer *w,
                        struct arena *arena)
{
    if (json_is_array(v) && inner) {
        json_open(w, '[');
        json_for_each (item, v)
            write_inner(item, inner, w, arena);
        json_close(w, ']');
    } else if (json_is_object(v) && inner) {
        json_open(w, '{');
        json_for_each_member (key, item, v)
            for (const struct sim_selection *s = inner; s; s = s->next)
                if (str_eq(s->name, key)) {
                    json_key_str(w, key);
                    write_inner(item, s->inner, w, arena);
                }
        json_close(w, '}');
    } else {
        json_raw(w, json_text(v, arena));
    }
}

static void compute(const struct sim_node *node, const struct sim_field *field, struct buf *to)
{
    struct json_writer w;
    json_writer_init(&w, to);
    field->compute(node, &w);
}

static void write_field(const struct sim_node *node, const struct sim_field *field,
                        const struct sim_selection *inner, struct json_writer *w,
                        struct arena *arena)
{
    _cleanup_(buf_release)
    struct buf computed;
    buf_init(&computed, HTTP_OUT_MAX);
    struct str value = value_of(node, field);
    if (!value.ptr && field->compute) {
        compute(node, field, &computed);
        value = buf_str(&computed);
    }
    if (!value.ptr)
        return;
    json_key(w, field->name);
    struct json parsed;
    struct error error;
    error_init(&error, arena);
    if (inner && json_parse_loose(value, arena, &parsed, &error) == ERR_OK)
        write_inner(parsed, inner, w, arena);
    else
        json_raw(w, value);
}

enum err sim_node_write(const struct sim_node *node, const struct sim_selection *selection,
                        struct json_writer *w, struct arena *arena, struct error *error)
{
    enum err e = sim_selection_check(node->kind, selection, error);
    if (e != ERR_OK)
        return e;
    const struct sim_kind_info *info = &sim_kinds[node->kind];
    const struct sim_field *id = info->fields;
    bool has_id = false;
    json_open(w, '{');
    for (const struct sim_selection *s = selection; s; s = s->next) {
        const struct sim_field *field = sim_kind_field(node->kind, s->name);
        write_field(node, field, s->inner, w, arena);
        has_id |= field == id;
    }
    for (size_t i = 0; i < info->n_fields && !selection; i++)
        if (info->fields[i].by_default)
            write_field(node, &info->fields[i], NULL, w, arena);
    if (!has_id)
        write_field(node, id, NULL, w, arena);
    json_close(w, '}');
    return ERR_OK;
}

void sim_node_write_members(const struct sim_node *node, struct json_writer *w)
{
    const struct sim_kind_info *info = &sim_kinds[node->kind];
    for (size_t i = 0; i < info->n_fields; i++) {
        struct str value = value_of(node, &info->fields[i]);
        if (value.ptr) {
            json_key(w, info->fields[i].name);
            json_raw(w, value);
        }
    }
}
