/* Which webhooks have deliveries that are due, and which of them begin.
 *
 * A webhook has a lane while anything waits for it. The backlog stays in the store: a lane reads as
 * many of its jobs as it may begin now. How many that is moves with how the webhook behaves, and
 * one that fails again and again rests between its tries; lanes that are slow, and those that fail,
 * have places of their own, so that they never take those of the others.
 *
 * The jobs of one order key are no concern of this file: only the first of them is waiting
 * (model/job.h). */
#include "jobs/lanes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "model/account_fact.h"

/* --- lanes -------------------------------------------------------------------------------- */

static struct job_lane *lane_find(struct jobs *j, int64_t webhook_id)
{
    list_for_each (node, &j->lanes.all) {
        struct job_lane *lane = CONTAINER_OF(node, struct job_lane, node);
        if (lane->webhook_id == webhook_id)
            return lane;
    }
    return NULL;
}

static struct job_lane *lane_find_or_add(struct jobs *j, int64_t webhook_id)
{
    struct job_lane *lane = lane_find(j, webhook_id);
    if (lane)
        return lane;
    lane = xcalloc(1, sizeof(*lane));
    lane->jobs = j;
    lane->webhook_id = webhook_id;
    lane->limit = DELIVERY_LANE_FIRST;
    list_init(&lane->ready);
    list_init(&lane->runs);
    list_add(&j->lanes.all, &lane->node);
    return lane;
}

static void lane_free(struct job_lane *lane)
{
    list_remove(&lane->node);
    list_remove(&lane->ready);
    free(lane);
}

/* It has nothing to do, and nothing to rest from. */
static bool is_idle(const struct job_lane *lane)
{
    return !lane->reading && lane->n_runs == 0 && list_empty(&lane->ready) && !lane->due_at &&
           !lane->more && !lane->failures;
}

static void pump(struct jobs *j);
static void on_pace(uv_timer_t *timer);

/* Something may be due. */
static void lane_wake(struct job_lane *lane)
{
    struct jobs *j = lane->jobs;
    lane->more = true;
    lane->woken_ms = job_now_ms();
    if (lane->reading || !list_empty(&lane->ready) || lane->n_runs >= lane->limit ||
        lane->rest_until_ms > job_now_ms())
        return;
    list_add(&j->lanes.ready[lane->kind], &lane->ready);
}

/* --- reading what is due -------------------------------------------------------------------- */

/* On a thread of the store's, perhaps: touches nothing of the lane's. */
struct lane_read {
    struct job_read read; /* first */
    struct job_lane *lane;
    int64_t now, webhook_id, replica;
    enum lane_kind kind;                /* which places it has reserved: `room` of them */
    int64_t running[DELIVERY_LANE_MAX]; /* ids of the jobs that are under way */
    size_t n_running, room;
    struct arena arena;
    struct webhook webhook;
    bool shared, found;
    bool anothers;    /* another replica delivers to it: what waits was not read */
    struct list runs; /* delivery_run, to begin */
    size_t n_runs;
    bool full;      /* there may be more that are due */
    int64_t due_at; /* wall time; when the next one is that is not; 0: none */
};

static bool is_running(const struct lane_read *r, int64_t job_id)
{
    for (size_t i = 0; i < r->n_running; i++)
        if (r->running[i] == job_id)
            return true;
    return false;
}

static enum err take_job(void *arg, const struct job *j)
{
    struct lane_read *r = arg;
    if (is_running(r, j->id))
        return ERR_OK;
    if (r->n_runs == r->room) {
        r->full = true;
        return ERR_OK;
    }
    struct delivery_run *run = delivery_run_new(j);
    if (!run)
        return ERR_NO_MEMORY;
    list_add(&r->runs, &run->node);
    r->n_runs++;
    return ERR_OK;
}

static bool is_anothers(int64_t holder, int64_t replica)
{
    return holder && holder != replica;
}

