/* JSON in: yyjson, with its memory in an arena, and readers that collect every field error of a
 * body at once (developer-api.md §1.5), each under its path: "sections[0].rows[2].title".
 *
 * A document lives as long as its arena. A `struct json` is a value in it, or absent (val == NULL);
 * every reader accepts an absent value. One thread at a time. */
#pragma once

#include "base/err.h"
#include <yyjson.h>

struct json {
    yyjson_val *val; /* NULL: absent */
};

/* Parses one document: UTF-8 only, no NUL characters in it (escaped ones neither), no comments, no
 * trailing commas, no more than JSON_DEPTH_MAX levels, no doubled keys in an object.
 * ERR_INVALID_JSON with details.offset (bytes); ERR_NO_MEMORY when the arena is full.
 * The text is copied; it may go away afterwards. */
enum err json_parse(struct str text, struct arena *arena, struct json *ret,
                    struct error *error) MUST_USE;

/* Lenient about what Meta sends: like json_parse, but doubled keys are taken (the first wins) and
 * escaped NULs refused as before. */
enum err json_parse_loose(struct str text, struct arena *arena, struct json *ret,
                          struct error *error) MUST_USE;

/* --- looking, for documents of others: no errors, an absent or wrong-typed value is the fallback */
struct json json_get(struct json object, const char *key);
struct json json_at(struct json array, size_t index); /* O(index); loops use json_for_each */
size_t json_len(struct json array_or_object);
bool json_present(struct json v); /* there, and not null */
bool json_is_str(struct json v);
bool json_is_array(struct json v);
bool json_is_object(struct json v);
struct str json_as_str(struct json v, struct str fallback);
int64_t json_as_i64(struct json v, int64_t fallback); /* integers only */
bool json_as_bool(struct json v, bool fallback);
/* An id that Meta writes as a string in one place and as an integer in another: decimal digits, in
 * the arena; empty when it is neither, or longer than META_ID_MAX. */
struct str json_as_id(struct json v, struct arena *arena);
/* The value as compact JSON text, in the arena; {NULL,0} when that is full. */
struct str json_text(struct json v, struct arena *arena);

#define json_for_each(item, array)                                                                 \
    for (struct json_iter item##_it = json_iter_array(array); json_next(&item##_it);)              \
        for (struct json item = item##_it.value, *item##_once = &item; item##_once;                \
             item##_once = NULL)
#define json_for_each_member(key, item, object)                                                    \
    for (struct json_iter item##_it = json_iter_object(object); json_next(&item##_it);)            \
        for (struct json item = item##_it.value, *item##_once = &item; item##_once;                \
             item##_once = NULL)                                                                   \
            for (struct str key = item##_it.key; item##_once; item##_once = NULL)

struct json_iter {
    struct str key; /* of an object's member */
    struct json value;
    bool is_object;
    yyjson_arr_iter array;
    yyjson_obj_iter object;
};
struct json_iter json_iter_array(struct json array); /* nothing when it is no array */
struct json_iter json_iter_object(struct json object);
bool json_next(struct json_iter *it);

/* --- reading a body: every complaint goes to `error` under its field's path -------------------
 * Take each field once, then call body_end, which reports unknown members too. */
struct body {
    struct json object;
    struct error *error;
    const char *path;    /* "" at the top, else "sections[0]." */
    const char *taken[32]; /* keys asked for */
    size_t n_taken;
    bool wrong; /* something was reported */
};

/* The whole body as one JSON object; anything else is ERR_INVALID_JSON. */
enum err body_begin(struct body *b, struct str text, struct arena *arena,
                    struct error *error) MUST_USE;
/* Text of min..max code points; absent or null when not required: empty. */
struct str body_text(struct body *b, const char *key, size_t min, size_t max, bool required);
int64_t body_i64(struct body *b, const char *key, int64_t min, int64_t max, int64_t fallback,
                 bool required);
bool body_bool(struct body *b, const char *key, bool fallback);
bool body_has(const struct body *b, const char *key); /* there and not null */
/* Adds a complaint of the caller's own about a field. */
void body_complain(struct body *b, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* ERR_VALIDATION when anything was wrong, with a message that counts the fields. */
enum err body_end(struct body *b) MUST_USE;

/* Indented by two spaces, for a terminal. {NULL,0} when it is no JSON or does not fit. */
struct str json_pretty(struct str text, struct arena *arena);
