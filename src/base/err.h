/* Errors: one enum for the whole program, and what a person should read about one of them. */
#pragma once

#include "base/arena.h"
#include "base/base.h"
#include "base/str.h"

/* 0 is fine. err_status() and err_code() say what each is over HTTP (developer-api.md §1.5). */
enum err {
    ERR_OK = 0,

    /* the request is wrong */
    ERR_BAD_REQUEST,            /* not HTTP as we accept it, or not a request of this API */
    ERR_VALIDATION,             /* fields wrong; each named in the details */
    ERR_INVALID_PHONE_NUMBER,   /* the only thing wrong is a phone number */
    ERR_INVALID_JSON,           /* details.offset */
    ERR_INVALID_FORM,           /* details.offset */
    ERR_MISSING_HEADERS,        /* a header of the signature is not there */
    ERR_INVALID_HEADERS,        /* a header of the signature is malformed */
    ERR_UNSUPPORTED_VERSION,    /* X-API-Version names no version we speak */
    ERR_AUTHENTICATION,         /* who it is or the signature: one answer for all */
    ERR_TIMESTAMP_EXPIRED,      /* signature right, timestamp outside the window */
    ERR_PERMISSION_DENIED,      /* signature right, the client may not do this */
    ERR_NOT_FOUND,              /* message names the kind */
    ERR_METHOD_NOT_ALLOWED,     /* with Allow */
    ERR_REQUEST_TIMEOUT,        /* header or body did not arrive in time */
    ERR_CONFLICT,               /* the state forbids it: duplicate, in use, backwards */
    ERR_IN_PROGRESS,            /* the first request with this idempotency key still runs */
    ERR_KEY_REUSED,             /* an idempotency key with another request than its first */
    ERR_RATE_LIMIT,             /* too many in this window; with retry_after */
    ERR_TOO_LARGE,              /* body over the endpoint's limit */
    ERR_URI_TOO_LONG,           /* request line over its limit */
    ERR_UNSUPPORTED_MEDIA_TYPE, /* body or file type */
    ERR_EXPECTATION_FAILED,     /* Expect is not 100-continue */
    ERR_MESSAGE_REJECTED,       /* Meta refused; details say with what */
    ERR_HEADERS_TOO_LARGE,      /* too many or too long header fields */

    /* we, or those we depend on, are wrong */
    ERR_INTERNAL,        /* a fault of ours; nothing of the cause leaks */
    ERR_NOT_IMPLEMENTED, /* a transfer coding we do not speak */
    ERR_UPSTREAM,        /* Meta answered something unusable */
    ERR_UNAVAILABLE,     /* store not writable, Meta unreachable, shutting down */
    ERR_IN_DOUBT,        /* the store's server was lost while it committed: done, or not done */
    ERR_HTTP_VERSION,    /* not HTTP/1.0 or HTTP/1.1 */
    ERR_NO_MEMORY,       /* a size that a client chose did not fit */

    /* never reach HTTP as they are: a caller turns them into one of the above */
    ERR_IO,     /* a file or socket of this machine */
    ERR_BUSY,   /* another process holds it */
    ERR_PARSE,  /* text that does not follow its form */
    ERR_LIMIT,  /* over a named limit */
    ERR_USAGE,  /* the command line is wrong: exit status 2 */
    ERR_CLOSED, /* the other side is gone, or the thing is shutting down */
    ERR_COUNT,
};

/* HTTP status, such as 404. */
int err_status(enum err e);
/* The `error` of an answer, such as "resource_not_found". */
const char *err_code(enum err e);

/* One field of `details`. */
struct error_detail {
    struct error_detail *next;
    struct str field;
    struct str problem; /* its ptr NULL: there is nothing to say, which is told as null */
};

/* What a person should read about an error: set once, where it is known. Its strings live in
 * `arena`; when that is full the message is lost, never the error. */
struct error {
    struct arena *arena;
    enum err err;
    struct str message; /* a sentence */
    struct error_detail *details, *last_detail;
    int retry_after;  /* seconds, 0: say nothing */
    struct str allow; /* the Allow header of a 405, empty: say nothing */
};

void error_init(struct error *error, struct arena *arena);
/* Sets err and message; returns err, so that a function can end with it. */
enum err error_set(struct error *error, enum err e, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same with errno's text behind the message: "cannot open DIR/lock: Permission denied". */
enum err error_set_errno(struct error *error, enum err e, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Adds to `details`. The field's text is kept by pointer: a literal, or from the arena. */
void error_detail(struct error *error, const char *field, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* A member that every error of its kind has: null where there is no `value`. Copied. */
void error_detail_opt(struct error *error, const char *field, struct str value);
/* Copies an error into another arena, as when it leaves its thread. */
void error_copy(struct error *to, const struct error *from);
