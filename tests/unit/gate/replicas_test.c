/* Limits that several processes count together: replicas with a directory and counters each, on one
 * store. They run in one thread here, in an order that a seed chooses. */
#include "gate/plan.h"

static const struct endpoint replica_endpoints[] = {
    {STR_INIT("GET /ten"), {10, 60}},           {STR_INIT("GET /sixty"), {60, 60}},
    {STR_INIT("GET /two-hundred"), {200, 60}},  {STR_INIT("GET /thousand"), {1000, 60}},
    {STR_INIT("GET /most"), {16777215, 86400}},
};
static const struct endpoints endpoints = {replica_endpoints, 5};
#define WORLD_ENDPOINTS &endpoints
enum { TEN, SIXTY, TWO_HUNDRED, THOUSAND, MOST };

#include "gate/saved_counts.h"
#include "unit/gate/world.h"

#define REPLICAS_MAX 3

struct replica {
    struct world *world;
    struct directory_hub hub;
    struct failures *failures;
    struct gate gate;
    struct saved_counts *saved;
    struct queue decided;
    struct list back;           /* from there, and not looked at yet */
    struct store_write *flying; /* a report under way */
    bool is_written;            /* and its answer is on the way */
    size_t n_waiting;
};

struct cluster {
    struct world *world;
    struct replica replicas[REPLICAS_MAX];
    size_t n;
    int64_t now_s;
    int64_t passed, refused, unavailable;
};

static void open_replica(struct replica *r, struct world *w, size_t n)
{
    *r = (struct replica){.world = w};
    directory_hub_init(&r->hub, w->fixture->store, &w->keyring, &endpoints);
    assert_int_equal(directory_reload(&r->hub, w->reader), ERR_OK);
    r->failures = failures_new();
    gate_init(&r->gate, &r->hub, r->failures, w->policy);
    r->saved = saved_counts_new(&r->hub, r->failures);
    saved_counts_open(r->saved, NULL, NULL);
    atomic_store(&r->hub.n_counting, (int64_t)n);
    queue_init(&r->decided, NULL, NULL);
    list_init(&r->back);
}

static void close_replica(struct replica *r)
{
    assert_int_equal(r->n_waiting, 0);
    saved_counts_free(r->saved);
    gate_release(&r->gate);
    failures_free(r->failures);
    directory_hub_release(&r->hub);
    queue_release(&r->decided);
}

static void open_cluster(struct cluster *c, struct world *w, size_t n)
{
    *c = (struct cluster){.world = w, .n = n, .now_s = NOW_S};
    for (size_t i = 0; i < n; i++)
        open_replica(&c->replicas[i], w, n);
}

static void close_cluster(struct cluster *c)
{
    for (size_t i = 0; i < c->n; i++)
        close_replica(&c->replicas[i]);
}

/* --- calls -------------------------------------------------------------------------------- */

static void count(struct cluster *c, enum err e)
{
    c->passed += e == ERR_OK;
    c->refused += e == ERR_RATE_LIMIT;
    c->unavailable += e == ERR_UNAVAILABLE;
}

/* ERR_BUSY: it waits. */
static enum err call_at(struct cluster *c, struct replica *r, size_t endpoint, int64_t now_s,
                        struct limit_state *ret)
{
    struct error error;
    arena_clear(&c->world->arena);
    error_init(&error, &c->world->arena);
    const struct directory_client *client = directory_find(&r->gate.view, STR("cl_1"));
    struct caller caller = {.client = client};
    enum err e = gate_limit(&r->gate, &caller, endpoint, now_s * 1000, ret, &error);
    if (e == ERR_BUSY) {
        struct undecided *u = xcalloc(1, sizeof(*u));
        u->reply_to = &r->decided;
        e = gate_wait(&r->gate, &caller, endpoint, u);
        if (e)
            free(u);
        else
            r->n_waiting++;
        e = e ? e : ERR_BUSY;
    }
    count(c, e);
    return e;
}