static enum err read_lane(struct store_read *read, struct tx *tx)
{
    struct lane_read *r = CONTAINER_OF(read, struct lane_read, read.read);
    enum err e = webhook_find(tx, 0, r->webhook_id, &r->arena, &r->webhook);
    r->found = !e && !r->webhook.disabled_at;
    r->anothers = r->found && r->shared && is_anothers(r->webhook.replica_id, r->replica);
    if (e || !r->found || r->anothers)
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    e = job_each_due(tx, r->webhook_id, r->now, (int64_t)(r->n_running + r->room + 1), take_job, r);
    return e ? e : job_next_due(tx, r->webhook_id, r->now, &r->due_at);
}

static void free_read(struct lane_read *r)
{
    for (struct list *node; (node = list_take(&r->runs));)
        delivery_run_free(CONTAINER_OF(node, struct delivery_run, node));
    arena_release(&r->arena);
    free(r);
}

/* --- whose it is, where replicas share the store --------------------------------------------- */

struct lane_claim {
    struct job_write write; /* first */
    struct job_lane *lane;
    int64_t replica;
    bool ours;
};

static enum err apply_claim(struct store_write *w, struct tx *tx)
{
    struct lane_claim *c = CONTAINER_OF(w, struct lane_claim, write.write);
    return webhook_claim(tx, c->lane->webhook_id, c->replica, &c->ours);
}

static void on_claimed(struct job_write *w)
{
    struct lane_claim *c = CONTAINER_OF(w, struct lane_claim, write);
    struct job_lane *lane = c->lane;
    struct jobs *j = lane->jobs;
    enum err e = w->write.err;
    bool ours = !e && c->ours;
    free(c);
    j->n_pending--;
    lane->reading = false;
    if (e) /* the store is away: a moment later */
        lane->due_at = clock_now_ms() + DELIVERY_REST_MS;
    if (ours)
        lane_wake(lane);
    pump(j);
}

static void claim(struct job_lane *lane, int64_t replica)
{
    struct lane_claim *c = xcalloc(1, sizeof(*c));
    *c = (struct lane_claim){.lane = lane, .replica = replica};
    c->write.write.apply = apply_claim;
    c->write.done = on_claimed;
    lane->jobs->n_pending++;
    job_write_submit(lane->jobs, &c->write);
}

/* Ours to deliver to? If it is nobody's it is claimed, and read again then. */
static bool is_ours(struct jobs *j, struct job_lane *lane, const struct webhook *w)
{
    if (!store_is_shared(j->options.store))
        return true;
    int64_t replica = store_replica(j->options.store);
    if (replica && w->replica_id == replica)
        return true;
    if (replica && !w->replica_id) {
        lane->reading = true;
        claim(lane, replica);
    }
    return false;
}

/* --- beginning ---------------------------------------------------------------------------- */

static void begin_runs(struct jobs *j, struct job_lane *lane, struct lane_read *r)
{
    _cleanup_(secret_release)
    struct secret secret = {0};
    _cleanup_(secret_release)
    struct secret previous = {0};
    if (list_empty(&r->runs))
        return;
    if (!job_open_secrets(j, &r->webhook, &secret, &previous)) {
        lane->rest_until_ms = job_now_ms() + DELIVERY_REST_MAX_MS;
        return;
    }
    for (struct list *node; (node = list_take(&r->runs));) {
        struct delivery_run *run = CONTAINER_OF(node, struct delivery_run, node);
        run->lane = lane;
        run->kind = lane->kind;
        list_add(&lane->runs, &run->node);
        lane->n_runs++;
        j->lanes.n_running[run->kind]++;
        j->n_pending++;
        delivery_run_begin(j, run, &r->webhook, &secret, &previous);
    }
}

/* The store is away: a moment later. */
static void put_off(struct job_lane *lane)
{
    lane->rest_until_ms = job_now_ms() + DELIVERY_REST_MS;
    lane->due_at = clock_now_ms() + DELIVERY_REST_MS;
}

/* There is nothing for us to do, until something new is told or a look at all of them finds that it
 * is ours. How it behaved will be long ago then. */
static void leave_alone(struct job_lane *lane)
{
    lane->due_at = 0;
    lane->failures = 0;
}

/* After a start nothing is remembered of it, but whether it failed: one that did is read once more,
 * to be tried with one delivery, in its turn and in the places of such. */
