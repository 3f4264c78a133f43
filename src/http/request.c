#include "http/http.h"

struct str http_header_get(const struct http_request *r, struct str name, bool *ret_twice)
{
    struct str found = {NULL, 0};
    if (ret_twice)
        *ret_twice = false;
    for (size_t i = 0; i < r->n_headers; i++) {
        if (!str_eq_nocase(r->headers[i].name, name))
            continue;
        if (!found.ptr)
            found = r->headers[i].value;
        else if (ret_twice)
            *ret_twice = true;
    }
    return found;
}
