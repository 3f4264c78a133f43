/* A key's life: claimed, applied, done; released, expired, taken over, purged. The clock is ours.
 */
#define FIXTURE_REHEARSES true

#include "model/client.h"
#include "model/idempotency.h"
#include "model/workspace.h"
#include "unit/store/fixture.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, fixture_teardown)

#define T0       1704124800000
#define RUNNING  (IDEMPOTENCY_RUNNING_S * INT64_C(1000))
#define LIFETIME (IDEMPOTENCY_KEY_S * INT64_C(1000))

/* One step, in a write of its own. */
struct step {
    struct store_write write;
    enum { FIND, CLAIM, LAST_WORD, KEEP, APPLY, FINISH, RELEASE, FORGET, PURGE } what;
    struct idempotency_key key;
    int64_t now, id, result_id;
    int64_t n; /* of PURGE: how many */
    int status;
    struct str text;
    struct idempotency found;
    struct buf body;
};

/* Whoever claims or keeps has looked before. */
static void look(struct tx *tx, struct step *s)
{
    struct idempotency ignored;
    struct buf body;
    buf_init(&body, 1 * MIB);
    enum err e = idempotency_find(tx, &s->key, s->now, &ignored, &body);
    assert_true(e == ERR_OK || e == ERR_NOT_FOUND);
    buf_release(&body);
}

static enum err step_apply(struct store_write *w, struct tx *tx)
{
    struct step *s = CONTAINER_OF(w, struct step, write);
    if (s->what == CLAIM || s->what == KEEP)
        look(tx, s);
    switch (s->what) {
    case FIND:
        buf_clear(&s->body);
        return idempotency_find(tx, &s->key, s->now, &s->found, &s->body);
    case CLAIM: return idempotency_claim(tx, &s->key, s->now, &s->id);
    case LAST_WORD: return idempotency_set_last_word(tx, s->id, s->status, s->text);
    case KEEP: return idempotency_keep(tx, &s->key, s->now, s->status, s->text);
    case APPLY: return idempotency_set_applied(tx, s->id, s->result_id);
    case FINISH: return idempotency_set_done(tx, s->id, s->status, s->text);
    case RELEASE: return idempotency_release(tx, s->id);
    case FORGET: return idempotency_forget_running(tx);
    case PURGE: return idempotency_purge(tx, s->now, &s->n);
    }
    return ERR_INTERNAL;
}

static enum err run(struct fixture *f, struct step *s)
{
    s->write.apply = step_apply;
    return store_write_now(f->store, &s->write);
}

static struct idempotency_key key_of(const char *key)
{
    return (struct idempotency_key){.client_id = 1,
                                    .key = str_from(key),
                                    .signature = STR("signature:ab"),
                                    .fingerprint = STR("0123456789abcdef0123456789abcdef"),
                                    .expires_at = T0 + LIFETIME};
}

static int64_t claim(struct fixture *f, const char *key, int64_t now)
{
    struct step s = {.what = CLAIM, .key = key_of(key), .now = now};
    assert_int_equal(run(f, &s), ERR_OK);
    return s.id;
}

static void keep(struct fixture *f, struct idempotency_key key, int64_t now)
{
    struct step s = {.what = KEEP, .key = key, .now = now, .status = 200, .text = STR("{\"a\":1}")};
    assert_int_equal(run(f, &s), ERR_OK);
}

static enum err apply(struct fixture *f, int64_t id, int64_t result_id)
{
    struct step s = {.what = APPLY, .id = id, .result_id = result_id};
    return run(f, &s);
}

static enum err finish(struct fixture *f, int64_t id, struct str text)
{
    struct step s = {.what = FINISH, .id = id, .status = 201, .text = text};
    return run(f, &s);
}

static void release(struct fixture *f, int64_t id)
{
    struct step s = {.what = RELEASE, .id = id};
    assert_int_equal(run(f, &s), ERR_OK);
}

/* The body of what is found is compared here; "" where there is none. */
static enum err find(struct fixture *f, struct idempotency_key key, int64_t now, const char *body,
                     struct idempotency *ret)
{
    struct step s = {.what = FIND, .key = key, .now = now};
    buf_init(&s.body, 1 * MIB);
    enum err e = run(f, &s);
    assert_true(str_eq(buf_str(&s.body), str_from(body)));
    buf_release(&s.body);
    if (!e && ret)
        *ret = s.found;
    return e;
}

static void expect_nothing(struct fixture *f, const char *key, int64_t now)
{
    assert_int_equal(find(f, key_of(key), now, "", NULL), ERR_NOT_FOUND);
}

