#include "http/http.h"

/* Up to the next '/', which stays in *rest. */
static struct str take_segment(struct str *rest)
{
    struct str segment = str_make(rest->ptr, str_find(*rest, '/'));
    *rest = str_skip(*rest, segment.len);
    return segment;
}

static bool is_param(struct str segment)
{
    return segment.len >= 2 && segment.ptr[0] == '{' && segment.ptr[segment.len - 1] == '}';
}

bool http_path_match(const char *pattern, struct str path, struct http_match *ret)
{
    struct str left = str_from(pattern);
    struct http_match match = {0};
    while (left.len && path.len) {
        if (left.ptr[0] != '/' || path.ptr[0] != '/')
            return false;
        left = str_skip(left, 1);
        path = str_skip(path, 1);
        struct str want = take_segment(&left), have = take_segment(&path);
        if (!is_param(want)) {
            if (!str_eq(want, have))
                return false;
            continue;
        }
        if (have.len == 0 || match.n_params == HTTP_PATH_PARAMS_MAX)
            return false;
        match.params[match.n_params++] = have;
    }
    if (left.len || path.len)
        return false;
    *ret = match;
    return true;
}
