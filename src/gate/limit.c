#include "base/limits.h"
#include "gate/plan.h"

#include <inttypes.h>

_Static_assert(LIMIT_REQUESTS_MAX == 16777215, "LIMIT_FORM says it");

static const struct {
    struct str name;
    int64_t seconds;
} windows[] = {
    {STR_INIT("s"), 1},
    {STR_INIT("min"), 60},
    {STR_INIT("h"), 3600},
    {STR_INIT("day"), 86400},
};

bool limit_parse(struct str text, struct limit *ret)
{
    struct limit limit = {0};
    if (str_eq(text, STR("unlimited"))) {
        *ret = limit;
        return true;
    }
    struct str window = text, number = str_split(&window, '/');
    for (size_t i = 0; i < ARRAY_LEN(windows); i++)
        if (str_eq(window, windows[i].name))
            limit.window_s = windows[i].seconds;
    if (!limit.window_s || !str_is_digits(number) || !str_to_i64(number, &limit.requests) ||
        limit.requests < 1 || limit.requests > LIMIT_REQUESTS_MAX)
        return false;
    *ret = limit;
    return true;
}

void limit_format(const struct limit *l, char out[LIMIT_TEXT_MAX])
{
    const char *window = NULL;
    for (size_t i = 0; i < ARRAY_LEN(windows); i++)
        if (windows[i].seconds == l->window_s)
            window = windows[i].name.ptr;
    if (l->requests == 0)
        snprintf(out, LIMIT_TEXT_MAX, "unlimited");
    else if (window)
        snprintf(out, LIMIT_TEXT_MAX, "%" PRId64 "/%s", l->requests, window);
    else /* a route's own; no plan can say it */
        snprintf(out, LIMIT_TEXT_MAX, "%" PRId64 "/%" PRId64 "s", l->requests, l->window_s);
}