static enum err call(struct cluster *c, struct replica *r, size_t endpoint)
{
    struct limit_state ignored;
    return call_at(c, r, endpoint, c->now_s, &ignored);
}

/* The next of those that waited; ERR_BUSY: none is back. */
static enum err next_decided(struct cluster *c, struct replica *r, struct limit_state *ret)
{
    struct error error;
    arena_clear(&c->world->arena);
    error_init(&error, &c->world->arena);
    queue_take_all(&r->decided, &r->back);
    struct list *node = list_take(&r->back);
    if (!node)
        return ERR_BUSY;
    struct undecided *u = CONTAINER_OF(node, struct undecided, node);
    enum err e = gate_decided(u, c->now_s * 1000, ret, &error);
    assert_int_equal(error.retry_after > 0, e == ERR_RATE_LIMIT);
    free(u);
    r->n_waiting--;
    count(c, e);
    return e;
}

static void assert_next(struct cluster *c, struct replica *r, enum err expected, int64_t remaining)
{
    struct limit_state state = {0};
    assert_int_equal(next_decided(c, r, &state), expected);
    assert_int_equal(state.remaining, remaining);
}

static void take_decided(struct cluster *c, struct replica *r)
{
    struct limit_state ignored;
    while (next_decided(c, r, &ignored) != ERR_BUSY)
        ;
}

/* --- reports, step by step ---------------------------------------------------------------- */

static void begin(struct cluster *c, struct replica *r, bool all)
{
    if (r->flying)
        return;
    r->flying = all ? saved_counts_begin(r->saved, c->now_s * 1000)
                    : saved_counts_begin_undecided(r->saved, c->now_s * 1000);
    r->is_written = false;
}

static void write_report(struct cluster *c, struct replica *r)
{
    if (!r->flying || r->is_written)
        return;
    assert_int_equal(store_write_now(c->world->fixture->store, r->flying), ERR_OK);
    r->is_written = true;
}

static void end(struct cluster *c, struct replica *r)
{
    if (!r->flying || !r->is_written)
        return;
    r->flying = NULL;
    saved_counts_end(r->saved);
}

static void report(struct cluster *c, struct replica *r)
{
    begin(c, r, true);
    write_report(c, r);
    end(c, r);
}

/* Until nobody waits. */
static void settle(struct cluster *c)
{
    for (size_t i = 0; i < c->n; i++) {
        struct replica *r = &c->replicas[i];
        do {
            report(c, r);
            take_decided(c, r);
        } while (r->n_waiting || r->flying);
    }
}

/* --- the limit, whatever comes when ------------------------------------------------------- */

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33);
}

static size_t n_waiting(const struct cluster *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++)
        n += c->replicas[i].n_waiting;
    return n;
}

/* Some calls at once. Nobody is refused before the limit is reached: by those that have passed, or
 * by those whose answer is on its way. */
static void calls(struct cluster *c, struct replica *r, size_t endpoint, uint32_t n)
{
    int64_t limit = replica_endpoints[endpoint].limit.requests;
    while (n-- > 0) {
        enum err e = call(c, r, endpoint);
        if (e == ERR_RATE_LIMIT)
            assert_true(c->passed + (int64_t)n_waiting(c) >= limit);
        if (e)
            return; /* one that waits is enough for large limits */
    }
}

static void step(struct cluster *c, size_t endpoint, uint64_t *seed)
{
    struct replica *r = &c->replicas[next_random(seed) % c->n];
    int64_t limit = replica_endpoints[endpoint].limit.requests;
    uint32_t what = next_random(seed) % 16;
    if (what < 9)
        calls(c, r, endpoint, 1 + next_random(seed) % (uint32_t)MAX(limit / 20, INT64_C(2)));
    else if (what < 12)
        begin(c, r, what == 9);
    else if (what < 14)
        write_report(c, r);
    else
        end(c, r);
    take_decided(c, r);
}

