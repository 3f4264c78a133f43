/* Which accounts are ours to sync, where several replicas share the store.
 *
 * Now and then a replica looks: how many accounts are its own, whether some are nobody's, how many
 * replicas take a share. It claims up to its fair share, many in one write, and gives back what is
 * above it. What the store says counts: where its number
 * of our accounts is not ours, they are read anew. So nothing has to be remembered of a write whose
 * outcome nobody knows, or of an account that was linked or unlinked elsewhere.
 *
 * Whether an account is still ours is said again by the transaction that writes what Meta answered
 * (sync.c). */
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "jobs/runner.h"

struct holding {
    int64_t account_id, confirmed_at;
};

/* One look, and the write that follows from it. */
struct look {
    struct job_read read;   /* first of two */
    struct job_write write; /* after the read */
    struct jobs *jobs;
    int64_t replica;
    uint64_t epoch;
    int64_t known; /* how many we thought to hold */
    bool unsure;
    bool shares;    /* are to be worked out, whatever is seen */
    int64_t before; /* replicas that the last look saw */
    struct lease_view view;
    int64_t claimed;
    bool counted; /* how many are linked */
    int64_t linked;
    bool listed; /* the holdings were read */
    struct arena arena;
    struct holding *holdings; /* by account */
    size_t n_holdings;
    struct job_lease_plan plan;
    struct job_confirmation *given; /* in the arena: accounts, and what is to be written of them */
    size_t n_given;
};

/* --- what to do --------------------------------------------------------------------------- */

struct job_lease_plan job_leases_plan(const struct lease_view *view, int64_t linked)
{
    int64_t replicas = view->replicas + !view->joined;
    int64_t share = (linked + replicas - 1) / replicas;
    struct job_lease_plan plan = {0};
    if (view->held > share)
        plan.give = MIN(view->held - share, (int64_t)JOBS_LEASES_AT_ONCE);
    else if (view->unclaimed)
        plan.claim = MIN(share - view->held, (int64_t)JOBS_LEASES_AT_ONCE);
    return plan;
}

/* When an account that becomes ours is to be asked about: when who had it before would have, or
 * soon; many that were left behind not all at one instant. */
static int64_t due_of(const struct jobs *j, int64_t confirmed_at)
{
    int64_t interval = j->options.sync_interval_s * 1000;
    int64_t left = confirmed_at + interval - clock_now_ms();
    int64_t spread = interval * SYNC_JITTER_PERCENT / 100;
    return job_now_ms() + MAX(MIN(left, interval), INT64_C(0)) +
           random_below((uint32_t)MIN(spread + 1, (int64_t)UINT32_MAX));
}

/* --- the end of a look -------------------------------------------------------------------- */

static void look_end(struct look *l, bool again)
{
    struct jobs *j = l->jobs;
    j->leases.busy = false;
    j->leases.due_ms = job_now_ms() + (again ? 0 : JOBS_LOOK_MS);
    j->n_pending--;
    arena_release(&l->arena);
    free(l);
    if (again && !j->stopping)
        job_leases_tick(j);
}

static bool is_current(const struct look *l)
{
    return l->jobs->leases.epoch == l->epoch;
}

/* --- writing (store thread) --------------------------------------------------------------- */

static enum err apply_plan(struct store_write *w, struct tx *tx)
{
    struct look *l = CONTAINER_OF(w, struct look, write.write);
    enum err e = l->view.joined ? ERR_OK : lease_join(tx, l->replica);
    if (!e && l->plan.claim)
        e = lease_claim(tx, l->replica, l->plan.claim, &l->claimed);
    for (size_t i = 0; !e && i < l->n_given; i++) {
        const struct job_confirmation *c = &l->given[i];
        if (c->confirmed_at) /* whoever has it next knows when it is due */
            e = account_write_confirmed(tx, c->account_id, c->confirmed_at);
        if (!e)
            e = lease_give_back(tx, c->account_id, l->replica);
    }
    return e;
}