static void know(struct job_lane *lane, struct lane_read *r)
{
    lane->known = true;
    if (!r->webhook.failing_since)
        return;
    lane->kind = LANE_FAILING;
    lane->limit = 1;
    lane->failures = DELIVERY_FAILURES - 1;
    for (struct list *node; (node = list_take(&r->runs));) {
        delivery_run_free(CONTAINER_OF(node, struct delivery_run, node));
        r->full = true;
    }
}

/* Is it to be read again? */
static bool take_read(struct jobs *j, struct job_lane *lane, struct lane_read *r)
{
    lane->due_at = r->due_at;
    if (!lane->known)
        know(lane, r);
    bool ours = is_ours(j, lane, &r->webhook);
    if (ours && !j->stopping)
        begin_runs(j, lane, r);
    return !lane->reading && (lane->more || (ours && r->full));
}

static void on_read(struct job_read *read)
{
    struct lane_read *r = CONTAINER_OF(read, struct lane_read, read);
    struct job_lane *lane = r->lane;
    struct jobs *j = lane->jobs;
    enum err e = read->read.err;
    bool again = false;
    lane->reading = false;
    j->n_pending--;
    if (e)
        put_off(lane);
    else if (!r->found || r->anothers)
        leave_alone(lane);
    else
        again = take_read(j, lane, r);
    j->lanes.n_reserved[r->kind] -= r->room;
    free_read(r);
    if (again)
        lane_wake(lane);
    pump(j);
}

/* Of a kind: those that nothing runs in, and that no read under way may fill. Whatever begins has a
 * connection at once: to wait for one would make it slow that is not. */
static size_t places_left(const struct job_lanes *l, enum lane_kind kind)
{
    static const size_t places[LANE_KINDS] = {DELIVERY_BRISK_MAX, DELIVERY_SLOW_MAX,
                                              DELIVERY_FAILING_MAX};
    size_t taken = l->n_running[kind] + l->n_reserved[kind], all = 0;
    for (size_t i = 0; i < LANE_KINDS; i++)
        all += l->n_running[i] + l->n_reserved[i];
    if (taken >= places[kind] || all >= DELIVERY_CONNECTIONS_MAX)
        return 0;
    return MIN(places[kind] - taken, DELIVERY_CONNECTIONS_MAX - all);
}

static void read_due(struct job_lane *lane)
{
    struct jobs *j = lane->jobs;
    struct lane_read *r = xcalloc(1, sizeof(*r));
    r->kind = lane->kind;
    r->read.read.run = read_lane;
    r->read.done = on_read;
    r->lane = lane;
    r->webhook_id = lane->webhook_id;
    r->shared = store_is_shared(j->options.store);
    r->replica = store_replica(j->options.store);
    r->now = clock_now_ms();
    r->room = MIN((size_t)(lane->limit - lane->n_runs), places_left(&j->lanes, r->kind));
    j->lanes.n_reserved[r->kind] += r->room;
    list_for_each (node, &lane->runs)
        r->running[r->n_running++] = CONTAINER_OF(node, struct delivery_run, node)->job.id;
    arena_init(&r->arena, JOBS_ARENA_MAX);
    list_init(&r->runs);
    lane->reading = true;
    lane->more = false;
    j->n_pending++;
    job_read_submit(j, &r->read);
}

/* Lanes take turns: one that has more goes to the end. False: there is none, or no place. */
static bool begin_next(struct jobs *j, enum lane_kind kind)
{
    struct job_lanes *l = &j->lanes;
    while (places_left(l, kind) && !list_empty(&l->ready[kind])) {
        struct job_lane *lane = CONTAINER_OF(list_take(&l->ready[kind]), struct job_lane, ready);
        if (lane->n_runs >= lane->limit)
            continue;
        read_due(lane);
        return true;
    }
    return false;
}

static bool are_ready(const struct job_lanes *l)
{
    return !list_empty(&l->ready[LANE_SLOW]) || !list_empty(&l->ready[LANE_FAILING]);
}

