/* Keeping linked accounts true: when each is asked about, one run of asking, what comes of it. */
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "jobs/runner.h"

/* One question to Meta about one account, and what is written of the answer. */
struct sync_run {
    struct job_write write; /* first */
    struct jobs *jobs;
    struct job_account *entry;
    struct arena arena;
    struct account account; /* as it stood when the run began */
    struct secret token;
    struct list tasks; /* JOBS_SYNC tasks that wait for this run */
    struct account_facts facts;
    const char *refused; /* ACCOUNT_...: Meta refused, and facts are none */
    struct graph_answer failure;
    struct graph_usage usage;
    int64_t began_at; /* wall time: Meta confirmed at least what was true then */
    struct account_outcome outcome;
};

static int64_t now_ms(void)
{
    return clock_monotonic_us() / 1000;
}

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
                       const struct sync_run *run)
{
    int64_t interval = j->options.sync_interval_s * 1000;
    int64_t backoff = backoff_ms(j, entry->failures);
    switch (run->failure.outcome) {
    case GRAPH_OK: return run->outcome.superseded ? 0 : interval * stretch_for(run->usage);
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

static void schedule(struct jobs *j, struct job_account *entry, const struct sync_run *run)
{
    entry->failures = run->failure.outcome == GRAPH_OK ? 0 : entry->failures + 1;
    entry->due_ms = now_ms() + jittered(wait_ms(j, entry, run));
    if (run->failure.outcome == GRAPH_THROTTLED)
        entry->throttled_until_ms = now_ms() + MAX(regain_ms(run), INT64_C(1000) * RETRY_AFTER_S);
}

/* --- the end of a run --------------------------------------------------------------------- */

static void log_outcome(const struct sync_run *run, enum err e)
{
    if (e == ERR_NOT_FOUND)
        log_event(LOG_DEBUG, "sync_dropped", LOG_INT("account", run->entry->id),
                  LOG_CSTR("why", "the account was unlinked"));
    else if (e)
        log_event(LOG_WARN, "sync_not_written", LOG_STR("waba_id", run->account.waba_id),
                  LOG_CSTR("error", err_code(e)));
    else if (run->failure.outcome != GRAPH_OK)
        log_event(LOG_WARN, "sync_failed", LOG_STR("waba_id", run->account.waba_id),
                  LOG_CSTR("outcome", graph_outcome_name(run->failure.outcome)),
                  LOG_STR("message", run->failure.message));
    else if (run->outcome.added || run->outcome.changed || run->outcome.vanished)
        log_event(LOG_INFO, "sync_changed", LOG_STR("waba_id", run->account.waba_id),
                  LOG_INT("added", run->outcome.added), LOG_INT("changed", run->outcome.changed),
                  LOG_INT("vanished", run->outcome.vanished));
    else
        log_event(LOG_DEBUG, "sync_unchanged", LOG_STR("waba_id", run->account.waba_id));
}

static void count_run(struct jobs *j, const struct sync_run *run, enum err e)
{
    counter_add(&j->stats.syncs[run->failure.outcome], 1);
    if (e && e != ERR_NOT_FOUND)
        counter_add(&j->stats.syncs_unwritten, 1);
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

static void entry_free(struct job_account *entry)
{
    list_remove(&entry->node);
    free(entry);
}

static void sync_start(struct jobs *j, struct job_account *entry);

static void free_run(struct sync_run *run)
{
    secret_release(&run->token);
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
    if (!e && run->failure.outcome == GRAPH_OK)
        pulse_raise(j->options.pulse, entry->id, run->began_at);
    answer_tasks(run, e);
    entry->running = false;
    j->n_syncs--;
    schedule(j, entry, run);
    free_run(run);
    if (gone)
        entry_free(entry);
    else
        go_on(j, entry);
    j->n_pending--; /* last: a run that goes on was counted before this one ends */
}

/* --- writing (store thread) --------------------------------------------------------------- */

static bool is_same_token(const struct account *a, const struct account *b)
{
    return str_eq(a->sealed_token, b->sealed_token);
}

/* The row is read again: it may have been unlinked, or given a new token, while Meta was asked. */
static enum err sync_apply(struct store_write *w, struct tx *tx)
{
    struct sync_run *run = CONTAINER_OF(w, struct sync_run, write.write);
    struct account account;
    enum err e = account_find(tx, run->entry->id, &run->arena, &account);
    if (e)
        return e;
    struct account_cause cause = {.source = list_empty(&run->tasks) ? "poll" : "api",
                                  .asked_at = run->began_at,
                                  .now = clock_now_ms()};
    if (!run->refused)
        return account_apply_facts(tx, &account, &run->facts, &cause, &run->arena, &run->outcome);
    if (!is_same_token(&account, &run->account))
        return ERR_OK;
    return account_apply_refusal(tx, &account, run->refused, run->failure.message, &cause,
                                 &run->arena, &run->outcome);
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

static void sync_start(struct jobs *j, struct job_account *entry)
{
    struct sync_run *run = xcalloc(1, sizeof(*run));
    run->write.write.apply = sync_apply;
    run->write.done = on_written;
    run->jobs = j;
    run->entry = entry;
    run->began_at = clock_now_ms();
    arena_init(&run->arena, JOBS_ARENA_MAX);
    list_init(&run->tasks);
    list_move_all(&run->tasks, &entry->waiting);
    list_remove(&entry->node);
    list_add(&j->accounts, &entry->node); /* to the end: those that wait longest are first */
    entry->running = true;
    j->n_syncs++;
    j->n_pending++;
    enum err e = job_open_account(j, entry->id, &run->arena, &run->account, &run->token);
    if (e) {
        sync_finish(run, e);
        return;
    }
    graph_fetch_account(j->graph, run->account.waba_id, &run->token, &run->arena, on_fetched, run);
}

/* --- the table of accounts ---------------------------------------------------------------- */

static struct job_account *entry_find(struct jobs *j, int64_t id)
{
    list_for_each (node, &j->accounts) {
        struct job_account *entry = CONTAINER_OF(node, struct job_account, node);
        if (entry->id == id)
            return entry;
    }
    return NULL;
}

static struct job_account *entry_find_or_add(struct jobs *j, int64_t id)
{
    struct job_account *entry = entry_find(j, id);
    if (entry)
        return entry;
    entry = xcalloc(1, sizeof(*entry));
    entry->id = id;
    list_init(&entry->waiting);
    list_add(&j->accounts, &entry->node);
    return entry;
}

static enum err load_one(void *arg, const struct account *a)
{
    struct jobs *j = arg;
    struct job_account *entry = xcalloc(1, sizeof(*entry));
    entry->id = a->id;
    entry->due_ms = now_ms();
    list_init(&entry->waiting);
    list_add(&j->accounts, &entry->node);
    return ERR_OK;
}

static enum err reload_one(void *arg, const struct account *a)
{
    struct job_account *entry = entry_find_or_add(arg, a->id);
    entry->due_ms = now_ms();
    entry->failures = 0;
    return ERR_OK;
}

static enum err each_account(struct jobs *j, enum err (*each)(void *arg, const struct account *a))
{
    struct tx *tx;
    enum err e = store_read_begin(j->reader, &tx);
    if (e)
        return e;
    e = account_each(tx, each, j);
    store_read_end(j->reader);
    return e;
}

enum err job_sync_reload(struct jobs *j)
{
    pulse_clear(j->options.pulse);
    return j->options.sync_interval_s ? each_account(j, reload_one) : ERR_OK;
}

enum err job_sync_load(struct jobs *j)
{
    return each_account(j, load_one);
}

/* The next account that is due; NULL when none is. */
static struct job_account *entry_due(struct jobs *j, int64_t now)
{
    list_for_each (node, &j->accounts) {
        struct job_account *entry = CONTAINER_OF(node, struct job_account, node);
        if (entry->due_ms <= now && !entry->running)
            return entry;
    }
    return NULL;
}

void job_sync_tick(struct jobs *j)
{
    if (j->ticking || j->stopping || !j->options.sync_interval_s)
        return;
    j->ticking = true; /* a run that fails at once ends in here again: the loop goes on for it */
    int64_t now = now_ms();
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
    struct job_account *entry = entry_find_or_add(j, task->account_id);
    int64_t throttled_ms = entry->throttled_until_ms - now_ms();
    if (throttled_ms > 0) {
        struct graph_answer throttled = {.outcome = GRAPH_THROTTLED};
        throttled.usage.regain_minutes = (int)((throttled_ms + 59999) / 60000);
        job_task_answered(task, &throttled);
        return;
    }
    list_add(&entry->waiting, &task->node);
    if (!entry->running)
        sync_start(j, entry);
}

void job_sync_linked(struct jobs *j, int64_t account_id, int64_t asked_at)
{
    struct job_account *entry = entry_find_or_add(j, account_id);
    entry->failures = 0;
    entry->throttled_until_ms = 0; /* the token may be another one */
    entry->due_ms = now_ms() + jittered(j->options.sync_interval_s * 1000);
    pulse_raise(j->options.pulse, account_id, asked_at);
}

void job_sync_show(struct jobs *j)
{
    int64_t accounts = 0, failing = 0;
    list_for_each (node, &j->accounts) {
        accounts++;
        failing += CONTAINER_OF(node, struct job_account, node)->failures > 0;
    }
    gauge_set(&j->stats.accounts, accounts);
    gauge_set(&j->stats.accounts_failing, failing);
    gauge_set(&j->stats.syncs_running, (int64_t)j->n_syncs);
    gauge_set(&j->stats.runs_pending, (int64_t)j->n_pending);
}

void job_sync_release(struct jobs *j)
{
    list_for_each_safe (node, &j->accounts)
        entry_free(CONTAINER_OF(node, struct job_account, node));
}
