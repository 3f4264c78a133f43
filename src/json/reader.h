/* JSON in: yyjson, with its memory in an arena, and readers that collect every field error of a
 * body at once (developer-api.md §1.5), each under its path: "sections[0].rows[2].title".
 *
 * A document lives as long as its arena. A `struct json` is a value in it, or absent (val == NULL);
 * every reader accepts an absent value. One thread at a time. */
#pragma once

#include "base/err.h"
#include "base/limits.h"
#include <yyjson.h>

struct json {
    yyjson_val *val; /* NULL: absent */
};

/* Parses one document: UTF-8 only, no NUL characters in it (escaped ones neither), no comments, no
 * trailing commas, no more than JSON_DEPTH_MAX levels, no doubled keys in an object. Numbers
 * beyond 64 bits are kept as they are written.
 * ERR_INVALID_JSON with details.offset (bytes); ERR_NO_MEMORY when the arena is full.
 * The text is copied; it may go away afterwards. */
enum err json_parse(struct str text, struct arena *arena, struct json *ret,
                    struct error *error) MUST_USE;

/* Lenient about what Meta sends: like json_parse, but doubled keys are taken (json_get sees the
 * first). Escaped NULs are refused all the same. */
enum err json_parse_loose(struct str text, struct arena *arena, struct json *ret,
                          struct error *error) MUST_USE;

/* --- looking, for documents of others: no errors, an absent or wrong-typed value is the fallback
 */
struct json json_get(struct json object, const char *key);
struct json json_at(struct json array, size_t index); /* O(index); loops use json_for_each */
size_t json_len(struct json array_or_object);
bool json_present(struct json v); /* there, and not null */
bool json_is_str(struct json v);
bool json_is_array(struct json v);
bool json_is_object(struct json v);
struct str json_as_str(struct json v, struct str fallback);
int64_t json_as_i64(struct json v, int64_t fallback);   /* integers only, exact */
bool json_to_i64(struct json v, int64_t *ret) MUST_USE; /* the same, where no fallback will do */
bool json_as_bool(struct json v, bool fallback);
/* An id that Meta writes as a string in one place and as an integer in another: decimal digits, in
 * the arena; empty when it is neither, or longer than META_ID_MAX. */
struct str json_as_id(struct json v, struct arena *arena);
/* The value as compact JSON text, in the arena; {NULL, 0} when that is full or v is absent. */
struct str json_text(struct json v, struct arena *arena);

/* json_for_each(row, rows) { ... row ... }: each item of an array; nothing when it is none. The
 * first `for` only holds the iterator and runs once, so that break and continue mean what they say;
 * the array expression is evaluated once. */
#define json_for_each(item, array)                                                                 \
    for (yyjson_arr_iter item##_it = yyjson_arr_iter_with((array).val), *item##_once = &item##_it; \
         item##_once; item##_once = NULL)                                                          \
        for (struct json item; (item.val = yyjson_arr_iter_next(&item##_it)) != NULL;)

/* The same for the members of an object: `key` is a struct str. */
#define json_for_each_member(key, item, object)                                                    \
    for (yyjson_obj_iter item##_it = yyjson_obj_iter_with((object).val),                           \
                         *item##_once = &item##_it;                                                \
         item##_once;)                                                                             \
        for (struct str key = {"", 0}; item##_once; item##_once = NULL)                            \
            for (struct json item; json_next_member(&item##_it, &key, &item);)

static inline bool json_next_member(yyjson_obj_iter *it, struct str *key, struct json *item)
{
    yyjson_val *name = yyjson_obj_iter_next(it);
    if (!name)
        return false;
    *key = str_make(yyjson_get_str(name), yyjson_get_len(name));
    item->val = yyjson_obj_iter_get_val(name);
    return true;
}

/* --- reading a body: every complaint goes to `error` under its field's path -------------------
 * Take each field once, then call body_end, which reports unknown members too. */
struct body {
    struct json object;
    struct error *error;
    const char *path;                        /* "" at the top, else "sections[0]." */
    const char *taken[JSON_BODY_FIELDS_MAX]; /* keys asked for */
    size_t n_taken;
    size_t wrong; /* fields complained about */
};

/* The whole body as one JSON object; anything else is ERR_INVALID_JSON. */
enum err body_begin(struct body *b, struct str text, struct arena *arena,
                    struct error *error) MUST_USE;
/* Text of min..max code points; absent or null when not required: empty. */
struct str body_text(struct body *b, const char *key, size_t min, size_t max, bool required);
int64_t body_i64(struct body *b, const char *key, int64_t min, int64_t max, int64_t fallback,
                 bool required);
bool body_bool(struct body *b, const char *key, bool fallback);
/* 1 or 0; -1 when it is absent, null, or neither. */
int body_switch(struct body *b, const char *key);
/* A member of any kind, which the caller looks at itself; absent or null has no value to look at.
 */
struct json body_value(struct body *b, const char *key);
/* There and not null. It takes nothing: who looks takes the field too, whatever this says. */
bool body_has(const struct body *b, const char *key);
/* Adds a complaint of the caller's own about a field; the first about a field is the one kept. */
void body_complain(struct body *b, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* ERR_VALIDATION when anything was wrong, with a message that counts the fields. */
enum err body_end(struct body *b) MUST_USE;

/* Indented by two spaces, for a terminal. {NULL, 0} when it is no JSON or does not fit. */
struct str json_pretty(struct str text, struct arena *arena);
