/* Jobs, on the engine that the fixture has: who waits, who is behind whom, what is made again and
 * what is removed; and random operations against a model of a few lines. The clock is ours. */
#pragma once

#include "model/job.h"
#include "model/webhook.h"
#include "model/workspace.h"
#include "unit/base/test.h"
#include "unit/store/server.h"

#define T0       INT64_C(1704124800000)
#define WEBHOOKS 3
#define EVENTS   9
#define JOBS     150 /* of a test, at the most */

/* --- one step, in a write of its own ------------------------------------------------------ */

struct step {
    struct store_write write;
    enum { FILL, INSERT, SETTLE, DROP, HURRY, REPEAT, RANGE, SWEEP, STRAND, STOP, REMOVE } what;
    int64_t id;        /* of the job, of the webhook; INSERT, REPEAT: the new job's */
    int64_t event;     /* of INSERT */
    const char *key;   /* the same */
    const char *state; /* of SETTLE */
    int64_t due_at;    /* the same */
    int64_t position;  /* the same; 0: the next */
    int64_t from, to;  /* of RANGE; `to` of SWEEP and STRAND */
    int64_t now, n;
};

/* Events that a test goes on to make jobs for, whatever was swept. */
#define NEVER_SWEPT (T0 + INT64_C(1000000000000))

static inline enum err fill(struct tx *tx)
{
    static const char event[] =
        "INSERT INTO events (workspace_id, event_id, name, body, wanted, created_at) "
        "VALUES (1, $1, 'account.updated', $2, 1, $3)";
    int64_t id;
    enum err e = workspace_insert(tx, STR("acme"), STR("Acme"), T0, &id);
    const struct webhook w = {
        .workspace_id = 1, .url = STR("https://w"), .events = STR("*"), .created_at = T0};
    for (int i = 0; !e && i < WEBHOOKS; i++)
        e = webhook_insert(tx, &w, &id);
    for (int i = 1; !e && i <= EVENTS; i++) {
        char uid[16];
        snprintf(uid, sizeof(uid), "evt_%d", i);
        e = tx_exec(tx, event,
                    PARAMS(p_text(str_from(uid)), p_text(str_from(uid)), p_i64(NEVER_SWEPT)), NULL);
    }
    return e;
}

static inline enum err settle(struct tx *tx, const struct step *s, const struct job *j)
{
    bool done = strcmp(s->state, JOB_DONE) == 0;
    const struct job_attempt a = {.position = s->position ? s->position : j->attempts + 1,
                                  .at = s->now,
                                  .us = 1000,
                                  .status = done ? 200 : 500,
                                  .error = done ? STR("") : STR("answered HTTP 500"),
                                  .answer = STR("\xff\0answer")};
    return job_settle(tx, j, &a, s->state, s->due_at, s->now);
}

static inline enum err with_job(struct tx *tx, struct step *s)
{
    struct arena arena;
    struct job j;
    int64_t id;
    arena_init(&arena, 1 * MIB);
    enum err e = job_find(tx, s->id, &arena, &j);
    if (!e && s->what == SETTLE)
        e = settle(tx, s, &j);
    else if (!e && s->what == DROP)
        e = job_drop(tx, &j, s->now);
    else if (!e && s->what == REPEAT && (e = job_repeat(tx, &j, s->now, &id)) == ERR_OK)
        s->n = id;
    arena_release(&arena);
    return e;
}

static inline enum err step_apply(struct store_write *w, struct tx *tx)
{
    struct step *s = CONTAINER_OF(w, struct step, write);
    const struct job job = {.workspace_id = 1,
                            .kind = STR(JOB_DELIVER),
                            .webhook_id = s->id,
                            .event_id = s->event,
                            .order_key = str_from(s->key ? s->key : ""),
                            .due_at = s->now,
                            .created_at = s->now};
    switch (s->what) {
    case FILL: return fill(tx);
    case INSERT: return job_insert(tx, &job, &s->n);
    case SETTLE:
    case DROP:
    case REPEAT: return with_job(tx, s);
    case HURRY: return job_hurry(tx, s->id);
    case RANGE: return job_repeat_range(tx, s->id, s->from, s->to, s->now, &s->n);
    case SWEEP: return job_sweep(tx, s->to, &s->n);
    case STRAND: return job_drop_stranded(tx, s->to, s->now, &s->n);
    case STOP: return webhook_set_disabled(tx, s->id, WEBHOOK_BY_HAND, s->now);
    case REMOVE: return webhook_delete(tx, s->id, s->now);
    }
    return ERR_INTERNAL;
}