static void on_plan_written(struct job_write *w)
{
    struct look *l = CONTAINER_OF(w, struct look, write);
    struct jobs *j = l->jobs;
    enum err e = w->write.err;
    for (size_t i = 0; e && i < l->n_given; i++)
        job_confirmation_put_back(j, l->given[i]);
    if (e) {
        j->leases.unsure = true;
        log_event(LOG_WARN, "accounts_not_claimed", LOG_CSTR("error", err_code(e)),
                  LOG_CSTR("effect", "it is tried again in a moment"));
    } else {
        counter_add(&j->stats.leases_claimed, (uint64_t)l->claimed);
        counter_add(&j->stats.leases_given, l->n_given);
        log_event(LOG_DEBUG, "accounts_shared_out", LOG_INT("claimed", l->claimed),
                  LOG_INT("given_back", (int64_t)l->n_given));
    }
    look_end(l, !e && (l->claimed || l->n_given));
}

/* The surplus: those that were asked about last, so that none is missed on the way. */
static bool choose_given(struct look *l)
{
    struct jobs *j = l->jobs;
    l->given = arena_calloc(&l->arena, (size_t)l->plan.give, sizeof(*l->given));
    if (!l->given)
        return false;
    for (struct list *node = j->accounts.prev;
         node != &j->accounts && l->n_given < (size_t)l->plan.give; node = node->prev) {
        struct job_account *entry = CONTAINER_OF(node, struct job_account, node);
        if (!entry->held || entry->running || !list_empty(&entry->waiting))
            continue;
        l->given[l->n_given++] = job_confirmation_take(entry);
        job_account_let_go(j, entry);
    }
    return true;
}

static void carry_out(struct look *l)
{
    if (l->counted)
        l->plan = job_leases_plan(&l->view, l->linked);
    if (l->plan.give) /* and there may be more, or some that are being asked about */
        l->jobs->leases.share_due_ms = 0;
    if (l->jobs->stopping || (l->plan.give && !choose_given(l)) ||
        (l->view.joined && !l->plan.claim && !l->n_given)) {
        look_end(l, false);
        return;
    }
    l->write.write.apply = apply_plan;
    l->write.done = on_plan_written;
    job_write_submit(l->jobs, &l->write);
}

/* --- what we hold ------------------------------------------------------------------------- */

static int compare_entries(const void *a, const void *b)
{
    int64_t x = (*(struct job_account *const *)a)->id, y = (*(struct job_account *const *)b)->id;
    return (x > y) - (x < y);
}

static struct job_account **sorted_entries(struct look *l, size_t *ret_n)
{
    size_t n = 0, i = 0;
    list_for_each (node, &l->jobs->accounts)
        n++;
    struct job_account **entries = arena_calloc(&l->arena, n + 1, sizeof(struct job_account *));
    if (!entries)
        return NULL;
    list_for_each (node, &l->jobs->accounts)
        entries[i++] = CONTAINER_OF(node, struct job_account, node);
    qsort(entries, n, sizeof(struct job_account *), compare_entries);
    *ret_n = n;
    return entries;
}

/* Both sides by id, one beside the other. What became ours since the look began it cannot know. */
static void bring_up(struct look *l)
{
    struct jobs *j = l->jobs;
    size_t n, at = 0;
    struct job_account **entries = sorted_entries(l, &n);
    j->leases.unsure = !entries;
    for (size_t i = 0; entries && i < l->n_holdings; i++) {
        const struct holding *h = &l->holdings[i];
        for (; at < n && entries[at]->id < h->account_id; at++)
            if (entries[at]->held_since < j->leases.looks)
                job_account_let_go(j, entries[at]);
        bool there = at < n && entries[at]->id == h->account_id;
        struct job_account *entry = there ? entries[at++] : job_account_add(j, h->account_id);
        if (!entry->held)
            job_account_hold(j, entry, due_of(j, h->confirmed_at));
    }
    for (; entries && at < n; at++)
        if (entries[at]->held_since < j->leases.looks)
            job_account_let_go(j, entries[at]);
}

