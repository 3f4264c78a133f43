/* Keeping linked accounts true: when each is asked about, one run of asking, what comes of it. */
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "jobs/runner.h"
#include "model/account_fact.h"

/* One question to Meta about one account, and what is written of the answer. */
struct sync_run {
    struct job_write write;     /* first */
    struct job_opening opening; /* its account is the row as it stood when the run began */
    struct jobs *jobs;
    struct job_account *entry;
    struct arena arena;
    int64_t lease;     /* it began by itself, and counts while the account is this replica's; 0:
                          whoever syncs it */
    bool hinted;       /* a webhook of Meta's was why it began */
    bool lost;         /* the account is another's by now: nothing was written */
    struct list tasks; /* JOBS_SYNC tasks that wait for this run */
    struct account_facts facts;
    const char *refused; /* ACCOUNT_...: Meta refused, and facts are none */
    struct graph_answer failure;
    struct graph_usage usage;
    int64_t began_at; /* wall time: Meta confirmed at least what was true then */
    struct account_outcome outcome;
};

/* --- when --------------------------------------------------------------------------------- */

static int64_t jittered(int64_t ms)
{
    int64_t span = ms * SYNC_JITTER_PERCENT / 100;
    if (span <= 0)
        return ms;
    return ms - span + random_below((uint32_t)MIN(2 * span + 1, (int64_t)UINT32_MAX));
}

/* The more of Meta's quota is used up, the rarer we ask: it is shared with whatever else the
 * business runs on this account (meta-graph.md §7.4). */
static int64_t stretch_for(struct graph_usage usage)
{
    return usage.percent >= 90 ? 8 : usage.percent >= 75 ? 4 : usage.percent >= 50 ? 2 : 1;
}

static int64_t backoff_ms(const struct jobs *j, int failures)
{
    int64_t longest = MAX((int64_t)SYNC_BACKOFF_MAX_S, j->options.sync_interval_s);
    int64_t seconds = SYNC_BACKOFF_FIRST_S;
    for (int i = 1; i < failures && seconds < longest; i++)
        seconds *= 2;
    return MIN(seconds, longest) * 1000;
}

static int64_t regain_ms(const struct sync_run *run)
{
    return (int64_t)MIN(run->usage.regain_minutes, SYNC_REGAIN_MAX_MIN) * 60000;
}

/* How long until the account is asked again. */
static int64_t wait_ms(const struct jobs *j, const struct job_account *entry,
                       const struct sync_run *run, enum err e)
{
    int64_t interval = j->options.sync_interval_s * 1000;
    int64_t backoff = backoff_ms(j, entry->failures);
    if (e && run->failure.outcome == GRAPH_OK) /* it is the store that failed */
        return MIN(interval, backoff);
    switch (run->failure.outcome) {
    case GRAPH_OK: return interval * stretch_for(run->usage);
    case GRAPH_THROTTLED: return MAX(backoff, regain_ms(run));
    case GRAPH_TRANSIENT:
    case GRAPH_UNREACHABLE:
    case GRAPH_UNUSABLE:
    case GRAPH_CANCELLED: return backoff;
    case GRAPH_TOKEN_DEAD:
    case GRAPH_FORBIDDEN:
    case GRAPH_NOT_FOUND:
    case GRAPH_REFUSED: break;
    }
    /* Only a person can mend these, but Meta takes some of them back: ask on, rarely. */
    return MAX(interval, backoff);
}

/* A hint is followed at once, and many that come together by one run. Each run costs its part of
 * Meta's quota: when they go on and on, as when Meta tells of a thousand templates one by one, they
 * come to be as rare as that allows (a leaky bucket). */
static int64_t hint_due_ms(const struct job_account *entry)
{
    int64_t gap_over_ms = entry->began_ms + SYNC_HINT_GAP_MS;
    return MAX(job_now_ms(), MAX(gap_over_ms, entry->hints_paid_ms - SYNC_HINT_AHEAD_MS));
}

