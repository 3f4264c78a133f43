/* Plans, from a file or the database: what is taken is within its bounds, can be written and read
 * again; what is not says why. */
#include "base/limits.h"
#include "gate/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct endpoint list[] = {
    {STR_INIT("GET /waba-numbers"), {200, 60}},
    {STR_INIT("POST /waba-numbers/{id}/sync"), {100, 60}},
    {STR_INIT("other reads"), {0}},
};
static const struct endpoints endpoints = {list, ARRAY_LEN(list)};

static void check_limit(const struct limit *limit)
{
    char text[LIMIT_TEXT_MAX];
    struct limit again;
    if (limit->requests < 0 || limit->requests > LIMIT_REQUESTS_MAX ||
        (limit->requests && limit->window_s < 1))
        abort();
    limit_format(limit, text);
    if (!limit_parse(str_from(text), &again) || again.requests != limit->requests ||
        again.window_s != limit->window_s)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct limit limits[ARRAY_LEN(list)];
    struct arena arena;
    struct error error;
    arena_init(&arena, PLAN_ARENA_MAX);
    error_init(&error, &arena);
    enum err e = plan_parse(str_make((const char *)data, size), &endpoints, limits, &error);
    for (size_t i = 0; !e && i < ARRAY_LEN(limits); i++)
        check_limit(&limits[i]);
    if (e && (error.err != e || (e != ERR_NO_MEMORY && error.message.len == 0)))
        abort();
    arena_release(&arena);
    return 0;
}
