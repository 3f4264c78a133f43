/* The table of accounts: those that are ours to keep true, and those that somebody asks about. */
#include "base/clock.h"
#include "jobs/runner.h"

int64_t job_now_ms(void)
{
    return clock_monotonic_us() / 1000;
}

struct job_account *job_account_find(struct jobs *j, int64_t id)
{
    list_for_each (node, &j->accounts) {
        struct job_account *entry = CONTAINER_OF(node, struct job_account, node);
        if (entry->id == id)
            return entry;
    }
    return NULL;
}

struct job_account *job_account_add(struct jobs *j, int64_t id)
{
    struct job_account *entry = xcalloc(1, sizeof(*entry));
    entry->id = id;
    list_init(&entry->waiting);
    list_add(&j->accounts, &entry->node);
    if (!store_is_shared(j->options.store))
        job_account_hold(j, entry, 0);
    return entry;
}

struct job_account *job_account_find_or_add(struct jobs *j, int64_t id)
{
    struct job_account *entry = job_account_find(j, id);
    return entry ? entry : job_account_add(j, id);
}

void job_account_free(struct jobs *j, struct job_account *entry)
{
    job_account_let_go(j, entry);
    list_remove(&entry->node);
    free(entry);
}

void job_account_hold(struct jobs *j, struct job_account *entry, int64_t due_ms)
{
    j->n_held += !entry->held;
    entry->held = true;
    entry->held_since = j->leases.looks;
    entry->due_ms = due_ms;
}

void job_account_let_go(struct jobs *j, struct job_account *entry)
{
    j->n_held -= entry->held;
    entry->held = false;
}

void job_accounts_let_go(struct jobs *j)
{
    list_for_each (node, &j->accounts)
        job_account_let_go(j, CONTAINER_OF(node, struct job_account, node));
}

bool job_account_is_throttled(struct jobs *j, int64_t id, struct graph_answer *ret)
{
    const struct job_account *entry = job_account_find(j, id);
    int64_t left_ms = entry ? entry->throttled_until_ms - job_now_ms() : 0;
    if (left_ms <= 0)
        return false;
    *ret = (struct graph_answer){.outcome = GRAPH_THROTTLED};
    ret->usage.regain_minutes = (int)((left_ms + 59999) / 60000);
    return true;
}

/* --- what the store has ------------------------------------------------------------------- */

static enum err load_one(void *arg, const struct account *a)
{
    struct jobs *j = arg;
    job_account_add(j, a->id)->due_ms = job_now_ms();
    return ERR_OK;
}

static enum err reload_one(void *arg, const struct account *a)
{
    struct job_account *entry = job_account_find_or_add(arg, a->id);
    entry->due_ms = job_now_ms();
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

enum err job_accounts_load(struct jobs *j)
{
    return each_account(j, load_one);
}

enum err job_accounts_reload(struct jobs *j)
{
    pulse_clear(j->options.pulse);
    list_for_each (node, &j->accounts)
        CONTAINER_OF(node, struct job_account, node)->unwritten_at = 0;
    if (!j->options.sync_interval_s)
        return ERR_OK;
    if (!store_is_shared(j->options.store))
        return each_account(j, reload_one);
    job_leases_forget(j);
    return ERR_OK;
}

/* --- tidying, and telling ----------------------------------------------------------------- */

static bool is_needed(const struct job_account *entry, int64_t now)
{
    return entry->held || entry->running || entry->unwritten_at || !list_empty(&entry->waiting) ||
           entry->throttled_until_ms > now;
}

void job_accounts_sweep(struct jobs *j)
{
    int64_t now = job_now_ms();
    list_for_each_safe (node, &j->accounts) {
        struct job_account *entry = CONTAINER_OF(node, struct job_account, node);
        if (!is_needed(entry, now))
            job_account_free(j, entry);
    }
}

void job_accounts_show(struct jobs *j)
{
    int64_t failing = 0;
    list_for_each (node, &j->accounts) {
        const struct job_account *entry = CONTAINER_OF(node, struct job_account, node);
        failing += entry->held && entry->failures > 0;
    }
    gauge_set(&j->stats.accounts, (int64_t)j->n_held);
    gauge_set(&j->stats.accounts_failing, failing);
    gauge_set(&j->stats.syncs_running, (int64_t)j->n_syncs);
    gauge_set(&j->stats.runs_pending, (int64_t)j->n_pending);
}

void job_accounts_release(struct jobs *j)
{
    list_for_each_safe (node, &j->accounts)
        job_account_free(j, CONTAINER_OF(node, struct job_account, node));
}
