/* Inside jobs/: what lanes.c and delivery_run.c share. Everything belongs to the jobs thread. */
#pragma once

#include "jobs/runner.h"
#include "model/job.h"

struct job_lane {
    struct list node;  /* of all lanes */
    struct list ready; /* of those that may begin something */
    struct jobs *jobs;
    int64_t webhook_id;
    struct list runs;  /* delivery_run: under way, or being written down */
    int n_runs, limit; /* how many there are; how many there may be */
    bool reading;      /* what is due is being read, or the webhook claimed */
    bool more;         /* something may be due that no read has seen */
    bool known;        /* it was read since the lane is there */
    enum lane_kind kind;
    int failures;          /* in a row */
    int64_t failed_us;     /* monotonic; when the last of them was noted */
    int64_t woken_ms;      /* monotonic; when something was last due */
    int64_t rest_until_ms; /* monotonic; nothing begins before it */
    int64_t due_at;        /* wall time; when the next one is due; 0: not known */
};

/* One try of one delivery. */
struct delivery_run {
    struct job_write write; /* first */
    struct list node;       /* of its lane's */
    struct list unwritten;  /* of those that wait for the store; else alone */
    int unwritten_times;    /* in a row */
    int64_t write_at_ms;    /* monotonic; when it is tried again */
    struct jobs *jobs;
    struct job_lane *lane;
    enum lane_kind kind; /* which places it has one of */
    bool answered;
    int64_t began_us; /* monotonic */
    struct arena arena;
    struct str url;        /* where it is sent to; the arena's */
    struct job job;        /* its text is the arena's */
    int64_t began_at;      /* wall time */
    int64_t retry_after_s; /* as the webhook asks; 0: it does not */
    struct job_attempt attempt;
    int64_t due_at; /* of the next try */
    const char *state;
    const char *disable; /* WEBHOOK_GONE or WEBHOOK_FAILING: what came of it */
};

/* A copy of the job. NULL: it is too large. Any thread. */
struct delivery_run *delivery_run_new(const struct job *j);
void delivery_run_free(struct delivery_run *run);
/* What came of it, once more. */
void delivery_run_write(struct delivery_run *run);
void delivery_run_begin(struct jobs *j, struct delivery_run *run, const struct webhook *w,
                        const struct secret *secret, const struct secret *previous);

/* The webhook has answered, or not. */
void job_lane_answered(struct delivery_run *run, bool success, int64_t us);
/* What came of it is written down, or could not be. Frees the run. */
void job_lane_written(struct delivery_run *run, enum err e);