static inline enum err try_step(struct fixture *f, struct step *s)
{
    s->write.apply = step_apply;
    return store_write_now(f->store, &s->write);
}

/* What it made, or how many. */
static inline int64_t take_step(struct fixture *f, struct step s)
{
    assert_int_equal(try_step(f, &s), ERR_OK);
    return s.n;
}

static inline int64_t insert(struct fixture *f, int64_t webhook, int64_t event, const char *key,
                             int64_t now)
{
    return take_step(
        f, (struct step){.what = INSERT, .id = webhook, .event = event, .key = key, .now = now});
}

static inline void end(struct fixture *f, int64_t id, const char *state, int64_t now)
{
    take_step(f, (struct step){.what = SETTLE, .id = id, .state = state, .now = now});
}

/* --- looking ------------------------------------------------------------------------------ */

/* What is in the table, by id; and what the model says. */
struct seen {
    struct {
        int64_t id, webhook, event, attempts, due_at, created_at, ended_at;
        char state[16];
    } jobs[JOBS];
    size_t n;
};

struct look {
    struct store_write write; /* which writes nothing: it sees what was written before */
    struct seen seen;
    int64_t webhook, now, cursor; /* of what follows */
    int64_t due[JOBS], fresh[JOBS];
    size_t n_due, n_fresh, n_at_once; /* the latter two: of endpoints with new jobs */
    int64_t next_due, first_due;
    int64_t n_attempts, n_good; /* tries on record, of all jobs; those that were answered 200 */
};

static inline enum err note_due(void *arg, const struct job *j)
{
    struct look *l = arg;
    l->due[l->n_due++] = j->id;
    return ERR_OK;
}

static inline enum err note_new(void *arg, int64_t webhook, int64_t due_at)
{
    struct look *l = arg;
    l->n_at_once += due_at == JOB_AT_ONCE;
    l->fresh[l->n_fresh++] = webhook;
    return ERR_OK;
}

static inline enum err note_line(void *arg, const struct job_line *line)
{
    struct look *l = arg;
    if (line->webhook_id == l->webhook)
        l->first_due = line->due_at;
    return ERR_OK;
}

static inline enum err read_jobs(struct tx *tx, struct seen *seen)
{
    static const char sql[] =
        "SELECT id, webhook_id, event_id, attempts, due_at, created_at, "
        "ended_at, state FROM jobs ORDER BY id";
    struct rows rows;
    enum err e = tx_query(tx, sql, NO_PARAMS, &rows);
    seen->n = 0;
    while (!e && rows_next(&rows)) {
        assert_true(seen->n < JOBS);
        int64_t *const to[] = {
            &seen->jobs[seen->n].id,       &seen->jobs[seen->n].webhook,
            &seen->jobs[seen->n].event,    &seen->jobs[seen->n].attempts,
            &seen->jobs[seen->n].due_at,   &seen->jobs[seen->n].created_at,
            &seen->jobs[seen->n].ended_at,
        };
        for (size_t i = 0; i < ARRAY_LEN(to); i++)
            *to[i] = row_i64(&rows, (int)i);
        snprintf(seen->jobs[seen->n++].state, sizeof(seen->jobs[0].state), "%.*s",
                 STR_FMT(row_text(&rows, ARRAY_LEN(to))));
    }
    return e ? e : rows_close(&rows);
}

static inline enum err count_attempts(struct tx *tx, struct look *l)
{
    static const char all[] = "SELECT count(*) FROM job_attempts";
    static const char good[] = "SELECT count(*) FROM job_attempts WHERE status = 200";
    enum err e = tx_i64(tx, all, NO_PARAMS, &l->n_attempts);
    return e ? e : tx_i64(tx, good, NO_PARAMS, &l->n_good);
}

