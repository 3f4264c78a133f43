/* Reading a stream of Server-Sent Events (HTML, "Server-sent events"), cut anywhere. What comes out
 * is UTF-8; a stream that is not, or a line or event larger than it may be, is an error, as no
 * server of ours sends such. One thread at a time. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

struct sse {
    struct buf line;    /* as far as it has come */
    struct buf name;    /* of the event that is being read */
    struct buf data;    /* its lines, each with a line feed behind it */
    struct buf id;      /* ... and the id: it holds until there is another */
    struct buf last_id; /* that of the last event, with or without data, that has come whole */
    int64_t retry_ms;   /* the pause before connecting again, as was said last; -1: nothing was */
    bool begun;         /* behind the first line, before which a byte order mark may stand */
    bool after_cr;      /* a line feed would belong to the line's end that was read */
};

struct sse_event {
    struct str id;   /* empty: it has none */
    struct str name; /* "message" when it says none */
    struct str data;
};
/* Its texts are valid during the call. False ends the feeding. */
typedef bool sse_handler(void *arg, const struct sse_event *event);

/* `max`: bytes of a line, and of an event's data. */
void sse_init(struct sse *s, size_t max);
void sse_release(struct sse *s); /* for _cleanup_ */
/* As if an event with this id had come. */
void sse_resume(struct sse *s, struct str id);
/* A new connection: forgets what did not come whole, and keeps the last id and the pause. */
void sse_begin(struct sse *s);
/* ERR_PARSE: bytes that are no UTF-8. ERR_LIMIT: larger than it may be. ERR_CLOSED: the handler had
 * enough. After any of them the stream cannot go on. */
enum err sse_feed(struct sse *s, struct str bytes, sse_handler *handle, void *arg) MUST_USE;
