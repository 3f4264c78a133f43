#include "api/doc.h"

/* --- fields ------------------------------------------------------------------------------- */

static const struct field page_fields[] = {
    {
        .name = "page",
        .type = FIELD_INTEGER,
        .optional = true,
        .min = 1,
        .max = PAGE_MAX,
        .fallback = "1",
        .example = "1",
        .description = "Which page. One behind the last is an empty list.",
    },
    {
        .name = "limit",
        .type = FIELD_INTEGER,
        .optional = true,
        .min = 1,
        .max = PAGE_LIMIT_MAX,
        .fallback = TEXT_OF(PAGE_LIMIT_DEFAULT),
        .example = TEXT_OF(PAGE_LIMIT_DEFAULT),
        .description = "How many on a page.",
    },
    {0},
};

static const struct field older_fields[] = {
    {
        .name = "before",
        .type = FIELD_INTEGER,
        .optional = true,
        .example = "812",
        .description = "Only those with a smaller `id`: the `next_before` of the answer before.",
    },
    {
        .name = "limit",
        .type = FIELD_INTEGER,
        .optional = true,
        .min = 1,
        .max = PAGE_LIMIT_MAX,
        .fallback = TEXT_OF(PAGE_LIMIT_DEFAULT),
        .example = TEXT_OF(PAGE_LIMIT_DEFAULT),
        .description = "How many at the most.",
    },
    {0},
};

static const struct schema page_schema = {
    .name = "Page",
    .description = "Where a page stands in its list.",
    .fields = FIELDS({.name = "current_page",
                      .type = FIELD_INTEGER,
                      .example = "1",
                      .description = "Which page this is."},
                     {.name = "per_page",
                      .type = FIELD_INTEGER,
                      .example = TEXT_OF(PAGE_LIMIT_DEFAULT),
                      .description = "How many are on a page."},
                     {.name = "total",
                      .type = FIELD_INTEGER,
                      .example = "1",
                      .description = "How many there are in all."},
                     {.name = "last_page",
                      .type = FIELD_INTEGER,
                      .example = "1",
                      .description = "The last page that has any."}),
};

static const struct schema older_schema = {
    .name = "Older",
    .description = "Where a list goes on.",
    .fields = FIELDS({.name = "per_page",
                      .type = FIELD_INTEGER,
                      .example = TEXT_OF(PAGE_LIMIT_DEFAULT),
                      .description = "How many there are at the most."},
                     {.name = "next_before",
                      .type = FIELD_INTEGER,
                      .nullable = true,
                      .example = "793",
                      .description = "Send it as `before` for those that are older; null when "
                                     "there are none."}),
};

const struct schema *doc_meta_schema(const struct doc *d)
{
    switch (d->shape) {
    case DOC_ONE:
    case DOC_LIST: return NULL;
    case DOC_PAGE: return &page_schema;
    case DOC_OLDER: return &older_schema;
    }
    return NULL;
}

/* The n-th of two lists, one behind the other; both may be NULL. */
static const struct field *nth_field(const struct field *first, const struct field *second,
                                     size_t n)
{
    for (const struct field *f = first; f && f->name; f++)
        if (n-- == 0)
            return f;
    for (const struct field *f = second; f && f->name; f++)
        if (n-- == 0)
            return f;
    return NULL;
}

const struct field *schema_field(const struct schema *s, size_t n)
{
    return nth_field(s->base ? s->base->fields : NULL, s->fields, n);
}

const struct field *doc_query_field(const struct doc *d, size_t n)
{
    const struct field *first = d->shape == DOC_PAGE    ? page_fields
                                : d->shape == DOC_OLDER ? older_fields
                                                        : NULL;
    return nth_field(first, d->query, n);
}

int doc_status(const struct doc *d)
{
    return d->status ? d->status : 200;
}

/* --- errors ------------------------------------------------------------------------------- */

const int doc_statuses[] = {400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 502, 503, 0};

enum who { ALL, WITH_QUERY, WITH_BODY, WRITES, ASKING_META, ASKED_ONCE, ASKED_AGAIN, OTHERS };

