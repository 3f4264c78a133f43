#include "api/cors.h"

#define ALLOWED_METHODS "GET, POST, PUT, PATCH, DELETE"
#define ALLOWED_HEADERS                                                                            \
    "Accept, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, X-API-Version, "         \
    "X-Awal-Signature-256, X-Client-ID, X-Domain, X-Timestamp"
/* What is not in the list of the standard, and so is hidden from a script unless it is named. */
#define EXPOSED_HEADERS                                                                            \
    "ETag, Idempotent-Replayed, Retry-After, Warning, X-API-Deprecated, X-API-Deprecation-Date, "  \
    "X-API-Sunset-Date, X-API-Version, X-RateLimit-Limit, X-RateLimit-Remaining, "                 \
    "X-RateLimit-Reset, X-Request-Id"

static bool allows_all(const struct policy *p)
{
    return p->n_origins == 1 && str_eq(p->origins[0], STR("*"));
}

bool cors_varies(const struct policy *p)
{
    return p->n_origins && !allows_all(p);
}

/* The policy's own text, so that no byte of a client's comes into a header; {NULL, 0}: not allowed.
 */
static struct str find_origin(const struct policy *p, const struct http_request *r)
{
    bool twice;
    struct str origin = http_header_get(r, STR("Origin"), &twice);
    if (!origin.ptr || twice)
        return (struct str){NULL, 0};
    if (allows_all(p))
        return p->origins[0];
    for (size_t i = 0; i < p->n_origins; i++)
        if (str_eq(p->origins[i], origin))
            return p->origins[i];
    return (struct str){NULL, 0};
}

void cors_add(const struct policy *p, const struct http_request *r, struct http_response *response)
{
    struct str origin = find_origin(p, r);
    if (!origin.ptr)
        return;
    http_response_add(response, STR("Access-Control-Allow-Origin"), origin);
    if (!cors_is_preflight(p, r))
        http_response_add(response, STR("Access-Control-Expose-Headers"), STR(EXPOSED_HEADERS));
}

bool cors_is_preflight(const struct policy *p, const struct http_request *r)
{
    return r->method == HTTP_OPTIONS && find_origin(p, r).ptr &&
           http_header_get(r, STR("Access-Control-Request-Method"), NULL).ptr;
}

void cors_add_preflight(struct http_response *response)
{
    http_response_add(response, STR("Access-Control-Allow-Methods"), STR(ALLOWED_METHODS));
    http_response_add(response, STR("Access-Control-Allow-Headers"), STR(ALLOWED_HEADERS));
    http_response_add(response, STR("Access-Control-Max-Age"), STR(TEXT_OF(CORS_MAX_AGE_S)));
}
