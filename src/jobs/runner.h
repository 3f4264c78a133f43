/* Inside jobs/: the thread's own state. Everything here belongs to the jobs thread. */
#pragma once

#include "jobs/jobs.h"
#include "model/account_sync.h"

/* A linked account as the scheduler sees it. */
struct job_account {
    struct list node;
    int64_t id;
    int64_t due_ms;             /* monotonic; when the next sync starts */
    int failures;               /* in a row */
    int64_t throttled_until_ms; /* monotonic; before it Meta is not asked, whoever wants it */
    struct list waiting;        /* JOBS_SYNC tasks for the next run */
    bool running;
};

struct jobs {
    struct jobs_options options;
    uv_loop_t loop;
    uv_thread_t thread;
    uv_async_t wake;
    uv_timer_t tick;
    struct queue inbox;  /* jobs_task */
    struct queue writes; /* job_write, back from the store */
    struct graph *graph;
    struct store_reader *reader;
    struct list accounts; /* job_account; the one whose last sync began first is first */
    size_t n_syncs;       /* running */
    bool ticking;         /* accounts that are due are being started */
    size_t n_pending;     /* runs of any kind that are not over: the loop stays for them */
    bool stopping;
    struct jobs_stats stats;
};

/* A write that comes back to the jobs thread. */
struct job_write {
    struct store_write write; /* first */
    void (*done)(struct job_write *w);
};

/* task.c: what every kind of job shares.
 * Submits; when the store takes no more, `done` is called at once with the error. */
void job_write_submit(struct jobs *j, struct job_write *w);

/* Hands a task back. */
void job_task_done(struct jobs_task *task, enum err e);
/* Hands a task back with what Meta answered, in terms of developer-api.md §1.5. */
void job_task_answered(struct jobs_task *task, const struct graph_answer *answer);

/* The token of a linked account. ERR_NOT_FOUND, ERR_INTERNAL. */
enum err job_open_account(struct jobs *j, int64_t account_id, struct arena *arena,
                          struct account *ret, struct secret *ret_token) MUST_USE;
/* facts.c. Meta's account in the model's terms; everything in the arena. False when that is full.
 */
bool job_read_facts(const struct graph_account *account, struct arena *arena,
                    struct account_facts *ret) MUST_USE;

/* sync.c */
enum err job_sync_load(struct jobs *j) MUST_USE; /* every linked account, due now */
/* The database is another one: accounts that are new to us are taken up, all are due now, and those
 * that are gone leave with their next run. */
enum err job_sync_reload(struct jobs *j) MUST_USE;
void job_sync_tick(struct jobs *j);
void job_sync_show(struct jobs *j); /* in the gauges of the stats */
void job_sync_task(struct jobs *j, struct jobs_task *task);
/* An account was linked, or linked again; Meta was asked at that wall time. */
void job_sync_linked(struct jobs *j, int64_t account_id, int64_t asked_at);
void job_sync_release(struct jobs *j);

/* link.c, check.c */
void job_link(struct jobs *j, struct jobs_task *task);
void job_check_account(struct jobs *j, struct jobs_task *task);
void job_check_graph(struct jobs *j, struct jobs_task *task);
