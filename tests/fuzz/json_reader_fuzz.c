/* Whatever bytes arrive as JSON: parsed strictly and loosely, read as a body, written again. */
#include "base/limits.h"
#include "json/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Strings are well-formed UTF-8 without NUL, however they were escaped. */
static void check_strings(struct json v, unsigned depth)
{
    if (depth > JSON_DEPTH_MAX)
        die("deeper than allowed");
    struct str text = json_as_str(v, STR(""));
    if (!str_is_utf8(text) || str_find(text, '\0') != text.len)
        die("a string with NUL or not UTF-8");
    json_for_each (item, v)
        check_strings(item, depth + 1);
    json_for_each_member (key, item, v) {
        if (!str_is_utf8(key) || str_find(key, '\0') != key.len)
            die("a key with NUL or not UTF-8");
        check_strings(item, depth + 1);
    }
}

static void check_error(const struct error *error, enum err err, size_t size)
{
    uint64_t offset;
    if (err != ERR_INVALID_JSON || !error->details)
        die("refused without saying where");
    if (!str_to_u64(error->details->problem, &offset) || offset > size)
        die("an offset behind the text");
}

/* What was read is written and read again: the same text comes out. */
static void check_round_trip(struct json v, struct str text, struct arena *arena)
{
    struct error error;
    error_init(&error, arena);
    struct json again;
    struct str once = json_text(v, arena);
    if (!once.ptr || json_parse_loose(once, arena, &again, &error) != ERR_OK ||
        !str_eq(once, json_text(again, arena)))
        die("writing and reading again gives something else");
    if (!json_pretty(text, arena).ptr)
        die("JSON that cannot be indented");
}

static void read_body(struct str text, struct arena *arena)
{
    struct error error;
    error_init(&error, arena);
    struct body b;
    if (body_begin(&b, text, arena, &error) != ERR_OK)
        return;
    struct str name = body_text(&b, "name", 1, 10, true);
    int64_t n = body_i64(&b, "n", -5, 5, 0, false);
    body_bool(&b, "on", false);
    if (str_code_points(name) > 10 || n < -5 || n > 5)
        die("a value out of its range was taken");
    if ((body_end(&b) == ERR_OK) != (error.details == NULL))
        die("the details and the error disagree");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena, 64 * MIB);
    struct str text = str_make((const char *)data, size);
    struct error error;
    error_init(&error, &arena);
    struct json strict, loose;
    enum err err = json_parse(text, &arena, &strict, &error);
    if (err)
        check_error(&error, err, size);
    else
        check_strings(strict, 0);
    error_init(&error, &arena);
    if (json_parse_loose(text, &arena, &loose, &error) == ERR_OK)
        check_round_trip(loose, text, &arena);
    else if (!err)
        die("the strict reader takes what the loose one refuses");
    read_body(text, &arena);
    arena_release(&arena);
    return 0;
}
