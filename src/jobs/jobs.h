/* The jobs thread: one libuv loop that talks to Meta, keeps every linked account true, and carries
 * out the calls that must ask Meta before they can be answered (the LIVE routes).
 *
 * Other threads hand it a `struct jobs_task` and get it back through a queue of theirs. Between the
 * two, the task, its arena and its error belong to the jobs thread. */
#pragma once

#include "base/queue.h"
#include "crypto/seal.h"
#include "graph/graph.h"
#include "model/pulse.h"
#include "store/store.h"

enum jobs_kind {
    JOBS_LINK,          /* link an account: ask Meta, subscribe, write it down */
    JOBS_SYNC,          /* ask Meta about a linked account now */
    JOBS_CHECK_ACCOUNT, /* does Meta take the account's token? Writes nothing */
    JOBS_CHECK_GRAPH,   /* is the Graph API reachable? */
    JOBS_WEBHOOK,       /* make or change a webhook's endpoint, which may have to prove itself */
    JOBS_RELOAD,        /* the database was replaced: jobs_reload */

    /* about one number of a linked account */
    JOBS_REQUEST_CODE,
    JOBS_VERIFY_CODE,
    JOBS_REGISTER,
    JOBS_DEREGISTER,
    JOBS_SET_PIN,
    JOBS_FETCH_PROFILE,
    JOBS_CHANGE_PROFILE,
};
#define JOBS_KINDS (JOBS_CHANGE_PROFILE + 1)

/* How the message of ERR_UPSTREAM begins, of a call that changes something at Meta and of which
 * nobody can say whether it did. */
#define JOBS_UNKNOWN "Meta may have carried this out, or not; look before you send it again"

/* An endpoint, as it is to be. */
struct jobs_webhook {
    int64_t id;        /* 0: a new one, whose id it becomes */
    struct str url;    /* empty: as it is */
    struct str events; /* the same */
    int enabled;       /* 1, 0, or -1: as it is */
};

struct jobs_task {
    struct list node; /* first: what the queues link by */
    enum jobs_kind kind;
    struct queue *reply_to;
    struct arena *arena;
    struct error error; /* set when err is not ERR_OK; its arena is the task's */
    enum err err;

    /* of JOBS_LINK and of what changes a number: the row that says `applied` when it is done */
    int64_t idempotency_id; /* 0: none */

    /* of JOBS_LINK */
    int64_t workspace_id;
    struct str waba_id;  /* empty with a code: found through debug_token */
    struct secret token; /* empty with a code; the task owns it, jobs_task_release wipes it */
    struct str code;     /* of embedded signup */
    bool replace;        /* take the new token though the old one works */

    struct jobs_webhook webhook; /* of JOBS_WEBHOOK */

    /* of calls about a number */
    struct str phone_number_id;
    struct secret pin;            /* or the code; the task owns it, jobs_task_release wipes it */
    struct str method, language;  /* of JOBS_REQUEST_CODE */
    struct str region;            /* of JOBS_REGISTER; may be empty */
    struct graph_profile profile; /* of the profile's two, while has_profile */
    bool has_profile;
    struct graph_profile_change change; /* of JOBS_CHANGE_PROFILE */
    bool is_taken;                      /* Meta did it: what comes after that cannot make it fail */

    /* Of all that are about an account; set by JOBS_LINK. JOBS_WEBHOOK puts the webhook's id here:
     * what it made or changed. */
    int64_t account_id;
    enum graph_outcome outcome; /* of the checks, which never fail for what Meta says */
    struct str message;         /* of the checks: what a person should know */
    /* of JOBS_CHECK_ACCOUNT, when the outcome is GRAPH_OK */
    bool has_apps; /* Meta named the apps that the account's webhooks go to */
    struct graph_apps apps;
    struct str apps_message; /* ... or why it did not */
};

/* How events are delivered (developer-api.md §8). */
struct jobs_webhooks {
    bool allow_http;     /* endpoints without TLS */
    bool allow_private;  /* endpoints at addresses that are not public */
    const char *ca_file; /* whom to trust instead of the system's; NULL: the system's */
    int timeout_ms;
    int64_t pauses_ms[DELIVERY_TRIES_MAX]; /* after each failure but the last */
    size_t n_pauses;
    int64_t disable_after_s; /* of nothing but failures */
};

struct jobs_options {
    struct store *store;
    const struct keyring *keyring;
    struct pulse *pulse;
    struct graph_options graph;
    struct jobs_webhooks webhooks;
    struct str app_id;       /* for codes of embedded signup; empty: they are refused */
    int64_t sync_interval_s; /* 0: no periodic sync, as in a command without a server */
};

/* How a try ended. */
enum delivery_outcome {
    DELIVERY_DONE,
    DELIVERY_RETRIED, /* it failed, and is tried again */
    DELIVERY_DEAD,    /* it failed for the last time */
    DELIVERY_OUTCOMES,
};

/* Written by the jobs thread, read by any. The gauges are as true as its last tick. */
struct jobs_stats {
    struct graph_stats graph;
    struct counter syncs[GRAPH_OUTCOMES];    /* by how asking Meta ended */
    struct counter syncs_unwritten;          /* ... and the store did not take what was learnt */
    struct gauge accounts, accounts_failing; /* that are ours to sync; whose last one failed */
    struct counter leases_claimed, leases_given, leases_lost; /* accounts, with other replicas */
    struct gauge syncs_running, runs_pending;                 /* the latter of any kind */
    struct counter deliveries[DELIVERY_OUTCOMES];
    struct histogram delivery_times; /* from the event to the answer of its delivery */
    struct gauge lanes, deliveries_running;
};

struct jobs;

/* Starts the thread. The options are copied, what they point to outlives the jobs. */
enum err jobs_start(const struct jobs_options *options, struct jobs **ret,
                    struct error *error) MUST_USE;
/* As long as the jobs are there. */
const struct jobs_stats *jobs_stats(const struct jobs *j);
/* Any thread. After jobs_stop began, the task comes back at once with ERR_UNAVAILABLE. */
void jobs_submit(struct jobs *j, struct jobs_task *task);
/* Cancels what waits for Meta (those tasks come back with ERR_UNAVAILABLE), lets commits finish,
 * writes the pulse down, leaves the accounts to the other replicas and joins. Whoever may still
 * submit needs the jobs to be there: they are freed apart. NULL is fine. */
void jobs_stop(struct jobs *j);
/* After jobs_stop, once nobody submits any more. NULL is fine. */
void jobs_free(struct jobs *j);

/* Any thread but the jobs' own; waits. The database was replaced: what was confirmed is forgotten,
 * and every linked account is asked about anew. Does nothing while the jobs are stopping. */
void jobs_reload(struct jobs *j);

/* Wipes the task's secrets. */
void jobs_task_release(struct jobs_task *task);