static void expect_state(struct fixture *f, const char *key, int64_t now,
                         enum idempotency_state state)
{
    struct idempotency found;
    assert_int_equal(find(f, key_of(key), now, "", &found), ERR_OK);
    assert_int_equal(found.state, state);
    assert_true(found.same);
}

static enum err make_clients(struct store_write *w, struct tx *tx)
{
    int64_t workspace;
    enum err e = workspace_insert(tx, STR("acme"), STR("Acme"), T0, &workspace);
    if (!e)
        e = client_insert(tx, workspace, STR("cl_1"), STR("one"), STR("sealed"), T0);
    return e ? e : client_insert(tx, workspace, STR("cl_2"), STR("two"), STR("sealed"), T0);
}

static int setup(void **state)
{
    int status = fixture_setup(state);
    struct fixture *f = *state;
    struct store_write w = {.apply = make_clients};
    assert_int_equal(store_write_now(f->store, &w), ERR_OK);
    return status;
}

static void test_an_answer_is_kept_with_its_effect(void **state)
{
    struct idempotency found;
    expect_nothing(*state, "key:a", T0);
    keep(*state, key_of("key:a"), T0);
    assert_int_equal(find(*state, key_of("key:a"), T0 + 1, "{\"a\":1}", &found), ERR_OK);
    assert_int_equal(found.state, IDEMPOTENCY_DONE);
    assert_int_equal(found.status, 200);
    assert_true(found.same);
    struct step again = {.what = KEEP, .key = key_of("key:a"), .now = T0 + 1, .status = 500};
    assert_int_equal(run(*state, &again), ERR_CONFLICT);
}

static void test_another_request_under_the_key(void **state)
{
    struct idempotency found;
    struct idempotency_key other = key_of("key:a");
    keep(*state, key_of("key:a"), T0);
    other.fingerprint = STR("fedcba9876543210fedcba9876543210");
    assert_int_equal(find(*state, other, T0, "{\"a\":1}", &found), ERR_OK);
    assert_false(found.same);
}

static void test_clients_have_nothing_to_do_with_each_other(void **state)
{
    struct idempotency_key others = key_of("key:a");
    others.client_id = 2;
    keep(*state, key_of("key:a"), T0);
    assert_int_equal(find(*state, others, T0, "", NULL), ERR_NOT_FOUND);
    keep(*state, others, T0);
}

/* Somebody who captured a request without a key adds one. */
static void test_a_header_that_was_added_makes_no_other_request(void **state)
{
    struct idempotency found;
    keep(*state, key_of("signature:ab"), T0);
    assert_int_equal(find(*state, key_of("key:a"), T0, "{\"a\":1}", &found), ERR_OK);
    assert_int_equal(found.state, IDEMPOTENCY_DONE);
    /* The key's own row comes first. */
    claim(*state, "key:a", T0);
    expect_state(*state, "key:a", T0, IDEMPOTENCY_RUNNING);
}

#define LAST_WORD_BODY "{\"error\":\"upstream_error\"}"

static int64_t claim_once(struct fixture *f, const char *key, int64_t now)
{
    int64_t id = claim(f, key, now);
    struct step s = {.what = LAST_WORD, .id = id, .status = 502, .text = STR(LAST_WORD_BODY)};
    assert_int_equal(run(f, &s), ERR_OK);
    return id;
}

static void expect_last_word(struct fixture *f, const char *key, int64_t now)
{
    struct idempotency found;
    assert_int_equal(find(f, key_of(key), now, LAST_WORD_BODY, &found), ERR_OK);
    assert_int_equal(found.state, IDEMPOTENCY_DONE);
    assert_int_equal(found.status, 502);
}

/* Whoever claimed it is gone: its time is over. */
static void test_the_last_word_of_a_claim(void **state)
{
    struct idempotency found;
    int64_t id = claim_once(*state, "key:a", T0);
    assert_int_equal(find(*state, key_of("key:a"), T0 + RUNNING - 1, LAST_WORD_BODY, &found),
                     ERR_OK);
    assert_int_equal(found.state, IDEMPOTENCY_RUNNING);
    expect_last_word(*state, "key:a", T0 + RUNNING);
    expect_last_word(*state, "key:a", T0 + LIFETIME - 1);
    struct step again = {.what = CLAIM, .key = key_of("key:a"), .now = T0 + RUNNING};
    assert_int_equal(run(*state, &again), ERR_CONFLICT);
    /* It was only slow: the truth takes the place of it. */
    assert_int_equal(finish(*state, id, STR("{}")), ERR_OK);
    assert_int_equal(find(*state, key_of("key:a"), T0 + RUNNING, "{}", &found), ERR_OK);
    assert_int_equal(found.status, 201);
    expect_nothing(*state, "key:a", T0 + LIFETIME);
    claim(*state, "key:a", T0 + LIFETIME);
}