static void pay_for_hint(struct job_account *entry)
{
    int64_t cost_ms = SYNC_HINT_COST_MS * MAX(entry->stretch, INT64_C(1));
    entry->hints_paid_ms = MAX(entry->hints_paid_ms, job_now_ms()) + cost_ms;
}

static void schedule(struct jobs *j, struct job_account *entry, const struct sync_run *run,
                     enum err e)
{
    bool failed = e || run->failure.outcome != GRAPH_OK;
    entry->failures = failed ? entry->failures + 1 : 0;
    entry->stretch = stretch_for(run->usage);
    entry->due_ms = job_now_ms() + jittered(wait_ms(j, entry, run, e));
    /* What something came between is asked again, no sooner than a hint would have it: while
     * webhooks pour in, something comes between each run. */
    bool superseded = !failed && run->outcome.superseded;
    entry->hinted = entry->hinted || (superseded && run->hinted);
    entry->pressed = entry->hinted || superseded;
    if (entry->pressed && !failed)
        entry->due_ms = MIN(entry->due_ms, hint_due_ms(entry));
    if (run->failure.outcome == GRAPH_THROTTLED)
        entry->throttled_until_ms =
            job_now_ms() + MAX(regain_ms(run), INT64_C(1000) * RETRY_AFTER_S);
}

/* --- the end of a run --------------------------------------------------------------------- */

static void log_outcome(const struct sync_run *run, enum err e)
{
    if (e == ERR_NOT_FOUND)
        log_event(LOG_DEBUG, "sync_dropped", LOG_INT("account", run->entry->id),
                  LOG_CSTR("why", "the account was unlinked"));
    else if (e)
        log_event(LOG_WARN, "sync_not_written", LOG_STR("waba_id", run->opening.account.waba_id),
                  LOG_CSTR("error", err_code(e)));
    else if (run->lost)
        log_event(LOG_DEBUG, "sync_dropped", LOG_INT("account", run->entry->id),
                  LOG_CSTR("why", "another replica syncs the account"));
    else if (run->failure.outcome != GRAPH_OK)
        log_event(LOG_WARN, "sync_failed", LOG_STR("waba_id", run->opening.account.waba_id),
                  LOG_CSTR("outcome", graph_outcome_name(run->failure.outcome)),
                  LOG_STR("message", run->failure.message));
    else if (run->outcome.added || run->outcome.changed || run->outcome.vanished)
        log_event(LOG_INFO, "sync_changed", LOG_STR("waba_id", run->opening.account.waba_id),
                  LOG_INT("added", run->outcome.added), LOG_INT("changed", run->outcome.changed),
                  LOG_INT("vanished", run->outcome.vanished));
    else
        log_event(LOG_DEBUG, "sync_unchanged", LOG_STR("waba_id", run->opening.account.waba_id));
}

static void count_run(struct jobs *j, const struct sync_run *run, enum err e)
{
    counter_add(&j->stats.syncs[run->failure.outcome], 1);
    if (e && e != ERR_NOT_FOUND)
        counter_add(&j->stats.syncs_unwritten, 1);
}

/* Who asked by hand is to be told what Meta said after that, and not what another's answer, which
 * may be the older one, left in the rows: his run is repeated, while others do not come between
 * each time. */
static bool is_repeated(struct jobs *j, struct sync_run *run, enum err e)
{
    struct job_account *entry = run->entry;
    if (e || !run->outcome.superseded || list_empty(&run->tasks) || j->stopping ||
        entry->repeats >= SYNC_REPEATS_MAX) {
        entry->repeats = 0;
        return false;
    }
    entry->repeats++;
    list_move_all(&run->tasks, &entry->waiting); /* in their order, in the next run */
    list_move_all(&entry->waiting, &run->tasks);
    return true;
}

static void answer_tasks(struct sync_run *run, enum err e)
{
    for (struct list *node; (node = list_take(&run->tasks));) {
        struct jobs_task *task = CONTAINER_OF(node, struct jobs_task, node);
        if (e == ERR_NOT_FOUND)
            job_task_done(task, error_set(&task->error, e, "Number not found"));
        else if (e)
            job_task_done(task, error_set(&task->error, e, "The account could not be updated"));
        else
            job_task_answered(task, &run->failure); /* which may be GRAPH_OK */
    }
}