static void assert_window(struct cluster *c, size_t endpoint, uint64_t *seed)
{
    int64_t limit = replica_endpoints[endpoint].limit.requests;
    c->passed = c->refused = 0;
    while (c->refused < 20)
        step(c, endpoint, seed);
    for (size_t i = 0; i < c->n; i++)
        call(c, &c->replicas[i], endpoint);
    for (size_t i = 0; i < c->n; i++) {
        end(c, &c->replicas[i]); /* what was written */
        report(c, &c->replicas[i]);
    }
    settle(c);
    assert_true(c->passed >= limit);
    assert_true(c->passed <= limit + limit * SHARED_COUNTS_SLACK / 100);
    int64_t passed = c->passed;
    for (size_t i = 0; i < c->n; i++) /* and all know */
        assert_int_equal(call(c, &c->replicas[i], endpoint), ERR_RATE_LIMIT);
    assert_int_equal(c->passed, passed);
}

static void test_all_together_keep_the_limit(void **state)
{
    for (size_t n = 2; n <= REPLICAS_MAX; n++) {
        for (uint64_t seed = 1; seed <= 6; seed++) {
            struct cluster c;
            uint64_t random = seed;
            open_cluster(&c, *state, n);
            c.now_s += (int64_t)(n * 10 + seed) * 7 * 86400; /* the table keeps older windows */
            for (size_t endpoint = TEN; endpoint <= THOUSAND; endpoint++)
                for (int window = 0; window < 2; window++, c.now_s += 61)
                    assert_window(&c, endpoint, &random);
            c.now_s += 86400;
            if (seed == 1)
                assert_window(&c, MOST, &random);
            close_cluster(&c);
        }
    }
}

/* --- those that wait ---------------------------------------------------------------------- */

static void test_the_first_call_of_a_window_waits(void **state)
{
    struct cluster c;
    struct limit_state limit = {0};
    open_cluster(&c, *state, 3);
    struct replica *a = &c.replicas[0], *b = &c.replicas[1];
    assert_int_equal(call(&c, a, TWO_HUNDRED), ERR_BUSY);
    begin(&c, a, false);
    write_report(&c, a);
    end(&c, a);
    assert_next(&c, a, ERR_OK, 199);
    for (int64_t i = 1; i <= 3; i++) { /* its share: 200 * 5 % / 3 */
        assert_int_equal(call_at(&c, a, TWO_HUNDRED, c.now_s + 1, &limit), ERR_OK);
        assert_int_equal(limit.remaining, 199 - i);
        assert_int_equal(limit.reset_s, NOW_S + 60);
    }
    assert_int_equal(call(&c, a, TWO_HUNDRED), ERR_BUSY);
    c.now_s += 2;
    assert_int_equal(call(&c, b, TWO_HUNDRED), ERR_BUSY);
    report(&c, b);
    assert_next(&c, b, ERR_OK, 198); /* of a's, one is written */
    report(&c, a);
    assert_next(&c, a, ERR_OK, 194);
    c.now_s = NOW_S + 60; /* b's clock says the same */
    assert_int_equal(call(&c, b, TWO_HUNDRED), ERR_BUSY);
    report(&c, b);
    assert_next(&c, b, ERR_OK, 199);
    close_cluster(&c);
}

static void test_they_go_on_in_their_order(void **state)
{
    struct cluster c;
    open_cluster(&c, *state, 2);
    struct replica *a = &c.replicas[0], *b = &c.replicas[1];
    for (int i = 0; i < 8; i++)
        assert_int_equal(call(&c, b, TEN), ERR_BUSY);
    settle(&c);
    assert_int_equal(c.passed, 8);
    assert_int_equal(call(&c, a, SIXTY), ERR_BUSY);
    for (int i = 0; i < 4; i++)
        assert_int_equal(call(&c, a, TEN), ERR_BUSY);
    begin(&c, a, false);
    for (int i = 0; i < 2; i++) /* they came too late for this one */
        assert_int_equal(call(&c, a, TEN), ERR_BUSY);
    write_report(&c, a);
    end(&c, a);
    assert_next(&c, a, ERR_OK, 59);
    assert_next(&c, a, ERR_OK, 1);
    assert_next(&c, a, ERR_OK, 0);
    assert_next(&c, a, ERR_RATE_LIMIT, 0);
    assert_next(&c, a, ERR_RATE_LIMIT, 0);
    begin(&c, a, false); /* what is known by now needs no report */
    assert_null(a->flying);
    assert_next(&c, a, ERR_RATE_LIMIT, 0);
    assert_next(&c, a, ERR_RATE_LIMIT, 0);
    assert_int_equal(call(&c, a, TEN), ERR_RATE_LIMIT);
    assert_int_equal(raw_i64(c.world->fixture->path,
                             "SELECT requests FROM rate_windows WHERE endpoint = 'GET /ten'"),
                     10); /* who was refused is not counted */
    close_cluster(&c);
}