static inline enum err look_apply(struct store_write *w, struct tx *tx)
{
    struct look *l = CONTAINER_OF(w, struct look, write);
    int64_t cursor = l->cursor;
    l->n_due = l->n_fresh = l->n_at_once = 0;
    l->first_due = 0;
    enum err e = read_jobs(tx, &l->seen);
    if (!e)
        e = job_each_due(tx, l->webhook, l->now, JOBS, note_due, l);
    if (!e)
        e = job_next_due(tx, l->webhook, l->now, &l->next_due);
    if (!e)
        e = job_each_line(tx, note_line, l);
    if (!e)
        e = job_each_new(tx, &cursor, note_new, l);
    return e ? e : count_attempts(tx, l);
}

static inline void look(struct fixture *f, struct look *l)
{
    l->write.apply = look_apply;
    assert_int_equal(store_write_now(f->store, &l->write), ERR_OK);
}

/* "waiting behind done": the states of all jobs, by id. */
static inline void assert_states(struct fixture *f, const char *want)
{
    static struct look l;
    char got[16 * JOBS] = "";
    look(f, &l);
    for (size_t i = 0; i < l.seen.n; i++)
        snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", i ? " " : "",
                 l.seen.jobs[i].state);
    assert_string_equal(got, want);
}

/* --- order -------------------------------------------------------------------------------- */

static inline void test_only_the_first_of_a_key_waits(void **state)
{
    struct fixture *f = *state;
    int64_t a = insert(f, 1, 1, "k", T0), b = insert(f, 1, 2, "k", T0);
    insert(f, 1, 3, "k", T0);
    insert(f, 1, 4, "other", T0);
    insert(f, 2, 1, "k", T0); /* another endpoint's */
    insert(f, 1, 5, "", T0);
    insert(f, 1, 6, "", T0);
    assert_states(f, "waiting behind behind waiting waiting waiting waiting");

    /* A failure keeps its place; each end lets the next one move up. */
    take_step(f, (struct step){
                     .what = SETTLE, .id = a, .state = JOB_WAITING, .due_at = T0 + 9, .now = T0});
    assert_states(f, "waiting behind behind waiting waiting waiting waiting");
    end(f, a, JOB_DONE, T0 + 10);
    assert_states(f, "done waiting behind waiting waiting waiting waiting");
    end(f, b, JOB_DEAD, T0 + 11);
    assert_states(f, "done dead waiting waiting waiting waiting waiting");
    assert_int_equal(insert(f, 1, 7, "k", T0 + 12), 8);
    take_step(f, (struct step){.what = DROP, .id = 3, .now = T0 + 13});
    assert_states(f, "done dead dropped waiting waiting waiting waiting waiting");
    end(f, 8, JOB_DONE, T0 + 14);
    insert(f, 1, 8, "k", T0 + 15);
    assert_states(f, "done dead dropped waiting waiting waiting waiting done waiting");
}

/* In the middle of a line nobody moves; what is behind cannot be hurried. */
static inline void test_behind(void **state)
{
    struct fixture *f = *state;
    struct step hurry = {.what = HURRY, .id = 2, .now = T0};
    for (int64_t event = 1; event <= 3; event++)
        insert(f, 1, event, "k", T0);
    assert_int_equal(try_step(f, &hurry), ERR_CONFLICT);
    take_step(f, (struct step){.what = DROP, .id = 2, .now = T0});
    assert_states(f, "waiting dropped behind");
    end(f, 1, JOB_DONE, T0);
    assert_states(f, "done dropped waiting");
}

/* What has ended stays as it is, and has no more attempts. */
static inline void test_ended_is_ended(void **state)
{
    struct fixture *f = *state;
    struct step again = {.what = SETTLE, .id = 1, .state = JOB_DEAD, .now = T0 + 2};
    struct step drop = {.what = DROP, .id = 1, .now = T0 + 2};
    struct step hurry = {.what = HURRY, .id = 1, .now = T0 + 2};
    insert(f, 1, 1, "", T0);
    end(f, 1, JOB_DONE, T0 + 1);
    assert_int_equal(try_step(f, &again), ERR_NOT_FOUND);
    again.state = JOB_WAITING;
    assert_int_equal(try_step(f, &again), ERR_NOT_FOUND);
    assert_int_equal(try_step(f, &drop), ERR_CONFLICT);
    assert_int_equal(try_step(f, &hurry), ERR_CONFLICT);
    assert_states(f, "done");
}