/* A read that waits for nobody calls back from within: the outermost call goes on. */
static void pump(struct jobs *j)
{
    if (j->lanes.pumping || j->stopping)
        return;
    j->lanes.pumping = true;
    while (begin_next(j, LANE_BRISK))
        ;
    j->lanes.pumping = false;
    if (are_ready(&j->lanes) && !uv_is_active((uv_handle_t *)&j->lanes.pace))
        uv_timer_start(&j->lanes.pace, on_pace, 0, 0);
}

/* When a thousand that are dead end their rest together, the others hardly notice. */
static void on_pace(uv_timer_t *timer)
{
    struct jobs *j = timer->data;
    if (j->stopping)
        return;
    enum lane_kind kind = j->lanes.turn, other = LANE_SLOW + LANE_FAILING - kind;
    j->lanes.turn = other;
    if (!begin_next(j, kind))
        (void)begin_next(j, other);
    if (are_ready(&j->lanes))
        uv_timer_start(timer, on_pace, DELIVERY_PACE_MS, 0);
    pump(j);
}

/* --- the end of a try --------------------------------------------------------------------- */

static void note_success(struct job_lane *lane, int64_t us)
{
    lane->failures = 0;
    lane->rest_until_ms = 0;
    lane->limit = MIN(lane->limit + 1, DELIVERY_LANE_MAX);
    lane->kind = us > DELIVERY_SLOW_US ? LANE_SLOW : LANE_BRISK;
}

/* What was under way when one failed fails of the same: a moment of weakness is one failure,
 * however many deliveries it met. */
static void note_failure(struct job_lane *lane, int64_t us)
{
    int64_t now_us = clock_monotonic_us();
    lane->limit = MAX(lane->limit / 2, 1);
    if (lane->kind == LANE_BRISK)
        lane->kind = LANE_SLOW;
    if (now_us - us < lane->failed_us)
        return;
    lane->failed_us = now_us;
    if (++lane->failures < DELIVERY_FAILURES)
        return;
    lane->kind = LANE_FAILING;
    int doublings = MIN(lane->failures - DELIVERY_FAILURES, 16);
    int64_t rest_ms = MIN((int64_t)DELIVERY_REST_MS << doublings, (int64_t)DELIVERY_REST_MAX_MS);
    lane->limit = 1;
    lane->rest_until_ms = job_now_ms() + rest_ms / 2 + random_below((uint32_t)rest_ms / 2);
}

void job_lane_answered(struct delivery_run *run, bool success, int64_t us)
{
    struct job_lane *lane = run->lane;
    lane->jobs->lanes.n_running[run->kind]--;
    run->answered = true;
    if (success)
        note_success(lane, us);
    else
        note_failure(lane, us);
    pump(lane->jobs);
}

static void end_run(struct delivery_run *run)
{
    struct job_lane *lane = run->lane;
    list_remove(&run->node);
    list_remove(&run->unwritten);
    lane->n_runs--;
    lane->jobs->n_pending--;
    delivery_run_free(run);
}

/* What was delivered and is not on record would be delivered again, and again: it is kept here and
 * written once the store takes it. Meanwhile it has its place in the lane. */
void job_lane_written(struct delivery_run *run, enum err e)
{
    struct job_lane *lane = run->lane;
    struct jobs *j = lane->jobs;
    if (e && !j->stopping) {
        int64_t pause_ms = (int64_t)DELIVERY_REST_MS << MIN(run->unwritten_times, 16);
        run->unwritten_times++;
        run->write_at_ms = job_now_ms() + MIN(pause_ms, (int64_t)DELIVERY_REST_MAX_MS);
        list_add(&j->lanes.unwritten, &run->unwritten);
        return;
    }
    end_run(run);
    lane_wake(lane);
    pump(j);
}

static void write_again(struct jobs *j)
{
    struct list due;
    int64_t now_ms = job_now_ms();
    list_init(&due);
    list_for_each_safe (node, &j->lanes.unwritten) {
        struct delivery_run *run = CONTAINER_OF(node, struct delivery_run, unwritten);
        if (run->write_at_ms > now_ms)
            continue;
        list_remove(node);
        list_add(&due, node);
    }
    for (struct list *node; (node = list_take(&due));)
        delivery_run_write(CONTAINER_OF(node, struct delivery_run, unwritten));
}