static void test_a_store_that_is_away(void **state)
{
    struct cluster c;
    open_cluster(&c, *state, 2);
    struct replica *a = &c.replicas[0];
    assert_int_equal(call(&c, a, TWO_HUNDRED), ERR_BUSY);
    settle(&c);
    for (int i = 0; i < 5; i++) /* neither open to all, */
        assert_int_equal(call(&c, a, TWO_HUNDRED), ERR_OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(call(&c, a, TWO_HUNDRED), ERR_BUSY);
    begin(&c, a, true);
    a->flying->err = ERR_UNAVAILABLE;
    a->is_written = true;
    end(&c, a);
    assert_next(&c, a, ERR_UNAVAILABLE, 0); /* nor closed with a wrong answer */
    assert_next(&c, a, ERR_UNAVAILABLE, 0);
    assert_int_equal(call(&c, a, TWO_HUNDRED), ERR_BUSY);
    report(&c, a);
    assert_next(&c, a, ERR_OK, 193); /* nothing of what passed is forgotten */
    close_cluster(&c);
}

static void test_the_end_refuses_who_waits(void **state)
{
    struct cluster c;
    open_cluster(&c, *state, 2);
    struct replica *a = &c.replicas[0];
    assert_int_equal(call(&c, a, TEN), ERR_BUSY);
    begin(&c, a, false);
    assert_int_equal(call(&c, a, TEN), ERR_BUSY);
    saved_counts_close(a->saved);
    assert_next(&c, a, ERR_UNAVAILABLE, 0);
    assert_int_equal(call(&c, a, TEN), ERR_UNAVAILABLE);
    write_report(&c, a);
    end(&c, a);
    assert_next(&c, a, ERR_OK, 9); /* it was under way */
    assert_int_equal(saved_counts_finish(a->saved, c.world->fixture->store, c.now_s * 1000),
                     ERR_OK);
    close_cluster(&c);
}

/* More windows than one report takes: who waits for the rest is in the next one. */
static void test_more_windows_than_one_report(void **state)
{
    enum { CLIENTS = SAVED_COUNTS_MAX + 10 };
    struct world *w = *state;
    struct cluster c;
    struct error error;
    for (int i = 0; i < CLIENTS; i++) {
        char id[16];
        snprintf(id, sizeof(id), "cl_n%d", i);
        struct make m = {.client_id = id, .secret = "s", .world = w, .write.apply = make_client};
        assert_int_equal(store_write_now(w->fixture->store, &m.write), ERR_OK);
    }
    open_cluster(&c, w, 2);
    struct replica *a = &c.replicas[0];
    error_init(&error, &w->arena);
    for (int i = 0; i < CLIENTS; i++) {
        char id[16];
        int n = snprintf(id, sizeof(id), "cl_n%d", i);
        struct caller caller = {.client = directory_find(&a->gate.view, str_make(id, (size_t)n))};
        struct undecided *u = xcalloc(1, sizeof(*u));
        u->reply_to = &a->decided;
        assert_int_equal(gate_wait(&a->gate, &caller, TEN, u), ERR_OK);
        a->n_waiting++;
    }
    report(&c, a);
    take_decided(&c, a);
    assert_int_equal(c.passed, SAVED_COUNTS_MAX);
    settle(&c);
    assert_int_equal(c.passed, CLIENTS);
    close_cluster(&c);
}

/* --- what changes meanwhile --------------------------------------------------------------- */

/* Each was alone, or thought so, and began a window of its own: from then on they have one. */
static void test_another_replica_comes(void **state)
{
    struct cluster c;
    struct limit_state limit;
    open_cluster(&c, *state, 2);
    struct replica *a = &c.replicas[0], *b = &c.replicas[1];
    a->hub.n_counting = b->hub.n_counting = 1;
    for (int i = 0; i < 100; i++)
        assert_int_equal(call(&c, a, TWO_HUNDRED), ERR_OK);
    c.now_s++;
    for (int i = 0; i < 50; i++)
        assert_int_equal(call(&c, b, TWO_HUNDRED), ERR_OK);
    a->hub.n_counting = b->hub.n_counting = 2;
    assert_int_equal(call(&c, b, TWO_HUNDRED), ERR_BUSY);
    report(&c, b);
    assert_next(&c, b, ERR_OK, 149);
    report(&c, a); /* nobody waits there */
    assert_int_equal(call_at(&c, a, TWO_HUNDRED, c.now_s, &limit), ERR_OK);
    assert_int_equal(limit.remaining, 48);
    assert_int_equal(limit.reset_s, NOW_S + 61); /* the window that was reported first */
    close_cluster(&c);
}

/* What the others counted in windows that still run is not forgotten when they go. */
static void test_the_others_go(void **state)
{
    struct cluster c;
    struct limit_state limit;
    open_cluster(&c, *state, 2);
    struct replica *a = &c.replicas[0], *b = &c.replicas[1];
    call(&c, b, TWO_HUNDRED);
    settle(&c);
    for (int i = 0; i < 100; i++)
        call(&c, a, TWO_HUNDRED);
    settle(&c);
    c.now_s += 30;
    directory_set_counting(&b->hub, 1, c.now_s);
    for (int i = 0; i < 5; i++)
        assert_int_equal(call(&c, b, TWO_HUNDRED), ERR_OK);
    assert_int_equal(call(&c, b, TWO_HUNDRED), ERR_BUSY);
    assert_int_equal(call(&c, b, TEN), ERR_BUSY);
    report(&c, b);
    assert_next(&c, b, ERR_OK, 200 - 107);
    assert_next(&c, b, ERR_OK, 9);
    c.now_s += 61; /* from here on all windows are its own */
    for (int64_t left = 199; left >= 0; left--) {
        assert_int_equal(call_at(&c, b, TWO_HUNDRED, c.now_s, &limit), ERR_OK);
        assert_int_equal(limit.remaining, left);
    }
    assert_int_equal(call(&c, b, TWO_HUNDRED), ERR_RATE_LIMIT);
    close_cluster(&c);
}

static void test_a_plan_changes_in_a_window(void **state)
{
    struct world *w = *state;
    struct cluster c;
    struct limit_state limit;
    open_cluster(&c, w, 2);
    struct replica *a = &c.replicas[0], *b = &c.replicas[1];
    for (int i = 0; i < 10; i++)
        call(&c, a, TEN);
    settle(&c);
    assert_int_equal(call(&c, a, TEN), ERR_RATE_LIMIT);
    change(w, (struct change){.plan = STR("{\"limits\":{\"GET /ten\":\"100/h\"}}")});
    assert_int_equal(directory_reload(&a->hub, w->reader), ERR_OK);
    assert_int_equal(call_at(&c, a, TEN, c.now_s, &limit), ERR_OK);
    assert_int_equal(limit.remaining, 89);
    assert_int_equal(limit.reset_s, NOW_S + 3600);
    assert_int_equal(call(&c, b, TEN), ERR_BUSY); /* it has not heard yet */
    report(&c, b);
    assert_next(&c, b, ERR_RATE_LIMIT, 0);
    assert_int_equal(directory_reload(&b->hub, w->reader), ERR_OK);
    report(&c, a);
    c.now_s += 120;
    assert_int_equal(call_at(&c, b, TEN, c.now_s, &limit), ERR_OK);
    assert_int_equal(limit.remaining, 89);

    change(w, (struct change){.plan = STR("{\"limits\":{\"GET /ten\":\"unlimited\"}}")});
    assert_int_equal(directory_reload(&a->hub, w->reader), ERR_OK);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(call(&c, a, TEN), ERR_OK);
    close_cluster(&c);
}

/* A restored backup may not know the client; nor may an hour that was set back shut it out. */
static void test_clocks_and_rows_that_are_off(void **state)
{
    struct cluster c;
    open_cluster(&c, *state, 2);
    struct replica *a = &c.replicas[0], *b = &c.replicas[1];
    c.now_s += 3600;
    call(&c, a, TEN);
    settle(&c);
    c.now_s -= 3600;
    call(&c, b, TEN);
    report(&c, b);
    assert_next(&c, b, ERR_OK, 9);
    c.now_s--; /* a's clock is behind */
    call(&c, a, TEN);
    report(&c, a);
    assert_next(&c, a, ERR_OK, 8);
    close_cluster(&c);
}

/* --- sums --------------------------------------------------------------------------------- */

static void test_reports_add_up(void **state)
{
    const int64_t now = 1000;
    const struct {
        struct counters_sum sum;
        struct counters_report report;
        struct counters_sum expected;
    } cases[] = {
        {{0, 0}, {990, 3, 60}, {990, 3}},   /* the first one */
        {{990, 3}, {990, 2, 60}, {990, 5}}, /* the same window */
        {{990, 3}, {991, 2, 60}, {990, 5}}, /* begun here and there */
        {{991, 3}, {990, 2, 60}, {991, 5}},
        {{931, 3}, {990, 2, 60}, {931, 5}},   /* its last second */
        {{930, 3}, {990, 2, 60}, {990, 2}},   /* it ended, and another began */
        {{990, 3}, {930, 2, 60}, {990, 3}},   /* too late */
        {{1060, 3}, {930, 2, 60}, {1060, 3}}, /* a clock that is a little off */
        {{1061, 3}, {930, 2, 60}, {930, 2}},  /* and one that was set back */
        {{990, 3}, {0, 0, 60}, {990, 3}},     /* nothing to tell */
        {{990, 20000000}, {990, 1, 60}, {990, 20000001}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct counters_sum sum = cases[i].sum;
        counters_add_report(&sum, &cases[i].report, now);
        assert_int_equal(sum.start_s, cases[i].expected.start_s);
        assert_int_equal(sum.requests, cases[i].expected.requests);
    }
}

static void test_grants(void **state)
{
    const struct limit ten = {10, 60};
    struct counters_sum sum = {990, 7};
    assert_int_equal(counters_grant(&sum, &ten, 0, 1000), 0);
    assert_int_equal(counters_grant(&sum, &ten, 2, 1000), 2);
    assert_int_equal(counters_grant(&sum, &ten, 5, 1000), 1);
    assert_int_equal(counters_grant(&sum, &ten, 5, 1049), 0);
    assert_int_equal(sum.requests, 10);
    sum.requests = 12; /* the slack */
    assert_int_equal(counters_grant(&sum, &ten, 5, 1049), 0);
    assert_int_equal(sum.requests, 12);
    assert_int_equal(counters_grant(&sum, &ten, 20, 1050), 10);
    assert_int_equal(sum.start_s, 1050);
}

/* What is counted while the report is under way is neither lost nor told twice. */
static void test_an_answer_meets_newer_counts(void **state)
{
    struct counters_list list = {NULL};
    struct counters *c = counters_new(1, 1, &list);
    const struct limit limit = {LIMIT_REQUESTS_MAX, 60};
    struct limit_state ignored;
    for (int i = 0; i < 5; i++)
        assert_int_equal(counters_take(c, 0, &limit, 1000, &ignored), ERR_OK);
    uint64_t word = atomic_load(&c->windows[0]);
    struct counters_report r = counters_make_report(c, 0, word);
    assert_int_equal(r.requests, 5);
    assert_int_equal(r.window_s, 60);
    for (int i = 0; i < 2; i++)
        assert_int_equal(counters_take(c, 0, &limit, 1000, &ignored), ERR_OK);
    counters_merge(c, 0, word, &(struct counters_sum){998, 25});
    word = atomic_load(&c->windows[0]);
    assert_int_equal(counters_window_start(word), 998);
    assert_int_equal(counters_window_requests(word), 27);
    r = counters_make_report(c, 0, word);
    assert_int_equal(r.requests, 2);

    /* Together they passed more than a word can hold. */
    assert_int_equal(counters_take(c, 0, &limit, 1000, &ignored), ERR_OK);
    counters_merge(c, 0, word, &(struct counters_sum){998, 17000000});
    word = atomic_load(&c->windows[0]);
    assert_int_equal(counters_window_requests(word), LIMIT_REQUESTS_MAX);
    assert_int_equal(counters_make_report(c, 0, word).requests, 1);
    assert_int_equal(counters_take(c, 0, &limit, 1000, &ignored), ERR_RATE_LIMIT);

    /* Another window has begun. */
    assert_int_equal(counters_take(c, 0, &limit, 1060, &ignored), ERR_OK);
    counters_merge(c, 0, word, &(struct counters_sum){998, 17000001});
    assert_int_equal(counters_make_report(c, 0, atomic_load(&c->windows[0])).requests, 1);
    counters_merge(c, 0, word, &(struct counters_sum){1060, 3}); /* elsewhere, in the same second */
    word = atomic_load(&c->windows[0]);
    assert_int_equal(counters_window_requests(word), 4);
    assert_int_equal(counters_make_report(c, 0, word).requests, 1);
    counters_release(c);
    counters_list_release(&list);
}

/* --- many threads of one replica ---------------------------------------------------------- */

#define THREADS 4

struct crowd {
    struct counters *counters;
    struct limit limit;
    _Atomic int64_t passed;
    _Atomic int n_done;
};

static void *take_many(void *arg)
{
    struct crowd *crowd = arg;
    struct limit_state ignored;
    enum err e;
    while ((e = counters_take_shared(crowd->counters, 0, &crowd->limit, 2, NOW_S, &ignored)) !=
           ERR_RATE_LIMIT)
        atomic_fetch_add(&crowd->passed, e == ERR_OK);
    atomic_fetch_add(&crowd->n_done, 1);
    return NULL;
}

/* The other replica passes as many as this one has reported, each time. */
static void test_many_threads(void **state)
{
    struct counters_list list = {NULL};
    struct crowd crowd = {.counters = counters_new(1, 1, &list), .limit = {100000, 60}};
    struct counters_sum sum = {0, 0};
    int64_t others = 0;
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_many, &crowd), 0);
    while (atomic_load(&crowd.n_done) < THREADS) {
        uint64_t word = atomic_load(&crowd.counters->windows[0]);
        struct counters_report r = counters_make_report(crowd.counters, 0, word);
        counters_add_report(&sum, &r, NOW_S);
        int64_t granted = counters_grant(&sum, &crowd.limit, 1 + r.requests, NOW_S);
        others += granted;
        counters_merge(crowd.counters, 0, word, &sum);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    int64_t passed = crowd.passed + others;
    assert_true(passed >= crowd.limit.requests);
    assert_true(passed <= crowd.limit.requests + crowd.limit.requests * SHARED_COUNTS_SLACK / 200);
    counters_release(crowd.counters);
    counters_list_release(&list);
}

/* --- failures of authentication ----------------------------------------------------------- */

static enum err fail_from(struct cluster *c, struct replica *r, const char *text)
{
    const struct limit two = {2, 60};
    struct http_address a;
    int retry_after;
    assert_true(http_address_parse(str_from(text), &a));
    return failures_count(r->failures, &a, &two, c->now_s, &retry_after);
}

static void learn(struct cluster *c, struct replica *r)
{
    struct tx *tx;
    struct store_read *read = saved_counts_learn(r->saved, c->now_s * 1000);
    assert_non_null(read);
    assert_int_equal(store_read_begin(c->world->reader, &tx), ERR_OK);
    assert_int_equal(read->run(read, tx), ERR_OK);
    store_read_end(c->world->reader);
}

static void test_failures_elsewhere_count_here(void **state)
{
    struct cluster c;
    open_cluster(&c, *state, 2);
    struct replica *a = &c.replicas[0], *b = &c.replicas[1];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fail_from(&c, a, "10.0.0.1"), ERR_OK);
        assert_int_equal(fail_from(&c, a, "10.0.0.2"), ERR_OK);
        assert_int_equal(fail_from(&c, b, "10.0.0.4"), ERR_OK);
    }
    assert_int_equal(fail_from(&c, a, "10.0.0.3"), ERR_OK);
    assert_int_equal(fail_from(&c, b, "10.0.0.2"), ERR_OK); /* and has one left there */
    report(&c, a);
    learn(&c, b);
    learn(&c, b); /* again, with no other effect */
    assert_int_equal(fail_from(&c, b, "10.0.0.1"), ERR_RATE_LIMIT);
    assert_int_equal(fail_from(&c, b, "10.0.0.2"), ERR_RATE_LIMIT);
    assert_int_equal(fail_from(&c, b, "10.0.0.3"), ERR_OK);
    report(&c, b);
    assert_int_equal(fail_from(&c, a, "10.0.0.4"), ERR_OK);
    learn(&c, a);
    assert_int_equal(fail_from(&c, a, "10.0.0.4"), ERR_RATE_LIMIT);
    c.now_s += 60;
    learn(&c, b);
    assert_int_equal(fail_from(&c, b, "10.0.0.1"), ERR_OK); /* a new window */
    learn(&c, b);
    assert_int_equal(fail_from(&c, b, "10.0.0.1"), ERR_OK);
    assert_int_equal(fail_from(&c, b, "10.0.0.1"), ERR_RATE_LIMIT);
    b->hub.n_counting = 1;
    assert_null(saved_counts_learn(b->saved, c.now_s * 1000)); /* alone there is nothing to learn */
    close_cluster(&c);
}

