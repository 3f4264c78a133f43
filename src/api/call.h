/* One call of the API, from its route to its answer: what a handler sees.
 *
 * A handler is a plain function (architecture.md, "A handler is a plain function"); its route says
 * where it runs:
 *   LOCAL  run on the loop, without a transaction: for what is known in memory.
 *   READ   run in a read snapshot: on the loop where reading waits for nothing, else on a thread of
 *          the store's. So is whatever else here reads "in a snapshot".
 *   STREAM check on the loop: fills call->input, a struct stream_wish. run in a read snapshot, as a
 *          READ: says where the stream of events begins, which is then the answer (streams.h).
 *   WRITE  check on the loop: reads and validates the body into call->input, refuses what is wrong.
 *          apply on the store thread, in the next group commit, under its own savepoint; its answer
 *          is released after the commit.
 *   LIVE   check in a snapshot: fills call->task. The jobs thread carries it out. run, in a fresh
 *          snapshot, writes the answer.
 *   LIVE_ONCE
 *          the same, of what Meta must not hear of twice, whatever breaks (once.h).
 *   SLOW   check on the loop. run on a thread of its own, which may wait for files and for the
 * store and has no transaction; it ends early once call->api->ending is set. A call, like its
 * request, belongs to one thread at a time. */
#pragma once

#include "api/answers.h"
#include "api/api.h"
#include "api/once.h"
#include "api/route.h"
#include "json/reader.h"
#include "json/writer.h"

struct call {
    struct api *api;
    struct http_request *request;
    const struct route *route;
    struct arena *arena; /* the request's */
    struct error error;
    struct str path;      /* relative to the base URL */
    struct caller caller; /* who signed; of an admin call only workspace_id, once it is looked up */
    struct limit_state limit; /* what the answer tells of it; zero: nobody is known, or no limit */
    struct http_match match;
    size_t first_param; /* of the match, that is the handler's */
    struct tx *tx;      /* while check of a LIVE route, run or apply goes on */
    /* Of a WRITE, set by check: what is written instead when run failed for another reason than the
     * store; its own outcome counts then. NULL: nothing. */
    call_fn *otherwise;
    void (*release)(struct call *call); /* of what input owns; NULL: nothing */
    void *input;                        /* check's, for apply */
    int status;                         /* 200 unless the handler says otherwise */
    struct str content_type;            /* of an answer that is no JSON; empty: it is */
    enum err outcome;                   /* of an answer that is an error of this call */
    struct buf reply;
    struct json_writer out;
    size_t blank_from, blank_len; /* of the reply: a secret, which is not kept with it */
    bool changes_directory;       /* set by apply: who may sign is loaded anew before the answer */

    struct undecided undecided; /* while it waits for its limit */
    struct once once;
    struct store_write write;
    struct store_read read;
    struct answer_key asked;                     /* of a READ whose answer may be kept */
    enum err refused;                            /* by check; what is known of the request is looked
                                                    up before it is answered */
    call_fn *on_store;                           /* what `write` or `read` does, in tx */
    void (*then)(struct call *call, enum err e); /* goes on when it is back on the loop */
    struct jobs_task task;
    uv_work_t slow;
    enum err slow_err;
};

/* No answer yet, and nothing written. Where the call begins, and again on the store thread by what
 * begins so there: it may have been run before (store.h). */
void call_start(struct call *call);

/* {"status":true,"data": ... and its end; the handler writes the value between. With a message:
 * {"status":true,"message":"...","data": */
void call_begin(struct call *call);
void call_begin_message(struct call *call, const char *message);
void call_end(struct call *call);

/* Bytes that are no text, as base64. */
enum err call_member_base64(struct call *call, const char *key, struct str bytes) MUST_USE;

/* For a route whose body says nothing: empty, or an object without members. */
enum err call_expect_no_fields(struct call *call) MUST_USE;
/* A name that people read: text of 1 to NAME_MAX_POINTS, not all blanks, without control characters
 * (which could end a line of a list or of a terminal). */
struct str call_read_name(struct body *b, const char *key, bool required);
/* The n-th {parameter} of the route's pattern, raw. */
struct str call_param(const struct call *call, size_t n);
/* A query parameter, decoded; empty when absent. */
enum err call_query(struct call *call, const char *name, struct str *ret) MUST_USE;
/* A complaint about one: ERR_VALIDATION. Who reads several complains about all before it ends. */
enum err call_query_wrong(struct call *call, const char *name, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* `page` and `limit` of a page list (developer-api.md §1.4). */
struct page {
    int64_t number, limit, offset;
};
enum err call_page(struct call *call, struct page *ret) MUST_USE;
/* `before` (an id; 0: the newest) and `limit`, up to `max`, of long lists, which are read from
 * their newest end. */
struct older {
    int64_t before, limit;
};
enum err call_older(struct call *call, int64_t max, struct older *ret) MUST_USE;
/* After the data: closes it and writes `meta` and the end. */
void call_end_page(struct call *call, const struct page *page, int64_t total);