static void cancel_waiting(struct job_account *entry)
{
    const struct graph_answer cancelled = {.outcome = GRAPH_CANCELLED};
    for (struct list *node; (node = list_take(&entry->waiting));)
        job_task_answered(CONTAINER_OF(node, struct jobs_task, node), &cancelled);
}

static void sync_start(struct jobs *j, struct job_account *entry);

static void free_run(struct sync_run *run)
{
    secret_release(&run->opening.token);
    arena_release(&run->arena);
    free(run);
}

/* Tasks that came while the run was under way asked later than it: they have a run of their own. */
static void go_on(struct jobs *j, struct job_account *entry)
{
    if (list_empty(&entry->waiting))
        job_sync_tick(j); /* fills the place that became free */
    else if (!j->stopping)
        sync_start(j, entry);
    else
        cancel_waiting(entry);
}

static void sync_finish(struct sync_run *run, enum err e)
{
    struct jobs *j = run->jobs;
    struct job_account *entry = run->entry;
    bool gone = e == ERR_NOT_FOUND && list_empty(&entry->waiting);
    log_outcome(run, e);
    count_run(j, run, e);
    if (run->lost && run->lease == j->leases.replica)
        job_leases_lost(j, entry);
    if (!is_repeated(j, run, e)) {
        if (!e && !run->lost && run->failure.outcome == GRAPH_OK)
            job_confirmed(j, entry, run->began_at);
        answer_tasks(run, e);
    }
    entry->running = false;
    j->n_syncs--;
    schedule(j, entry, run, e);
    free_run(run);
    if (gone)
        job_account_free(j, entry);
    else
        go_on(j, entry);
    j->n_pending--; /* last: a run that goes on was counted before this one ends */
}

/* --- writing (store thread) --------------------------------------------------------------- */

static bool is_same_token(const struct account *a, const struct account *b)
{
    return str_eq(a->sealed_token, b->sealed_token);
}

/* The row is read again: while Meta was asked it may have been unlinked, given a new token, or come
 * to another replica. */
static enum err sync_apply(struct store_write *w, struct tx *tx)
{
    struct sync_run *run = CONTAINER_OF(w, struct sync_run, write.write);
    struct account account;
    enum err e = account_find(tx, run->opening.account_id, &run->arena, &account);
    if (e)
        return e;
    run->lost = run->lease && account.replica_id != run->lease;
    if (run->lost)
        return ERR_OK;
    struct account_cause cause = {.source = !list_empty(&run->tasks) ? SOURCE_API
                                            : run->hinted            ? SOURCE_WEBHOOK
                                                                     : SOURCE_POLL,
                                  .asked_at = run->began_at,
                                  .now = clock_now_ms(),
                                  .revision = run->opening.account.revision};
    if (!run->refused)
        e = account_apply_facts(tx, &account, &run->facts, &cause, &run->arena, &run->outcome);
    else if (is_same_token(&account, &run->opening.account))
        e = account_apply_refusal(tx, &account, run->refused, run->failure.message, &cause,
                                  &run->arena, &run->outcome);
    if (e || !account.hinted || run->outcome.superseded)
        return e;
    return account_answer_hints(tx, account.id, run->opening.account.hints);
}

static void on_written(struct job_write *w)
{
    sync_finish(CONTAINER_OF(w, struct sync_run, write), w->write.err);
}

/* --- asking ------------------------------------------------------------------------------- */

static void on_fetched(void *arg, const struct graph_account *fetched)
{
    struct sync_run *run = arg;
    run->failure = fetched->failure;
    run->usage = fetched->usage;
    switch (fetched->failure.outcome) {
    case GRAPH_OK:
        if (!job_read_facts(fetched, &run->arena, &run->facts)) {
            sync_finish(run, ERR_NO_MEMORY);
            return;
        }
        break;
    case GRAPH_TOKEN_DEAD: run->refused = ACCOUNT_TOKEN_REFUSED; break;
    case GRAPH_NOT_FOUND: run->refused = ACCOUNT_NOT_VISIBLE; break;
    default: sync_finish(run, ERR_OK); return;
    }
    job_write_submit(run->jobs, &run->write);
}

