/* The API as the HTTP floor sees it: hooks that find the route, let the gate check who asks, run
 * the handler where its route says, and write every answer and error in one form.
 *
 * One `struct api` a loop; it belongs to the loop's thread. What the loops share is in api_shared,
 * read-only but for what says otherwise. */
#pragma once

#include "api/answers.h"
#include "api/left_claims.h"
#include "api/metrics.h"
#include "api/streams.h"
#include "gate/gate.h"
#include "http/gzip.h"
#include "jobs/jobs.h"

/* What came of Meta's webhooks. */
struct inbound_metrics {
    struct counter deliveries, known; /* taken; of them, those that had come before */
    struct counter changes, changed, unapplied;
};

struct call;
struct docs;
struct route;

struct api_shared {
    struct store *store;
    struct jobs *jobs;
    struct directory_hub *directory;
    struct keyring *keyring;
    const struct route *routes;        /* of the signed API: api_routes, or a test's own */
    const struct endpoints *endpoints; /* of these routes: route_endpoints_new */
    const struct docs *docs;           /* the public pages; NULL: none */
    struct pulse *pulse;
    bool webhooks_allow_http;  /* endpoints without TLS */
    int64_t sync_interval_s;   /* for `stale`, also where no periodic sync runs */
    struct policy *policy;     /* until another is set */
    struct failures *failures; /* of authentication */
    struct left_claims *left_claims;
    struct stream_counts *stream_counts;
    int64_t started_at;
    const char *data;     /* the folder */
    const char *database; /* where it is, as people may see it */
    const char *key_path;
    _Atomic bool *folder_taken; /* a SLOW call is at work on the folder's files */
    const char *listen;         /* for /admin/status; any of these may be NULL */
    const char *graph_url;
    const char *graph_version;
};

/* Who may sign is loaded anew where reading waits for a server: on a thread of libuv's, once for
 * all calls that wait for it. */
struct api_reload {
    uv_work_t work;
    struct list calls;   /* store_write of those that are answered when it is done */
    struct list waiting; /* the same, of the next time */
    enum err err;
    bool runs;
};

struct api {
    const struct api_shared *shared;
    struct gate gate;
    struct api_metrics metrics;
    struct inbound_metrics inbound;
    /* Monotonic; when a refusal of Meta's was logged last, each reason by itself: a wrong verify
     * token hides no wrong signature. 0: never. */
    int64_t meta_token_refused_us, meta_signature_refused_us;
    struct http_gzip gzip;
    /* The loop's, where it reads by itself; else of the work that loads who may sign anew. */
    struct store_reader *reader;
    struct answers answers;
    struct streams streams;
    struct api_reload reload;
    struct queue writes;  /* store_write, back from the store */
    struct queue reads;   /* store_read, the same */
    struct queue tasks;   /* jobs_task, back from the jobs thread */
    struct queue decided; /* struct undecided, once its limit is known */
    uv_async_t wake;
    uv_prepare_t end_of_turn; /* lets the turn's read snapshot go */
    size_t n_pending;         /* calls that are on another thread */
    _Atomic bool ending;      /* the loop ends: a SLOW call is not to keep it waiting */
    void (*idle)(void *arg);  /* called when n_pending falls to 0; may be NULL */
    void *idle_arg;
};

enum err api_open(struct api *api, uv_loop_t *loop, const struct api_shared *shared,
                  struct error *error) MUST_USE;
/* No call may be pending. Closes its handles: the loop must turn once more. */
void api_close(struct api *api);
void api_release(struct api *api); /* after that turn */

/* For http_server_init, with the api as argument. */
extern const struct http_hooks api_hooks;
