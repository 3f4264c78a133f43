/* What Meta confirmed, in the store. That nothing changed is written nowhere else: it is in memory
 * (model/pulse.h), and goes to the store when the thread ends. Where replicas share the store the
 * others are to see it too: then it is written every few seconds, all of it in one write. */
#include "jobs/runner.h"

struct confirm_write {
    struct job_write write; /* first */
    struct jobs *jobs;
    size_t n;
    struct job_confirmation list[JOBS_PULSE_ROWS];
};

void job_confirmed(struct jobs *j, struct job_account *entry, int64_t confirmed_at)
{
    pulse_raise(j->options.pulse, entry->id, confirmed_at);
    entry->unwritten_at = MAX(entry->unwritten_at, confirmed_at);
}

struct job_confirmation job_confirmation_take(struct job_account *entry)
{
    struct job_confirmation c = {entry->id, entry->unwritten_at};
    entry->unwritten_at = 0;
    return c;
}

void job_confirmation_put_back(struct jobs *j, struct job_confirmation c)
{
    struct job_account *entry = c.confirmed_at ? job_account_find(j, c.account_id) : NULL;
    if (entry)
        entry->unwritten_at = MAX(entry->unwritten_at, c.confirmed_at);
}

static enum err confirm_apply(struct store_write *w, struct tx *tx)
{
    const struct confirm_write *c = CONTAINER_OF(w, struct confirm_write, write.write);
    enum err e = ERR_OK;
    for (size_t i = 0; !e && i < c->n; i++)
        e = account_write_confirmed(tx, c->list[i].account_id, c->list[i].confirmed_at);
    return e;
}

static void on_written(struct job_write *w)
{
    struct confirm_write *c = CONTAINER_OF(w, struct confirm_write, write);
    struct jobs *j = c->jobs;
    for (size_t i = 0; w->write.err && i < c->n; i++)
        job_confirmation_put_back(j, c->list[i]);
    j->pulse_busy = false;
    j->n_pending--;
    free(c);
}

static bool has_unwritten(const struct jobs *j)
{
    list_for_each (node, &j->accounts)
        if (CONTAINER_OF(node, struct job_account, node)->unwritten_at)
            return true;
    return false;
}

static struct confirm_write *gather(struct jobs *j)
{
    struct confirm_write *c = xcalloc(1, sizeof(*c));
    c->jobs = j;
    c->write.write.apply = confirm_apply;
    c->write.done = on_written;
    list_for_each (node, &j->accounts) {
        struct job_account *entry = CONTAINER_OF(node, struct job_account, node);
        if (entry->unwritten_at && c->n < ARRAY_LEN(c->list))
            c->list[c->n++] = job_confirmation_take(entry);
    }
    return c;
}

/* Well within the interval: who has not heard of a sync by the second one calls it stale. */
static int64_t pause_ms(const struct jobs *j)
{
    return MIN((int64_t)JOBS_PULSE_MS, j->options.sync_interval_s * 1000 / 2);
}

void job_confirm_tick(struct jobs *j)
{
    int64_t now = job_now_ms();
    if (!store_is_shared(j->options.store) || j->pulse_busy || now < j->pulse_due_ms ||
        !has_unwritten(j))
        return;
    struct confirm_write *c = gather(j);
    j->pulse_due_ms = c->n < ARRAY_LEN(c->list) ? now + pause_ms(j) : now;
    j->pulse_busy = true;
    j->n_pending++;
    job_write_submit(j, &c->write);
}

enum err job_confirm_all(struct jobs *j, struct tx *tx)
{
    enum err e = ERR_OK;
    list_for_each (node, &j->accounts) {
        const struct job_account *entry = CONTAINER_OF(node, struct job_account, node);
        if (!e && entry->unwritten_at)
            e = account_write_confirmed(tx, entry->id, entry->unwritten_at);
    }
    return e;
}