/* In the order in which they are checked. */
static const struct {
    enum who who;
    struct doc_error error;
} common[] = {
    {ALL,
     {ERR_BAD_REQUEST, "A GET or DELETE must not have a body: the signed string has none for it",
      "a GET or DELETE has a body, or the request is not HTTP as it must be", NULL, NULL}},
    {ALL,
     {ERR_UNSUPPORTED_VERSION,
      "This server speaks v1: send X-API-Version: v1, or leave "
      "it out",
      "`X-API-Version` names a version that is not spoken here", NULL, NULL}},
    {ALL,
     {ERR_MISSING_HEADERS, "Required headers are missing",
      "one of the four headers of the signature is not there; `details` names it", "X-Timestamp",
      "is missing"}},
    {ALL,
     {ERR_INVALID_HEADERS, "Headers of the signature are malformed",
      "one of them, or `Idempotency-Key`, is malformed or there twice; `details` "
      "says what is accepted",
      "X-Timestamp", "must be Unix seconds: 1 to 12 digits without a leading zero"}},
    {ALL,
     {ERR_AUTHENTICATION, "Invalid HMAC signature",
      "the workspace or the client is not known, it is disabled, or the signature is another: one "
      "answer for all of these",
      NULL, NULL}},
    {ALL,
     {ERR_TIMESTAMP_EXPIRED,
      "X-Timestamp is 3600 seconds behind the server's clock; 300 are allowed",
      "the signature is right, but its timestamp is outside the window", NULL, NULL}},
    {ALL,
     {ERR_PERMISSION_DENIED,
      "This client may only read: it lacks the permission to change anything",
      "the signature is right, but the client may not do this", NULL, NULL}},
    {ALL,
     {ERR_RATE_LIMIT, "The limit of 200/min for this endpoint is used up; try again in 17 seconds",
      "the limit of this endpoint is used up, or authentication failed too often from this "
      "address",
      NULL, NULL}},
    {WITH_BODY,
     {ERR_UNSUPPORTED_MEDIA_TYPE, "The body must be JSON: Content-Type: application/json",
      "the body has another type", NULL, NULL}},
    {WITH_BODY,
     {ERR_TOO_LARGE, "The body is too large", "the body is larger than 64 KiB", NULL, NULL}},
    {WITH_BODY,
     {ERR_INVALID_JSON, "The body must be one JSON object",
      "the body cannot be read; `details.offset` is where", "offset", "0"}},
    {WITH_BODY,
     {ERR_VALIDATION, "1 field is wrong",
      "a field is wrong, missing or not known; each is named in `details`", "colour",
      "unknown field"}},
    {WITH_QUERY,
     {ERR_VALIDATION, "The query is not valid", "a parameter is wrong; `details` names it", "limit",
      "must be a whole number from 1 to 100"}},
    {WRITES,
     {ERR_IN_PROGRESS, "The first request with this key is still being carried out",
      "another request with this idempotency key still runs", NULL, NULL}},
    {WRITES,
     {ERR_KEY_REUSED, "This Idempotency-Key was sent with another request before",
      "the idempotency key came with another request before", NULL, NULL}},
    {ASKING_META,
     {ERR_MESSAGE_REJECTED, "Meta refused: Error validating access token",
      "Meta refused; `details` has `meta_code`, `meta_title`, `meta_details` and `fbtrace_id`, "
      "`null` where Meta gave none",
      "meta_code", "190"}},
    {ALL,
     {ERR_INTERNAL, "Something went wrong on our side",
      "a fault of ours; the server's log has it under the request's id", NULL, NULL}},
    {ASKED_AGAIN,
     {ERR_UPSTREAM, "Meta's answer cannot be used: not JSON", "Meta answered something unusable",
      NULL, NULL}},
    {ASKED_ONCE,
     {ERR_UPSTREAM,
      "Meta may have carried this out, or not; look before you send it again: the connection was "
      "closed before an answer came",
      "Meta was asked, and the outcome is not known: look at the number before you send it again; "
      "the same request gets this same answer",
      NULL, NULL}},
    {ASKED_ONCE,
     {ERR_UNAVAILABLE, "Meta limits the calls to this account; try again later",
      "Meta did nothing: it cannot be reached or throttles the account, the store cannot be "
      "written, or the server is shutting down",
      NULL, NULL}},
    {ASKED_AGAIN,
     {ERR_UNAVAILABLE, "Meta cannot be reached now: timeout",
      "Meta cannot be reached or throttles the account, the store cannot be written, or the server "
      "is shutting down",
      NULL, NULL}},
    {OTHERS,
     {ERR_UNAVAILABLE, "The server cannot do this now; try again",
      "the store cannot be used now, or the server is shutting down", NULL, NULL}},
};

static bool applies(enum who who, const struct route *route)
{
    bool writes = route->method != HTTP_GET;
    bool may_have_body = writes && route->method != HTTP_DELETE;
    bool asks_meta = route->doc->asks_meta || route->kind == LIVE_ONCE;
    switch (who) {
    case ALL: return true;
    case WITH_QUERY: return !may_have_body && doc_query_field(route->doc, 0);
    case WITH_BODY: return may_have_body;
    case WRITES: return writes;
    case ASKING_META: return asks_meta;
    case ASKED_ONCE: return route->kind == LIVE_ONCE;
    case ASKED_AGAIN: return asks_meta && route->kind == LIVE;
    case OTHERS: return !asks_meta;
    }
    return false;
}

size_t doc_errors(const struct route *route, int status, struct doc_error ret[DOC_ERRORS_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(common) && n < DOC_ERRORS_MAX; i++)
        if (err_status(common[i].error.err) == status && applies(common[i].who, route))
            ret[n++] = common[i].error;
    for (const struct doc_error *e = route->doc->errors; e && e->err && n < DOC_ERRORS_MAX; e++)
        if (err_status(e->err) == status)
            ret[n++] = *e;
    return n;
}

bool doc_status_is_common(const struct route *route, int status)
{
    for (size_t i = 0; i < ARRAY_LEN(common); i++)
        if (err_status(common[i].error.err) == status && common[i].who != ALL)
            return false;
    for (const struct doc_error *e = route->doc->errors; e && e->err; e++)
        if (err_status(e->err) == status)
            return false;
    struct doc_error errors[DOC_ERRORS_MAX];
    return doc_errors(route, status, errors) > 0;
}
