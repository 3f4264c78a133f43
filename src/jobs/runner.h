/* Inside jobs/: the thread's own state. Everything here belongs to the jobs thread. */
#pragma once

#include "crypto/hmac.h"
#include "http/client.h"
#include "jobs/jobs.h"
#include "model/account_sync.h"
#include "model/lease.h"
#include "model/webhook.h"

/* A linked account as the scheduler sees it. */
struct job_account {
    struct list node;
    int64_t id;
    bool held;                  /* ours to ask about by ourselves: leases.c */
    uint64_t held_since;        /* the number of the look that was the last one by then */
    int64_t due_ms;             /* monotonic; when the next sync starts */
    int failures;               /* in a row */
    int64_t throttled_until_ms; /* monotonic; before it Meta is not asked, whoever wants it */
    struct list waiting;        /* JOBS_SYNC tasks for the next run */
    int64_t began_ms;           /* monotonic; when the last run began */
    int64_t hints_paid_ms; /* monotonic; by then Meta's quota has room for the runs there were */
    int64_t stretch;       /* how much rarer than else it is asked, as its quota goes */
    bool hinted;           /* a webhook of Meta's is why the next one does */
    bool pressed;          /* ... or something came between the last one */
    int repeats;           /* runs in a row that others' answers came between */
    bool running;
    int64_t unwritten_at; /* wall time: confirmed then, which the store does not know; 0: it does */
};

/* The deliveries of events to one webhook: deliver.c. */
struct job_lane;

/* What is known of a webhook; each kind has places of its own. */
enum lane_kind {
    LANE_BRISK,   /* it answers quickly; or nothing is known */
    LANE_SLOW,    /* it takes long, or has just failed */
    LANE_FAILING, /* it fails again and again */
    LANE_KINDS,
};

/* All of them. */
struct job_lanes {
    struct http_client *client; /* NULL once we are stopping */
    struct hmac hmac;
    uv_timer_t pace;               /* of all but the brisk ones */
    struct list all;               /* job_lane */
    struct list ready[LANE_KINDS]; /* those that may begin something, in turn */
    size_t n_running[LANE_KINDS];  /* deliveries that run */
    enum lane_kind turn;           /* which of those that are not brisk is the next to begin */
    size_t n_reserved[LANE_KINDS]; /* ... that reads under way may begin */
    struct list unwritten;         /* delivery_run: done, and the store did not take it */
    int64_t cursor;                /* jobs up to this id are known */
    bool pumping;                  /* deliveries are being begun */
    bool looking;                  /* a look at what is new is under way */
    bool again;                    /* ... and something was announced since it began */
    bool all_due;                  /* the next look is at all webhooks */
    int64_t look_due_ms;           /* monotonic; when it is in any case */
    int64_t all_allowed_ms;        /* monotonic; what is announced leads to one from then on */
};

/* The accounts that are ours where replicas share the store: leases.c. */
struct job_leases {
    int64_t replica;      /* as which we hold them; 0: none */
    bool busy;            /* a look, or what follows from it, is under way */
    bool unsure;          /* what we hold is to be read anew */
    int64_t due_ms;       /* monotonic; of the next look */
    int64_t share_due_ms; /* monotonic; when the shares are worked out anew, whatever is seen */
    int64_t replicas;     /* as the last look saw them */
    uint64_t looks;       /* so far */
    uint64_t epoch;       /* a look of an earlier one says nothing of what we hold */
};

struct jobs {
    struct jobs_options options;
    uv_loop_t loop;
    uv_thread_t thread;
    uv_async_t wake;
    uv_timer_t tick;
    struct queue inbox;          /* jobs_task */
    struct queue writes;         /* job_write, back from the store */
    struct queue reads;          /* job_read, the same */
    struct graph *graph;         /* NULL once we are stopping */
    struct store_reader *reader; /* NULL where reading waits for a server */
    struct list accounts;        /* job_account; the one whose last sync began first is first */
    size_t n_held;               /* of them */
    struct job_leases leases;
    struct job_lanes lanes;
    struct store_listener listener; /* wakes us when something is announced */
    _Atomic bool announced;
    int64_t pulse_due_ms; /* monotonic; when confirmations are written down next */
    bool pulse_busy;
    size_t n_syncs;   /* running */
    bool ticking;     /* accounts that are due are being started */
    size_t n_pending; /* runs of any kind that are not over: the loop stays for them */
    bool stopping;
    struct jobs_stats stats;
};

/* A write that comes back to the jobs thread. */
struct job_write {
    struct store_write write; /* first */
    void (*done)(struct job_write *w);
};

/* A read that does. */
struct job_read {
    struct store_read read; /* first */
    void (*done)(struct job_read *r);
};

/* task.c: what every kind of job shares.
 * Submits; when the store takes no more, `done` is called at once with the error. */
void job_write_submit(struct jobs *j, struct job_write *w);

/* Runs it on a thread of the store's, or, where reading waits for nobody, here and now: `done` may
 * have been called when it returns. The caller counts it in n_pending until then. */
void job_read_submit(struct jobs *j, struct job_read *r);

/* Hands a task back. */
void job_task_done(struct jobs_task *task, enum err e);
/* Hands a task back with what Meta answered, in terms of developer-api.md §1.5. */
void job_task_answered(struct jobs_task *task, const struct graph_answer *answer);