/* A table of any size is read a part at a time, and all of it in the end. */
static void test_many_failures_are_learned(void **state)
{
    enum { ADDRESSES = SHARED_FAILURES_READ + 100 };
    struct cluster c;
    size_t n_refused = 0;
    open_cluster(&c, *state, 2);
    struct replica *a = &c.replicas[0], *b = &c.replicas[1];
    for (int i = 0; i < 2 * ADDRESSES; i++) {
        char text[32];
        snprintf(text, sizeof(text), "10.0.%d.%d", i / 2 / 256, i / 2 % 256);
        assert_int_equal(fail_from(&c, a, text), ERR_OK);
    }
    for (int i = 0; i < ADDRESSES / SAVED_FAILURES_MAX + 1; i++)
        report(&c, a);
    for (int i = 0; i < 3; i++)
        learn(&c, b);
    for (int i = 0; i < ADDRESSES; i++) {
        char text[32];
        snprintf(text, sizeof(text), "10.0.%d.%d", i / 256, i % 256);
        n_refused += fail_from(&c, b, text) == ERR_RATE_LIMIT;
    }
    assert_int_equal(n_refused, ADDRESSES);
    close_cluster(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_all_together_keep_the_limit),
        TEST(test_the_first_call_of_a_window_waits),
        TEST(test_they_go_on_in_their_order),
        TEST(test_a_store_that_is_away),
        TEST(test_the_end_refuses_who_waits),
        TEST(test_more_windows_than_one_report),
        TEST(test_another_replica_comes),
        TEST(test_the_others_go),
        TEST(test_a_plan_changes_in_a_window),
        TEST(test_clocks_and_rows_that_are_off),
        cmocka_unit_test(test_reports_add_up),
        cmocka_unit_test(test_grants),
        cmocka_unit_test(test_an_answer_meets_newer_counts),
        cmocka_unit_test(test_many_threads),
        TEST(test_failures_elsewhere_count_here),
        TEST(test_many_failures_are_learned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