/* --- looking ------------------------------------------------------------------------------ */

static enum err keep_holding(void *arg, int64_t account_id, int64_t confirmed_at)
{
    struct look *l = arg;
    if (l->n_holdings == (size_t)l->view.held)
        return ERR_INTERNAL; /* the snapshot says one number and lists another */
    l->holdings[l->n_holdings++] = (struct holding){account_id, confirmed_at};
    return ERR_OK;
}

static enum err run_look(struct store_read *r, struct tx *tx)
{
    struct look *l = CONTAINER_OF(r, struct look, read.read);
    enum err e = lease_look(tx, l->replica, &l->view);
    bool changed = l->unsure || l->view.held != l->known;
    l->counted = changed || l->shares || l->view.unclaimed || l->view.replicas != l->before;
    if (!e && l->counted)
        e = lease_count(tx, &l->linked);
    if (e || !changed)
        return e;
    l->holdings = arena_calloc(&l->arena, (size_t)l->view.held + 1, sizeof(*l->holdings));
    l->listed = l->holdings != NULL;
    return l->listed ? lease_each(tx, l->replica, keep_holding, l) : ERR_NO_MEMORY;
}

static void on_looked(struct job_read *r)
{
    struct look *l = CONTAINER_OF(r, struct look, read);
    if (r->read.err || !is_current(l)) {
        look_end(l, false);
        return;
    }
    struct job_leases *leases = &l->jobs->leases;
    if (leases->replicas != l->view.replicas) /* one left webhooks that may be ours */
        l->jobs->lanes.all_due = true;
    leases->replicas = l->view.replicas;
    if (l->counted)
        leases->share_due_ms = job_now_ms() + JOBS_SHARE_MS;
    if (l->listed)
        bring_up(l);
    carry_out(l);
}

static void look_begin(struct jobs *j)
{
    struct look *l = xcalloc(1, sizeof(*l));
    l->read.read.run = run_look;
    l->read.done = on_looked;
    l->jobs = j;
    l->replica = j->leases.replica;
    l->epoch = j->leases.epoch;
    l->known = (int64_t)j->n_held;
    l->unsure = j->leases.unsure;
    l->shares = job_now_ms() >= j->leases.share_due_ms;
    l->before = j->leases.replicas;
    arena_init(&l->arena, JOBS_ARENA_MAX);
    j->leases.looks++;
    j->leases.busy = true;
    j->n_pending++;
    job_read_submit(j, &l->read);
}

void job_leases_tick(struct jobs *j)
{
    struct job_leases *leases = &j->leases;
    int64_t replica = store_replica(j->options.store);
    if (!replica || leases->busy)
        return;
    if (replica != leases->replica) {
        counter_add(&j->stats.leases_lost, j->n_held);
        job_leases_forget(j);
        leases->replica = replica;
    }
    if (job_now_ms() >= leases->due_ms)
        look_begin(j);
}

bool job_leases_stand(const struct jobs *j)
{
    return !store_is_shared(j->options.store) ||
           (j->leases.replica && store_replica(j->options.store) == j->leases.replica);
}

void job_leases_lost(struct jobs *j, struct job_account *entry)
{
    counter_add(&j->stats.leases_lost, entry->held);
    job_account_let_go(j, entry);
    j->leases.unsure = true;
}

/* Those that are ours all the same are read with the next look. */
void job_leases_forget(struct jobs *j)
{
    job_accounts_let_go(j);
    j->leases.epoch++;
    j->leases.unsure = true;
    j->leases.due_ms = 0;
}

int64_t job_leases_replica(const struct jobs *j)
{
    return j->options.sync_interval_s ? store_replica(j->options.store) : 0;
}