/* A linked account and its token; the caller's run holds one, and wipes the token. */
struct job_opening {
    struct job_read read; /* first */
    struct jobs *jobs;
    int64_t account_id;
    struct arena *arena;
    struct account account;
    struct secret token;
    /* ERR_NOT_FOUND, ERR_INTERNAL (the token cannot be opened), or what the store says. */
    void (*done)(struct job_opening *o, enum err e);
};
void job_open_account(struct job_opening *o);
/* facts.c. Meta's account in the model's terms; everything in the arena. False when that is full.
 */
bool job_read_facts(const struct graph_account *account, struct arena *arena,
                    struct account_facts *ret) MUST_USE;

/* accounts.c: the table of accounts. */
int64_t job_now_ms(void); /* monotonic */
struct job_account *job_account_find(struct jobs *j, int64_t id);
/* One that is not there yet. Where the store is not shared it is ours. */
struct job_account *job_account_add(struct jobs *j, int64_t id);
struct job_account *job_account_find_or_add(struct jobs *j, int64_t id);
void job_account_free(struct jobs *j, struct job_account *entry);
/* Has Meta asked for a rest that is not over? Then *ret is what to answer meanwhile. */
bool job_account_is_throttled(struct jobs *j, int64_t id, struct graph_answer *ret) MUST_USE;
/* Ours, and due then. */
void job_account_hold(struct jobs *j, struct job_account *entry, int64_t due_ms);
void job_account_let_go(struct jobs *j, struct job_account *entry);
void job_accounts_let_go(struct jobs *j);
/* Every linked account, due now: where the store is not shared. */
enum err job_accounts_load(struct jobs *j) MUST_USE;
/* The database is another one: accounts that are new to us are taken up, all are due now, and those
 * that are gone leave with their next run. */
enum err job_accounts_reload(struct jobs *j) MUST_USE;
/* Forgets those that nobody needs any more: asked about by hand, and another's. */
void job_accounts_sweep(struct jobs *j);
void job_accounts_show(struct jobs *j); /* in the gauges of the stats */
void job_accounts_release(struct jobs *j);

/* leases.c: which accounts are ours; nothing where the store is not shared. */
void job_leases_tick(struct jobs *j);
/* May runs begin by themselves? Not while the others may take us for dead. */
bool job_leases_stand(const struct jobs *j);
/* Another one has the account, as the store says. */
void job_leases_lost(struct jobs *j, struct job_account *entry);
/* The database is another one. */
void job_leases_forget(struct jobs *j);
/* As which replica a linked account is ours to sync; 0: as none. Any thread. */
int64_t job_leases_replica(const struct jobs *j);
/* What a look asks for, with so many accounts linked. */
struct job_lease_plan {
    int64_t claim, give; /* accounts */
};
struct job_lease_plan job_leases_plan(const struct lease_view *view, int64_t linked);

/* confirm.c: what was confirmed, in the store. */
struct job_confirmation {
    int64_t account_id, confirmed_at;
};
void job_confirmed(struct jobs *j, struct job_account *entry, int64_t confirmed_at);
/* The entry's, which counts as written from now on. confirmed_at is 0 where the store knows all. */
struct job_confirmation job_confirmation_take(struct job_account *entry);
/* Its write failed. */
void job_confirmation_put_back(struct jobs *j, struct job_confirmation c);
/* Where the store is shared: now and then, for the other replicas. */
void job_confirm_tick(struct jobs *j);
/* In a transaction, when the thread has ended: all of them. */
enum err job_confirm_all(struct jobs *j, struct tx *tx) MUST_USE;

/* sync.c */
void job_sync_tick(struct jobs *j);
void job_sync_task(struct jobs *j, struct jobs_task *task);
/* An account was linked, or linked again; Meta was asked at that wall time. */
void job_sync_linked(struct jobs *j, int64_t account_id, int64_t asked_at);

/* An account was hinted at: it is asked about at once, if it is ours. */
void job_sync_hinted(struct jobs *j, int64_t account_id);

/* lanes.c: which webhooks have deliveries, and which of them begin. */
enum err job_lanes_open(struct jobs *j, struct error *error) MUST_USE;
/* Something was announced, or it is time: looks for what is new. */
void job_lanes_look(struct jobs *j);
void job_lanes_tick(struct jobs *j);
void job_lanes_show(struct jobs *j);
/* Nothing begins any more; what runs is cancelled. */
void job_lanes_stop(struct jobs *j);
void job_lanes_release(struct jobs *j);

/* deliver.c: one request to a webhook. Everything is copied. */
struct job_delivery {
    struct str url, domain, event_uid, body;
    const struct secret *secret, *previous; /* previous: empty for none */
    int timeout_ms;
    size_t answer_max;
    void (*on_header)(void *arg, struct str name, struct str value);
    void (*done)(void *arg, const struct http_client_answer *answer);
    void *arg;
};
void job_deliver(struct jobs *j, const struct job_delivery *d);
/* Its secrets; false, and logged, when one does not open. */
bool job_open_secrets(struct jobs *j, const struct webhook *w, struct secret *ret,
                      struct secret *ret_previous) MUST_USE;

/* webhook.c */
void job_webhook(struct jobs *j, struct jobs_task *task);

/* link.c, check.c */
void job_link(struct jobs *j, struct jobs_task *task);
void job_check_account(struct jobs *j, struct jobs_task *task);
void job_check_graph(struct jobs *j, struct jobs_task *task);

/* number_call.c */
void job_number_call(struct jobs *j, struct jobs_task *task);