/* A commit may be in doubt, and is then made again; and a replica that was cut off may write down
 * what another one tried meanwhile. */
static inline void test_settled_twice(void **state)
{
    static struct look l;
    struct fixture *f = *state;
    struct step late = {.what = SETTLE, .id = 1, .state = JOB_WAITING, .position = 1, .now = T0};
    insert(f, 1, 1, "", T0);
    late.due_at = T0 + 9;
    take_step(f, late);
    late.due_at = T0 + 20;
    assert_int_equal(try_step(f, &late), ERR_NOT_FOUND);
    look(f, &l);
    assert_int_equal(l.seen.jobs[0].due_at, T0 + 9);
    assert_int_equal(l.seen.jobs[0].attempts, 1);
    assert_int_equal(l.n_attempts, 1);
    late.state = JOB_DONE; /* the same try, which went well at the other one */
    take_step(f, late);
    look(f, &l);
    assert_int_equal(l.n_attempts, 1);
    assert_int_equal(l.n_good, 1);
    assert_states(f, "done");
}

/* What a person asks for does not wait behind all that waits. */
static inline void test_at_once(void **state)
{
    static struct look l = {.webhook = 1, .now = T0 + 5};
    struct fixture *f = *state;
    for (int64_t event = 1; event <= 4; event++)
        insert(f, 1, event, "", T0 + event);
    take_step(f, (struct step){.what = HURRY, .id = 3});
    end(f, 1, JOB_DEAD, T0 + 5);
    l.cursor = 4;
    look(f, &l);
    assert_int_equal(l.n_at_once, 0);
    int64_t again = take_step(f, (struct step){.what = REPEAT, .id = 1, .now = T0 + 5});
    look(f, &l);
    assert_int_equal(l.n_at_once, 1);
    assert_int_equal(l.n_due, 4);
    assert_int_equal(l.due[0] + l.due[1], 3 + again);
    assert_int_equal(l.due[2], 2);
    assert_int_equal(l.due[3], 4);
}

/* --- again -------------------------------------------------------------------------------- */

static inline void test_repeat(void **state)
{
    struct fixture *f = *state;
    insert(f, 1, 1, "k", T0);
    end(f, 1, JOB_DEAD, T0 + 1);
    assert_int_equal(take_step(f, (struct step){.what = REPEAT, .id = 1, .now = T0 + 2}), 2);
    assert_int_equal(take_step(f, (struct step){.what = REPEAT, .id = 1, .now = T0 + 3}), 3);
    assert_states(f, "dead waiting behind");
    struct step unknown = {.what = REPEAT, .id = 99, .now = T0};
    assert_int_equal(try_step(f, &unknown), ERR_NOT_FOUND);
}

/* `from` is in, `to` is not; each event once, in the events' order. */
static inline void test_repeat_range(void **state)
{
    static struct look l;
    struct fixture *f = *state;
    const int64_t events[] = {3, 1, 2, 1, 4};
    for (size_t i = 0; i < ARRAY_LEN(events); i++)
        insert(f, 1, events[i], "", T0 + (int64_t)i);
    insert(f, 2, 5, "", T0 + 1);
    struct step range = {.what = RANGE, .id = 1, .from = T0, .to = T0 + 4, .now = T0 + 9};
    assert_int_equal(take_step(f, range), 3);
    look(f, &l);
    assert_int_equal(l.seen.n, 9);
    for (int64_t i = 0; i < 3; i++) {
        assert_int_equal(l.seen.jobs[6 + i].event, i + 1);
        assert_int_equal(l.seen.jobs[6 + i].created_at, T0 + 9);
    }
    range.from = range.to++;
    assert_int_equal(
        take_step(f,
                  (struct step){.what = RANGE, .id = 3, .from = T0, .to = T0 + 4, .now = T0 + 9}),
        0);
    assert_int_equal(take_step(f, range), 1); /* event 4 */
}

/* --- sweeping ----------------------------------------------------------------------------- */

static inline void test_sweep(void **state)
{
    struct fixture *f = *state;
    for (int64_t event = 1; event <= 3; event++)
        insert(f, 1, event, "", T0);
    end(f, 1, JOB_DONE, T0 + 1);
    end(f, 2, JOB_DEAD, T0 + 2);
    assert_int_equal(take_step(f, (struct step){.what = SWEEP, .to = T0 + 1}), 0);
    assert_int_equal(take_step(f, (struct step){.what = SWEEP, .to = T0 + 2}), 1);
    assert_states(f, "dead waiting");
    assert_int_equal(take_step(f, (struct step){.what = SWEEP, .to = INT64_MAX}), 1);
    assert_states(f, "waiting"); /* what is open is not swept, however old */
}