/* The process that claimed it has died. */
static void test_the_last_word_after_a_start(void **state)
{
    claim_once(*state, "key:a", T0);
    claim(*state, "key:b", T0);
    struct step forget = {.what = FORGET};
    assert_int_equal(run(*state, &forget), ERR_OK);
    expect_last_word(*state, "key:a", T0 + 1);
    expect_nothing(*state, "key:b", T0 + 1);
}

/* What certainly did not happen is given back, and what did is told. */
static void test_a_claim_with_a_last_word_ends_as_others_do(void **state)
{
    release(*state, claim_once(*state, "key:a", T0));
    expect_nothing(*state, "key:a", T0);
    int64_t id = claim_once(*state, "key:a", T0);
    assert_int_equal(apply(*state, id, 7), ERR_OK);
    struct idempotency found;
    assert_int_equal(find(*state, key_of("key:a"), T0 + RUNNING, LAST_WORD_BODY, &found), ERR_OK);
    assert_int_equal(found.state, IDEMPOTENCY_APPLIED);
    claim_once(*state, "key:b", T0);
    struct step purge = {.what = PURGE, .now = T0 + LIFETIME};
    assert_int_equal(run(*state, &purge), ERR_OK);
    assert_int_equal(purge.n, 2);
}

static void test_a_live_call(void **state)
{
    struct idempotency found;
    int64_t id = claim(*state, "key:a", T0);
    expect_state(*state, "key:a", T0 + 1, IDEMPOTENCY_RUNNING);
    struct step second = {.what = CLAIM, .key = key_of("key:a"), .now = T0 + 1};
    assert_int_equal(run(*state, &second), ERR_CONFLICT);
    assert_int_equal(apply(*state, id, 42), ERR_OK);
    assert_int_equal(apply(*state, id, 43), ERR_IN_PROGRESS); /* once */
    assert_int_equal(find(*state, key_of("key:a"), T0 + 2, "", &found), ERR_OK);
    assert_int_equal(found.state, IDEMPOTENCY_APPLIED);
    assert_int_equal(found.result_id, 42);
    release(*state, id); /* an effect stays known */
    expect_state(*state, "key:a", T0 + 2, IDEMPOTENCY_APPLIED);
    assert_int_equal(finish(*state, id, STR("{\"b\":2}")), ERR_OK);
    assert_int_equal(finish(*state, id, STR("{\"c\":3}")), ERR_NOT_FOUND); /* the first one stays */
    assert_int_equal(find(*state, key_of("key:a"), T0 + 3, "{\"b\":2}", &found), ERR_OK);
    assert_int_equal(found.status, 201);
}

static void test_a_released_claim_may_be_claimed_again(void **state)
{
    int64_t id = claim(*state, "key:a", T0);
    release(*state, id);
    expect_nothing(*state, "key:a", T0);
    assert_true(claim(*state, "key:a", T0) > id);
}

/* Whoever claimed it comes back after all: its effect is refused, and the new one's stands. */
static void test_a_claim_that_took_too_long_is_taken_over(void **state)
{
    int64_t first = claim(*state, "key:a", T0);
    expect_state(*state, "key:a", T0 + RUNNING - 1, IDEMPOTENCY_RUNNING);
    expect_nothing(*state, "key:a", T0 + RUNNING);
    int64_t second = claim(*state, "key:a", T0 + RUNNING);
    assert_int_not_equal(first, second);
    assert_int_equal(apply(*state, first, 1), ERR_IN_PROGRESS);
    assert_int_equal(finish(*state, first, STR("late")), ERR_NOT_FOUND);
    release(*state, first);
    assert_int_equal(apply(*state, second, 2), ERR_OK);
    assert_int_equal(finish(*state, second, STR("done")), ERR_OK);
}

static void test_a_start_forgets_what_was_running(void **state)
{
    int64_t applied = claim(*state, "key:applied", T0);
    assert_int_equal(apply(*state, applied, 7), ERR_OK);
    claim(*state, "key:running", T0);
    keep(*state, key_of("key:done"), T0);
    struct step forget = {.what = FORGET};
    assert_int_equal(run(*state, &forget), ERR_OK);
    expect_nothing(*state, "key:running", T0);
    expect_state(*state, "key:applied", T0, IDEMPOTENCY_APPLIED);
    assert_int_equal(find(*state, key_of("key:done"), T0, "{\"a\":1}", NULL), ERR_OK);
}