/* One that takes long gives its place back to the brisk ones. */
static void move_slow(struct job_lane *lane, int64_t now_us)
{
    struct job_lanes *l = &lane->jobs->lanes;
    list_for_each (node, &lane->runs) {
        struct delivery_run *run = CONTAINER_OF(node, struct delivery_run, node);
        if (run->kind != LANE_BRISK || run->answered || now_us - run->began_us < DELIVERY_SLOW_US)
            continue;
        l->n_running[LANE_BRISK]--;
        l->n_running[LANE_SLOW]++;
        run->kind = LANE_SLOW;
        if (lane->kind == LANE_BRISK)
            lane->kind = LANE_SLOW;
    }
}

/* --- what is new --------------------------------------------------------------------------- */

struct lanes_look {
    struct job_read read; /* first */
    struct jobs *jobs;
    int64_t cursor, replica;
    bool all;
    int64_t began_ms; /* monotonic */
    struct arena arena;
    struct found {
        struct found *next;
        int64_t id, due_at;
        bool hurried; /* by a person, who waits */
    } * webhooks, *accounts;
};

static enum err note(struct lanes_look *look, struct found **list, const struct found *one)
{
    struct found *found = ARENA_NEW(&look->arena, struct found);
    if (!found)
        return ERR_NO_MEMORY;
    *found = *one;
    found->next = *list;
    *list = found;
    return ERR_OK;
}

static enum err note_line(void *arg, const struct job_line *line)
{
    struct lanes_look *look = arg;
    if (look->replica && is_anothers(line->replica_id, look->replica))
        return ERR_OK;
    const struct found one = {
        .id = line->webhook_id, .due_at = line->due_at, .hurried = line->due_at == JOB_AT_ONCE};
    return note(look, &look->webhooks, &one);
}

static enum err note_new(void *arg, int64_t webhook_id, int64_t due_at)
{
    struct lanes_look *look = arg;
    const struct found one = {.id = webhook_id, .hurried = due_at == JOB_AT_ONCE};
    return note(look, &look->webhooks, &one);
}

static enum err note_hinted(void *arg, int64_t account_id)
{
    struct lanes_look *look = arg;
    const struct found one = {.id = account_id};
    return note(look, &look->accounts, &one);
}

static enum err run_look(struct store_read *read, struct tx *tx)
{
    struct lanes_look *look = CONTAINER_OF(read, struct lanes_look, read.read);
    enum err e = ERR_OK;
    if (look->all) {
        e = job_last(tx, &look->cursor);
        if (!e)
            e = job_each_line(tx, note_line, look);
    } else {
        e = job_each_new(tx, &look->cursor, note_new, look);
    }
    return e ? e : account_each_hinted(tx, HINTS_MAX, note_hinted, look);
}

static void take_found(struct jobs *j, const struct lanes_look *look)
{
    int64_t now = clock_now_ms();
    for (const struct found *f = look->webhooks; f; f = f->next) {
        struct job_lane *lane = lane_find_or_add(j, f->id);
        if (f->hurried)
            lane->rest_until_ms = 0;
        if (f->due_at > now)
            lane->due_at = lane->due_at ? MIN(lane->due_at, f->due_at) : f->due_at;
        else
            lane_wake(lane);
    }
    for (const struct found *f = look->accounts; f; f = f->next)
        job_sync_hinted(j, f->id);
}

/* A person may have hurried a job or enabled a webhook, of which no new job tells; so what is
 * announced leads to a look at all, where that is cheap. */
static void note_look_at_all(struct jobs *j, const struct lanes_look *look)
{
    int64_t now_ms = job_now_ms(), took_ms = now_ms - look->began_ms;
    j->lanes.look_due_ms = now_ms + DELIVERY_LOOK_MS;
    j->lanes.all_allowed_ms = now_ms + MAX(DELIVERY_LOOK_GAP_MS, DELIVERY_LOOK_SHARE * took_ms);
}