/* A deleted endpoint loses all; a disabled one what is old, and what was behind that moves up. */
static inline void test_stranded(void **state)
{
    struct fixture *f = *state;
    insert(f, 1, 1, "k", T0);
    insert(f, 1, 2, "k", T0 + 1);
    insert(f, 1, 3, "k", T0 + 5);
    insert(f, 1, 4, "k", T0 + 6);
    insert(f, 2, 1, "k", T0 + 5);
    insert(f, 2, 2, "k", T0 + 5);
    insert(f, 3, 1, "k", T0);
    take_step(f, (struct step){.what = STOP, .id = 1, .now = T0 + 7});
    take_step(f, (struct step){.what = REMOVE, .id = 2, .now = T0 + 7});
    struct step strand = {.what = STRAND, .to = T0 + 5, .now = T0 + 8};
    assert_int_equal(take_step(f, strand), 4);
    assert_states(f, "dropped dropped waiting behind dropped dropped waiting");
    assert_int_equal(take_step(f, strand), 0);
}

/* --- against a model ---------------------------------------------------------------------- */

/* An event's key is always the same. */
static inline const char *key_of(int64_t event)
{
    static const char *const keys[] = {"", "a", "b"};
    return keys[event % 3];
}

struct model {
    struct seen all;
    bool disabled[WEBHOOKS + 1], deleted[WEBHOOKS + 1];
    int64_t last_id;
};

/* The first open one of the same key, behind which others are; NULL: it has none. */
static inline size_t first_of(const struct model *m, int64_t webhook, const char *key)
{
    for (size_t i = 0; *key && i < m->all.n; i++)
        if (m->all.jobs[i].webhook == webhook && !m->all.jobs[i].ended_at &&
            strcmp(key_of(m->all.jobs[i].event), key) == 0)
            return i;
    return JOBS;
}

static inline void set_state(struct model *m, size_t i, const char *state)
{
    snprintf(m->all.jobs[i].state, sizeof(m->all.jobs[i].state), "%s", state);
}

static inline void model_insert(struct model *m, int64_t webhook, int64_t event, int64_t now)
{
    bool behind = first_of(m, webhook, key_of(event)) < JOBS;
    size_t i = m->all.n++;
    m->all.jobs[i].id = ++m->last_id;
    m->all.jobs[i].webhook = webhook;
    m->all.jobs[i].event = event;
    m->all.jobs[i].attempts = m->all.jobs[i].ended_at = 0;
    m->all.jobs[i].due_at = m->all.jobs[i].created_at = now;
    set_state(m, i, behind ? JOB_BEHIND : JOB_WAITING);
}

static inline void model_end(struct model *m, size_t i, const char *state, int64_t now)
{
    set_state(m, i, state);
    m->all.jobs[i].ended_at = now;
    size_t first = first_of(m, m->all.jobs[i].webhook, key_of(m->all.jobs[i].event));
    if (first == JOBS || strcmp(m->all.jobs[first].state, JOB_BEHIND) != 0)
        return;
    set_state(m, first, JOB_WAITING);
    m->all.jobs[first].due_at = now;
}

static inline int64_t model_range(struct model *m, const struct step *s)
{
    int64_t n = 0;
    size_t before = m->all.n;
    for (int64_t event = 1; event <= EVENTS; event++)
        for (size_t i = 0; i < before; i++) {
            if (m->all.jobs[i].webhook != s->id || m->all.jobs[i].event != event ||
                m->all.jobs[i].created_at < s->from || m->all.jobs[i].created_at >= s->to)
                continue;
            model_insert(m, s->id, event, s->now);
            n++;
            break;
        }
    return n;
}

static inline int64_t model_sweep(struct model *m, int64_t before)
{
    size_t kept = 0, n = m->all.n;
    for (size_t i = 0; i < n; i++)
        if (!m->all.jobs[i].ended_at || m->all.jobs[i].ended_at >= before)
            m->all.jobs[kept++] = m->all.jobs[i];
    m->all.n = kept;
    return (int64_t)(n - kept);
}

