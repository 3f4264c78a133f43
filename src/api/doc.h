/* What an endpoint takes and answers, as data beside its handler. The OpenAPI document and the page
 * /docs are written from it, and a test holds every answer of the server against it.
 *
 * A new endpoint is documented with one `struct doc`:
 *
 *   const struct doc numbers_get_doc = {
 *       .id = "getNumber",
 *       .group = &numbers_group,
 *       .summary = "Get a number",
 *       .path = FIELDS(NUMBER_ID),
 *       .data = &number_schema,
 *       .errors = ERRORS({ERR_NOT_FOUND, "Number not found", "the workspace has no such number"}),
 *   };
 *
 * What holds for every endpoint (the signature, limits, the form of answers) is added to it.
 * Texts are plain English; `backquotes` mean code and an empty line begins a paragraph, in the
 * document (where it is Markdown) as on the page. */
#pragma once

#include "api/route.h"
#include "base/err.h"
#include "json/writer.h"

enum field_type {
    FIELD_TEXT,
    FIELD_INTEGER,
    FIELD_BOOLEAN,
    FIELD_TIME,   /* "2024-01-15T10:30:00Z" */
    FIELD_OBJECT, /* of `schema` */
    FIELD_LIST,   /* of objects of `schema` */
    FIELD_TEXTS,  /* a list of texts; `values`, `min` and `max` are of each, `items_max` of the list
                   */
    FIELD_JSON,   /* whatever it is; `example` is JSON */
};

/* A member of an object, or a parameter. */
struct field {
    const char *name;
    const char *description;
    const char *example; /* as it is written, without quotes; NULL: null */
    enum field_type type;
    bool optional;               /* may be left out */
    bool nullable;               /* may be null */
    int64_t min, max;            /* of an integer; of a text, its code points; max 0: not said */
    int items_max;               /* of a list of texts */
    const char *pattern;         /* of a text: a regular expression */
    const char *const *values;   /* of a text: the only ones, up to NULL */
    const char *fallback;        /* what leaving it out means */
    const struct schema *schema; /* of an object, of each item of a list */
};

struct schema {
    const char *name; /* "Number", as generated clients call it */
    const char *description;
    const struct schema *base;  /* its fields come first; NULL: none */
    const struct field *fields; /* up to one without a name */
};

/* An error that an endpoint can answer, beyond those that all can (doc_errors). */
struct doc_error {
    enum err err;
    const char *message; /* an example of it */
    const char *when;    /* "the workspace has no such number" */
    const char *field;   /* an example of a detail; NULL: it has none */
    const char *problem;
};

/* Endpoints that belong together. */
struct doc_group {
    const char *name;
    const char *description;
};

enum doc_shape {
    DOC_ONE,   /* `data` is one object */
    DOC_LIST,  /* `data` is a list of them */
    DOC_PAGE,  /* a list with `meta`; takes `page` and `limit` too */
    DOC_OLDER, /* the same, newest first; takes `before` and `limit` */
};

struct doc {
    const char *id; /* "getNumber": generated clients call their function so */
    const struct doc_group *group;
    const char *summary;     /* a few words */
    const char *description; /* NULL: the summary says it all */
    const struct field *path, *query;
    const struct schema *body;    /* NULL: it takes none */
    const struct schema *or_body; /* the other form that a body may have; NULL: there is one only */
    bool body_optional;           /* it may be left out */
    bool asks_meta;               /* its answer depends on Meta's; as of all LIVE_ONCE */
    int status;                   /* 0: 200 */
    const char *message;          /* of the answer to a write; NULL: the answer has none */
    enum doc_shape shape;
    const char *stream; /* an example of an answer that goes on, as text/event-stream; else NULL */
    const struct schema *data;      /* NULL: it is a stream */
    bool data_nullable;             /* `data` may be null; the description says when */
    const struct doc_error *errors; /* up to one of ERR_OK; NULL: no others */
};

/* What a webhook is told of. The envelope is the same of all. */
struct event_doc {
    const char *name;          /* "number.quality.updated" */
    const struct schema *data; /* whose description says what happened */
};
extern const struct event_doc event_docs[]; /* events_doc.c; up to one without a name */

#define FIELDS(...) ((const struct field[]){__VA_ARGS__, {0}})
#define ERRORS(...) ((const struct doc_error[]){__VA_ARGS__, {0}})
#define VALUES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The `meta` of such a list; NULL when the answer has none. */
const struct schema *doc_meta_schema(const struct doc *d);

/* The n-th field, those of the base first; NULL behind the last one. */
const struct field *schema_field(const struct schema *s, size_t n);
/* The n-th query parameter, those of a list with `meta` first; NULL behind the last one. */
const struct field *doc_query_field(const struct doc *d, size_t n);
int doc_status(const struct doc *d);

/* --- errors ------------------------------------------------------------------------------- */
#define DOC_ERRORS_MAX 16 /* of one status of one endpoint */

/* Statuses that an endpoint of this API can refuse with, ascending, up to 0. */
extern const int doc_statuses[];
/* The errors with that status which the route can answer: what all can, then its own. */
size_t doc_errors(const struct route *route, int status, struct doc_error ret[DOC_ERRORS_MAX]);
/* Is that status the same for all routes, so that it is described once? */
bool doc_status_is_common(const struct route *route, int status);

/* --- examples ----------------------------------------------------------------------------- */
void doc_write_example(struct json_writer *w, const struct schema *s);
void doc_write_field_example(struct json_writer *w, const struct field *f);
/* The body of a successful answer. */
void doc_write_answer_example(struct json_writer *w, const struct doc *d);
void doc_write_error_example(struct json_writer *w, const struct doc_error *e);
/* The body of a delivery. */
void doc_write_event_example(struct json_writer *w, const struct event_doc *e);
/* The path with its parameters, and the query parameters that must be there. */
void doc_write_target_example(struct buf *out, const struct route *route);

/* --- what holds for all endpoints --------------------------------------------------------- */
struct doc_topic {
    const char *id, *title;
    const char *text; /* as above; a paragraph whose lines are indented by four is code */
};
extern const struct doc_topic doc_topics[]; /* up to one without an id */
