/* Durable jobs: what is to be done although the process may end at any moment. A row is written in
 * the transaction that causes it, and stays on record when it is done (or dead: given up after its
 * last try) until it is swept.
 *
 *   waiting   to be tried once it is due
 *   behind    another one with the same order key at the same endpoint has to end first
 *   done      a success
 *   dead      every try failed; a person may have it tried again, as a new job
 *   dropped   a person, or the deletion of its endpoint, took it back
 *
 * Several processes may share the store: the jobs of one endpoint are all run by the replica that
 * has the endpoint (webhook_claim). A try that was under way when a process ended is made again:
 * at least once. */
#pragma once

#include "model/change.h"

#define JOB_DELIVER "deliver" /* an event to an endpoint */

#define JOB_WAITING "waiting"
#define JOB_BEHIND  "behind"
#define JOB_DONE    "done"
#define JOB_DEAD    "dead"
#define JOB_DROPPED "dropped"

#define JOB_AT_ONCE INT64_C(0) /* due_at of what a person asked for: before all that waits */

struct job {
    int64_t id;
    int64_t workspace_id;
    struct str workspace_domain;
    struct str kind;
    int64_t webhook_id;
    struct str url; /* the endpoint's */
    int64_t event_id;
    struct str event_name;
    struct str event_uid; /* the event's: evt_... */
    struct str body;      /* the event's; of job_each_due and job_find alone */
    struct str order_key; /* empty: no order */
    struct str state;
    int64_t attempts;
    int64_t due_at;
    struct str error; /* of the last attempt */
    int64_t created_at;
    int64_t ended_at; /* ms; 0: not ended */
};

/* Behind the last one of its order key, if one is open. state, attempts and ended_at are not read.
 */
enum err job_insert(struct tx *tx, const struct job *j, int64_t *ret_id) MUST_USE;

/* --- running ------------------------------------------------------------------------------ */

/* The jobs of an endpoint that are due, those that wait longest first. Text is valid during the
 * callback. */
enum err job_each_due(struct tx *tx, int64_t webhook_id, int64_t now, int64_t limit,
                      enum err (*each)(void *arg, const struct job *j), void *arg) MUST_USE;

/* Endpoints that are enabled, with the time at which the first of their jobs is due. */
struct job_line {
    int64_t webhook_id;
    int64_t replica_id;
    int64_t due_at; /* ms */
};
enum err job_each_line(struct tx *tx, enum err (*each)(void *arg, const struct job_line *l),
                       void *arg) MUST_USE;
/* When the next one that is not due yet is; 0: there is none. */
enum err job_next_due(struct tx *tx, int64_t webhook_id, int64_t now, int64_t *ret) MUST_USE;
/* Endpoints with jobs that are younger than *cursor, which moves on; and when the first of these
 * was due when it was made. */
enum err job_each_new(struct tx *tx, int64_t *cursor,
                      enum err (*each)(void *arg, int64_t webhook_id, int64_t due_at),
                      void *arg) MUST_USE;
enum err job_last(struct tx *tx, int64_t *ret) MUST_USE; /* the youngest; 0: none */

/* One try. */
struct job_attempt {
    int64_t position; /* 1, 2, ... */
    int64_t at;       /* ms; when it began */
    int64_t us;       /* how long it took */
    int64_t status;   /* HTTP's; 0: no answer came */
    struct str error; /* empty: a success */
    struct str answer;
};
/* Writes it down, and what becomes of the job: JOB_DONE, JOB_DEAD, or JOB_WAITING until due_at.
 * When it ended the next one of its order key waits no longer behind it. ERR_NOT_FOUND when the job
 * is open no more, since somebody dropped it meanwhile, or when the failure of this try, or of a
 * later one, is on record. */
enum err job_settle(struct tx *tx, const struct job *j, const struct job_attempt *a,
                    const char *state, int64_t due_at, int64_t now) MUST_USE;

/* --- by hand ------------------------------------------------------------------------------ */

struct job_filter {
    int64_t workspace_id; /* 0: any */
    int64_t webhook_id;   /* 0: any */
    struct str state;     /* empty: any */
};
/* Newest first, without bodies. Text is valid during the callback. */
enum err job_each(struct tx *tx, const struct job_filter *f, int64_t before, int64_t limit,
                  enum err (*each)(void *arg, const struct job *j), void *arg) MUST_USE;
/* In the arena. ERR_NOT_FOUND. */
enum err job_find(struct tx *tx, int64_t id, struct arena *arena, struct job *ret) MUST_USE;
enum err job_each_attempt(struct tx *tx, int64_t id,
                          enum err (*each)(void *arg, const struct job_attempt *a),
                          void *arg) MUST_USE;
/* A new job for the same event and endpoint, due before all others; its webhook-id is the same. */
enum err job_repeat(struct tx *tx, const struct job *j, int64_t now, int64_t *ret_id) MUST_USE;
/* For every event of the endpoint's jobs that were made from `from` on and before `to`, at most
 * JOBS_REPLAY_MAX; ERR_CONFLICT beyond. In their order. */
enum err job_repeat_range(struct tx *tx, int64_t webhook_id, int64_t from, int64_t to, int64_t now,
                          int64_t *ret_n) MUST_USE;
/* Makes an open one due, before all others of its webhook. ERR_CONFLICT: it is behind another one,
 * or ended. */
enum err job_hurry(struct tx *tx, int64_t id) MUST_USE;
/* ERR_CONFLICT when it has ended. */
enum err job_drop(struct tx *tx, const struct job *j, int64_t now) MUST_USE;

/* Removes some that ended before `before`, with their attempts: up to UPKEEP_PURGE_ROWS. */
enum err job_sweep(struct tx *tx, int64_t before, int64_t *ret_removed) MUST_USE;
/* Drops some that nobody will run, up to UPKEEP_PURGE_ROWS: of endpoints that were deleted, and of
 * disabled ones those that were made before `before`. */
enum err job_drop_stranded(struct tx *tx, int64_t before, int64_t now,
                           int64_t *ret_dropped) MUST_USE;
