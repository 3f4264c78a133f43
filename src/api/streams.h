/* Streams of events (GET /events): what happens in a workspace, told to who listens as it happens,
 * as Server-Sent Events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
 *
 * A stream is a cursor in the events of its workspace. Whatever is told leads to a look: whose
 * events are new? Their streams read on, in pages, and the next page is only read once the client
 * has taken the last one: who reads slowly costs one page, however much happens. No snapshot
 * outlives a page. Ids are given and committed by one writer after the other, so that no event
 * comes to be behind a cursor that has passed it.
 *
 * All of a loop's streams belong to its thread, but for a page while it is being read. */
#pragma once

#include "model/event.h"
#include "store/store.h"
#include <stdatomic.h>
#include <uv.h>

struct api;
struct call;

/* --- what the loops share ------------------------------------------------------------------- */

/* How many streams each client has open in this process. */
struct stream_counts {
    pthread_mutex_t mutex; /* of the list */
    struct list clients;
    struct gauge all;
};
void stream_counts_init(struct stream_counts *c);
void stream_counts_release(struct stream_counts *c); /* no stream is open */

/* --- a loop's ------------------------------------------------------------------------------- */

struct stream_look {
    struct store_read read; /* first */
    int64_t cursor;         /* the newest event that was looked at; -1: none was */
    int64_t next;           /* ... when it succeeds */
    int64_t workspaces[EVENT_LOOK_SPACES];
    size_t n_workspaces;
    bool all;  /* more than these, or it is not known which */
    bool back; /* ids went back: the database is another, as after a restore */
    bool more; /* there are more that are new */
    bool runs;
    uint64_t due_ms; /* by uv_now */
};

struct streams {
    struct list all; /* struct event_stream */
    struct list due; /* those that may have something to read */
    size_t n;
    _Atomic bool any;       /* there are some: the loop is to hear of commits */
    _Atomic bool announced; /* something was */
    struct store_listener listener;
    struct queue reads; /* store_read, back from the store */
    struct stream_look look;
    uv_timer_t tick; /* while there are some */
};

void streams_open(struct api *api, uv_loop_t *loop);
/* Closes its handle. */
void streams_close(struct api *api);
void streams_release(struct api *api);
/* The loop was woken: something may have been read, or told. */
void streams_wake(struct api *api);

/* What a client asked for, in the call's arena. */
struct stream_wish {
    uint64_t wanted;            /* a bit for each of event_names; all set: whatever happens */
    char last_id[EVENT_ID_LEN]; /* it has this one, and goes on behind it */
    bool resumes;               /* last_id was asked for */
    int64_t after;              /* our id of it */
};
/* The call, which is permitted, is answered with a stream, or with an error after all. */
void streams_begin(struct call *call, const struct stream_wish *wish);