static void on_opened(struct job_opening *o, enum err e)
{
    struct sync_run *run = CONTAINER_OF(o, struct sync_run, opening);
    struct graph *graph = run->jobs->graph;
    if (!e && !graph)
        run->failure.outcome = GRAPH_CANCELLED;
    if (e || !graph)
        sync_finish(run, e);
    else
        graph_fetch_account(graph, o->account.waba_id, &o->token, &run->arena, on_fetched, run);
}

static void sync_start(struct jobs *j, struct job_account *entry)
{
    struct sync_run *run = xcalloc(1, sizeof(*run));
    run->write.write.apply = sync_apply;
    run->write.done = on_written;
    run->jobs = j;
    run->entry = entry;
    run->began_at = clock_now_ms();
    run->hinted = entry->hinted;
    if (entry->hinted || entry->pressed)
        pay_for_hint(entry);
    entry->hinted = entry->pressed = false;
    entry->began_ms = job_now_ms();
    arena_init(&run->arena, JOBS_ARENA_MAX);
    list_init(&run->tasks);
    list_move_all(&run->tasks, &entry->waiting);
    run->lease = list_empty(&run->tasks) ? j->leases.replica : 0;
    run->opening.jobs = j;
    run->opening.account_id = entry->id;
    run->opening.arena = &run->arena;
    run->opening.done = on_opened;
    list_remove(&entry->node);
    list_add(&j->accounts, &entry->node); /* to the end: those that wait longest are first */
    entry->running = true;
    j->n_syncs++;
    j->n_pending++;
    job_open_account(&run->opening);
}

/* --- what is next ------------------------------------------------------------------------- */

/* The next account that is due; NULL when none is. */
static struct job_account *entry_due(struct jobs *j, int64_t now)
{
    list_for_each (node, &j->accounts) {
        struct job_account *entry = CONTAINER_OF(node, struct job_account, node);
        if (entry->held && entry->due_ms <= now && !entry->running)
            return entry;
    }
    return NULL;
}

void job_sync_tick(struct jobs *j)
{
    if (j->ticking || j->stopping || !j->options.sync_interval_s || !job_leases_stand(j))
        return;
    j->ticking = true; /* a run that fails at once ends in here again: the loop goes on for it */
    int64_t now = job_now_ms();
    while (j->n_syncs < JOBS_SYNCS_MAX) {
        struct job_account *entry = entry_due(j, now);
        if (!entry)
            break;
        sync_start(j, entry);
    }
    j->ticking = false;
}

void job_sync_task(struct jobs *j, struct jobs_task *task)
{
    struct graph_answer throttled;
    if (job_account_is_throttled(j, task->account_id, &throttled)) {
        job_task_answered(task, &throttled);
        return;
    }
    struct job_account *entry = job_account_find_or_add(j, task->account_id);
    list_add(&entry->waiting, &task->node);
    if (!entry->running)
        sync_start(j, entry);
}

void job_sync_linked(struct jobs *j, int64_t account_id, int64_t asked_at)
{
    struct job_account *entry = job_account_find_or_add(j, account_id);
    entry->failures = 0;
    entry->throttled_until_ms = 0; /* the token may be another one */
    if (j->options.sync_interval_s)
        job_account_hold(j, entry, job_now_ms() + jittered(j->options.sync_interval_s * 1000));
    pulse_raise(j->options.pulse, account_id, asked_at);
}

/* A run that is under way began before the hint: another one follows. After a failure the next try
 * is soon enough, and Meta may have asked us to wait. */
void job_sync_hinted(struct jobs *j, int64_t account_id)
{
    struct job_account *entry = job_account_find(j, account_id);
    if (!entry || !entry->held)
        return;
    entry->hinted = true;
    if (!entry->running && !entry->failures) {
        entry->due_ms = MIN(entry->due_ms, hint_due_ms(entry));
        job_sync_tick(j);
    }
}