static void on_looked(struct job_read *read)
{
    struct lanes_look *look = CONTAINER_OF(read, struct lanes_look, read);
    struct jobs *j = look->jobs;
    enum err e = read->read.err;
    j->n_pending--;
    j->lanes.looking = false;
    if (!e) {
        j->lanes.cursor = look->cursor;
        if (!j->stopping)
            take_found(j, look);
        if (look->all)
            note_look_at_all(j, look);
    } else {
        j->lanes.all_due = true;
    }
    arena_release(&look->arena);
    free(look);
    pump(j);
    if (j->lanes.again && !e)
        job_lanes_look(j);
}

void job_lanes_look(struct jobs *j)
{
    struct job_lanes *l = &j->lanes;
    if (j->stopping || !j->options.sync_interval_s)
        return;
    l->again = l->looking;
    if (l->looking)
        return;
    struct lanes_look *look = xcalloc(1, sizeof(*look));
    look->read.read.run = run_look;
    look->read.done = on_looked;
    look->jobs = j;
    look->cursor = l->cursor;
    look->replica = store_replica(j->options.store);
    look->began_ms = job_now_ms();
    look->all = l->all_due || look->began_ms >= l->all_allowed_ms;
    arena_init(&look->arena, JOBS_ARENA_MAX);
    l->all_due = false;
    l->looking = true;
    j->n_pending++;
    job_read_submit(j, &look->read);
}

void job_lanes_tick(struct jobs *j)
{
    int64_t now = clock_now_ms(), now_ms = job_now_ms();
    list_for_each_safe (node, &j->lanes.all) {
        struct job_lane *lane = CONTAINER_OF(node, struct job_lane, node);
        bool due = lane->due_at && lane->due_at <= now;
        move_slow(lane, clock_monotonic_us());
        if (due || (lane->more && lane->rest_until_ms <= now_ms))
            lane_wake(lane);
        else if (is_idle(lane) && lane->woken_ms + DELIVERY_LANE_KEEP_MS <= now_ms)
            lane_free(lane);
    }
    write_again(j);
    if (now_ms >= j->lanes.look_due_ms)
        j->lanes.all_due = true;
    if (j->lanes.all_due)
        job_lanes_look(j);
    pump(j);
}

void job_lanes_show(struct jobs *j)
{
    int64_t n = 0;
    list_for_each (node, &j->lanes.all)
        n += !is_idle(CONTAINER_OF(node, struct job_lane, node));
    gauge_set(&j->stats.lanes, n);
    gauge_set(&j->stats.deliveries_running,
              (int64_t)(j->lanes.n_running[LANE_BRISK] + j->lanes.n_running[LANE_SLOW] +
                        j->lanes.n_running[LANE_FAILING]));
}

/* --- life --------------------------------------------------------------------------------- */

enum err job_lanes_open(struct jobs *j, struct error *error)
{
    const struct http_client_options options = {
        .connections_max = DELIVERY_CONNECTIONS_MAX,
        .public_only = !j->options.webhooks.allow_private,
        .direct = true,
        .ca_file = j->options.webhooks.ca_file,
    };
    list_init(&j->lanes.all);
    for (size_t i = 0; i < LANE_KINDS; i++)
        list_init(&j->lanes.ready[i]);
    list_init(&j->lanes.unwritten);
    j->lanes.all_due = true;
    j->lanes.turn = LANE_SLOW;
    hmac_init(&j->lanes.hmac);
    uv_timer_init(&j->loop, &j->lanes.pace);
    j->lanes.pace.data = j;
    return http_client_open(&j->loop, &options, &j->lanes.client, error);
}

void job_lanes_stop(struct jobs *j)
{
    struct http_client *client = j->lanes.client;
    j->lanes.client = NULL;
    http_client_close(client);
    list_for_each_safe (node, &j->lanes.unwritten)
        end_run(CONTAINER_OF(node, struct delivery_run, unwritten));
}

void job_lanes_release(struct jobs *j)
{
    list_for_each_safe (node, &j->lanes.all)
        lane_free(CONTAINER_OF(node, struct job_lane, node));
    hmac_release(&j->lanes.hmac);
}