static inline int64_t model_strand(struct model *m, int64_t before, int64_t now)
{
    int64_t n = 0;
    for (size_t i = 0; i < m->all.n; i++) {
        int64_t webhook = m->all.jobs[i].webhook;
        bool old = m->all.jobs[i].created_at < before;
        if (m->all.jobs[i].ended_at || !(m->deleted[webhook] || (m->disabled[webhook] && old)))
            continue;
        model_end(m, i, JOB_DROPPED, now);
        n++;
    }
    return n;
}

/* --- the same step for both --------------------------------------------------------------- */

static inline void compare(struct fixture *f, const struct model *m, int64_t webhook, int64_t now)
{
    static struct look l;
    l.webhook = webhook;
    l.now = now;
    look(f, &l);
    assert_int_equal(l.seen.n, m->all.n);
    int64_t next = 0, first = INT64_MAX;
    size_t n_due = 0;
    for (size_t i = 0; i < m->all.n; i++) {
        assert_int_equal(l.seen.jobs[i].id, m->all.jobs[i].id);
        assert_int_equal(l.seen.jobs[i].event, m->all.jobs[i].event);
        assert_int_equal(l.seen.jobs[i].attempts, m->all.jobs[i].attempts);
        assert_int_equal(l.seen.jobs[i].ended_at, m->all.jobs[i].ended_at);
        assert_string_equal(l.seen.jobs[i].state, m->all.jobs[i].state);
        int64_t due_at = m->all.jobs[i].due_at;
        if (strcmp(m->all.jobs[i].state, JOB_WAITING) != 0)
            continue;
        assert_int_equal(l.seen.jobs[i].due_at, due_at);
        if (m->all.jobs[i].webhook != webhook)
            continue;
        n_due += due_at <= now;
        next = due_at > now && (!next || due_at < next) ? due_at : next;
        first = MIN(first, due_at);
    }
    assert_int_equal(l.n_due, n_due);
    assert_int_equal(l.next_due, next);
    assert_int_equal(l.first_due,
                     m->disabled[webhook] || m->deleted[webhook] || first == INT64_MAX ? 0 : first);
}

static inline void change_job(struct fixture *f, struct model *m, uint64_t *seed, int64_t now)
{
    if (m->all.n == 0)
        return;
    static const char *const ends[] = {JOB_DONE, JOB_DEAD, JOB_WAITING};
    size_t i = test_below(seed, m->all.n);
    struct step s = {.what = test_below(seed, 4) ? SETTLE : DROP,
                     .id = m->all.jobs[i].id,
                     .state = ends[test_below(seed, ARRAY_LEN(ends))],
                     .due_at = now + (int64_t)test_below(seed, 50),
                     .now = now};
    bool open = !m->all.jobs[i].ended_at;
    if (s.what == SETTLE && strcmp(m->all.jobs[i].state, JOB_BEHIND) == 0)
        return; /* only what waits is tried */
    enum err want = open ? ERR_OK : s.what == DROP ? ERR_CONFLICT : ERR_NOT_FOUND;
    assert_int_equal(try_step(f, &s), want);
    if (!open)
        return;
    m->all.jobs[i].attempts += s.what == SETTLE;
    if (s.what == SETTLE && strcmp(s.state, JOB_WAITING) == 0)
        m->all.jobs[i].due_at = s.due_at;
    else
        model_end(m, i, s.what == DROP ? JOB_DROPPED : s.state, now);
}

static inline void repeat_job(struct fixture *f, struct model *m, uint64_t *seed, int64_t now)
{
    if (m->all.n == 0)
        return;
    size_t i = test_below(seed, m->all.n);
    int64_t webhook = m->all.jobs[i].webhook, event = m->all.jobs[i].event;
    model_insert(m, webhook, event, now);
    m->all.jobs[m->all.n - 1].due_at = JOB_AT_ONCE;
    assert_int_equal(
        take_step(f, (struct step){.what = REPEAT, .id = m->all.jobs[i].id, .now = now}),
        m->last_id);
}