/* No such replica is registered: it is gone. */
static void test_a_claim_ends_with_its_replica(void **state)
{
    struct idempotency_key key = key_of("key:a");
    key.replica = 7;
    struct step first = {.what = CLAIM, .key = key, .now = T0};
    assert_int_equal(run(*state, &first), ERR_OK);
    expect_nothing(*state, "key:a", T0);
    int64_t second = claim(*state, "key:a", T0);
    assert_int_equal(apply(*state, first.id, 1), ERR_IN_PROGRESS);
    assert_int_equal(apply(*state, second, 2), ERR_OK);
}

static void test_an_answer_is_forgotten_when_its_time_is_over(void **state)
{
    keep(*state, key_of("key:a"), T0);
    assert_int_equal(find(*state, key_of("key:a"), T0 + LIFETIME - 1, "{\"a\":1}", NULL), ERR_OK);
    expect_nothing(*state, "key:a", T0 + LIFETIME);
    claim(*state, "key:a", T0 + LIFETIME); /* before anything was purged */
}

static int64_t purge(struct fixture *f, int64_t now)
{
    struct step s = {.what = PURGE, .now = now};
    assert_int_equal(run(f, &s), ERR_OK);
    return s.n;
}

/* One batch, a half of one, and ten that have not expired at T0. */
#define KEPT (UPKEEP_PURGE_ROWS * 3 / 2 + 10)

static enum err keep_many(struct store_write *w, struct tx *tx)
{
    enum err e = ERR_OK;
    for (int i = 0; !e && i < KEPT; i++) {
        char name[32];
        snprintf(name, sizeof(name), "key:%d", i);
        struct idempotency_key key = key_of(name);
        key.expires_at = T0 + 10 - i;
        e = idempotency_keep(tx, &key, T0 - LIFETIME, 200, STR("{}"));
    }
    return e;
}

static void test_what_expired_goes_in_batches(void **state)
{
    struct fixture *f = *state;
    struct store_write w = {.apply = keep_many};
    assert_int_equal(store_write_now(f->store, &w), ERR_OK);
    assert_int_equal(purge(f, T0), UPKEEP_PURGE_ROWS);
    assert_int_equal(purge(f, T0), UPKEEP_PURGE_ROWS / 2);
    assert_int_equal(purge(f, T0), 0);
    assert_int_equal(raw_i64(f->path, "SELECT count(*) FROM idempotency"), 10);
    assert_int_equal(raw_i64(f->path, "SELECT min(expires_at) FROM idempotency"), T0 + 1);
}

/* The window of a signature ends while Meta is still being asked: the effect is not lost. */
static void test_what_runs_is_not_purged(void **state)
{
    struct fixture *f = *state;
    struct step s = {.what = CLAIM, .key = key_of("signature:ab"), .now = T0};
    s.key.expires_at = T0 + 1;
    assert_int_equal(run(f, &s), ERR_OK);
    assert_int_equal(purge(f, T0 + RUNNING - 1), 0);
    assert_int_equal(apply(f, s.id, 1), ERR_OK);
    assert_int_equal(finish(f, s.id, STR("done")), ERR_OK);
    assert_int_equal(purge(f, T0 + RUNNING - 1), 1);
    claim(f, "signature:cd", T0);
    assert_int_equal(purge(f, T0 + LIFETIME), 1); /* one that nobody came back for */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_answer_is_kept_with_its_effect),
        TEST(test_another_request_under_the_key),
        TEST(test_clients_have_nothing_to_do_with_each_other),
        TEST(test_a_header_that_was_added_makes_no_other_request),
        TEST(test_the_last_word_of_a_claim),
        TEST(test_the_last_word_after_a_start),
        TEST(test_a_claim_with_a_last_word_ends_as_others_do),
        TEST(test_a_live_call),
        TEST(test_a_released_claim_may_be_claimed_again),
        TEST(test_a_claim_that_took_too_long_is_taken_over),
        TEST(test_a_start_forgets_what_was_running),
        TEST(test_a_claim_ends_with_its_replica),
        TEST(test_an_answer_is_forgotten_when_its_time_is_over),
        TEST(test_what_expired_goes_in_batches),
        TEST(test_what_runs_is_not_purged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