static inline void change_many(struct fixture *f, struct model *m, uint64_t *seed, int64_t now)
{
    struct step s = {.what = (int)(RANGE + test_below(seed, 3)),
                     .id = 1 + (int64_t)test_below(seed, WEBHOOKS),
                     .from = now - (int64_t)test_below(seed, 30),
                     .to = now - (int64_t)test_below(seed, 20),
                     .now = now};
    int64_t n = s.what == RANGE   ? model_range(m, &s)
                : s.what == SWEEP ? model_sweep(m, s.to)
                                  : model_strand(m, s.to, now);
    assert_int_equal(take_step(f, s), n);
}

static inline void stop_webhook(struct fixture *f, struct model *m, uint64_t *seed, int64_t now)
{
    int64_t webhook = 2 + (int64_t)test_below(seed, WEBHOOKS - 1); /* the first one goes on */
    if (m->deleted[webhook])
        return;
    bool *const which = test_below(seed, 4) ? m->disabled : m->deleted;
    which[webhook] = true;
    take_step(
        f, (struct step){.what = which == m->deleted ? REMOVE : STOP, .id = webhook, .now = now});
}

static inline void random_life(struct fixture *f, uint64_t seed)
{
    struct model m = {.last_id = 0};
    for (int i = 0; i < 300; i++) {
        int64_t now = T0 + i, webhook = 1 + (int64_t)test_below(&seed, WEBHOOKS);
        size_t what = test_below(&seed, 100);
        if (m.all.n > JOBS / 2)
            assert_int_equal(take_step(f, (struct step){.what = SWEEP, .to = now}),
                             model_sweep(&m, now));
        if (what < 40 && m.all.n < JOBS / 2) {
            int64_t event = 1 + (int64_t)test_below(&seed, EVENTS);
            model_insert(&m, webhook, event, now);
            assert_int_equal(insert(f, webhook, event, key_of(event), now), m.last_id);
        } else if (what < 80) {
            change_job(f, &m, &seed, now);
        } else if (what < 90 && m.all.n < JOBS / 2) {
            repeat_job(f, &m, &seed, now);
        } else if (what < 99 && m.all.n < JOBS / 2) {
            change_many(f, &m, &seed, now);
        } else if (i > 150) {
            stop_webhook(f, &m, &seed, now);
        }
        compare(f, &m, webhook, now);
    }
}

/* --- new ones ----------------------------------------------------------------------------- */

struct many {
    struct store_write write;
    size_t seen[WEBHOOKS + 1];
    int64_t cursor;
};

static inline enum err count_new(void *arg, int64_t webhook, int64_t due_at)
{
    ((struct many *)arg)->seen[webhook]++;
    return ERR_OK;
}

/* More than one page of them; the cursor is then at the last one. */
static inline enum err many_apply(struct store_write *w, struct tx *tx)
{
    struct many *m = CONTAINER_OF(w, struct many, write);
    int64_t last = 0;
    enum err e = ERR_OK;
    memset(m->seen, 0, sizeof(m->seen));
    m->cursor = 0;
    for (int i = 0; !e && i < 2 * JOBS_NEW_ROWS; i++) {
        const struct job j = {.workspace_id = 1,
                              .kind = STR(JOB_DELIVER),
                              .webhook_id = i < 2 * JOBS_NEW_ROWS - 1 ? 1 : 2,
                              .event_id = 1};
        e = job_insert(tx, &j, &last);
    }
    if (!e)
        e = job_each_new(tx, &m->cursor, count_new, m);
    return !e && m->cursor != last ? ERR_INTERNAL : e;
}

static inline void test_new_ones_in_pages(void **state)
{
    struct fixture *f = *state;
    struct many m = {.write.apply = many_apply};
    assert_int_equal(store_write_now(f->store, &m.write), ERR_OK);
    assert_int_equal(m.seen[1], 2);
    assert_int_equal(m.seen[2], 1);
    assert_int_equal(m.seen[3], 0);
}

#define JOB_TESTS(TEST)                                                                            \
    TEST(test_only_the_first_of_a_key_waits), TEST(test_behind), TEST(test_ended_is_ended),        \
        TEST(test_settled_twice), TEST(test_at_once), TEST(test_repeat), TEST(test_repeat_range),  \
        TEST(test_sweep), TEST(test_stranded), TEST(test_new_ones_in_pages),                       \
        TEST(test_random_lives)
