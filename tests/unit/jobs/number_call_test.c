/* Calls about one number, from the task to its answer, beside a Meta that is a script: what is
 * known of the outcome, and what is told of it. */
#include "jobs/jobs.h"
#include "model/idempotency.h"
#include "unit/graph/fake_meta.h"
#include "unit/model/sealed_world.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#define META_REFUSES                                                                               \
    "{\"error\":{\"message\":\"(#133005) PIN\",\"type\":\"OAuthException\",\"code\":133005,"       \
    "\"error_data\":{\"details\":\"Another PIN\"},\"fbtrace_id\":\"abc\"}}"
#define META_THROTTLES "{\"error\":{\"message\":\"Too many\",\"code\":80008}}"
#define META_FAILS     "{\"error\":{\"message\":\"Down\",\"code\":2}}"

/* What the script answers; NULL: the connection ends. */
static struct {
    int status;
    const char *to_post, *to_get;
    size_t posts, gets;
} meta;

static struct world world;
static struct jobs *jobs;
static struct pulse pulse;
static struct queue done;
static struct arena arena; /* of the task that is under way */

static void play(struct fake_connection *c, const char *request)
{
    bool is_post = request[0] == 'P';
    const char *body = is_post ? meta.to_post : meta.to_get;
    meta.posts += is_post;
    meta.gets += !is_post;
    if (body)
        fake_answer(c, meta.status, "", str_from(body));
    else
        fake_close(c);
}

/* Account 1, which a token opens, and the claim 1 of a client. */
static enum err make_account(struct store_write *w, struct tx *tx)
{
    int64_t id;
    struct arena memory;
    arena_init(&memory, MIB);
    struct idempotency_key key = {.client_id = 1,
                                  .key = STR("key:a"),
                                  .signature = STR("signature:a"),
                                  .fingerprint = STR("f"),
                                  .expires_at = INT64_MAX};
    enum err e = account_insert(
        tx, 1, STR("9000"), STR("Account"),
        seal(&world.keyring, STR(ACCOUNT_SEAL_PREFIX "9000"), STR("EAAtoken"), &memory), 1, &id);
    if (!e)
        e = client_insert(tx, 1, STR("c1"), STR("c1"), STR("sealed"), 1);
    if (!e)
        e = idempotency_claim(tx, &key, 1, &id);
    arena_release(&memory);
    return e;
}

static int setup(void **state)
{
    memset(&meta, 0, sizeof(meta));
    meta.status = 200;
    meta.to_post = "{\"success\":true}";
    meta.to_get = META_FAILS;
    int failed = fake_setup(state);
    fake.handle = play;
    fixture_init(&world.fixture);
    fixture_open(&world.fixture, true);
    keyring_add(&world.keyring, 7, (const unsigned char[SEAL_KEY_LEN]){1});
    struct add begin = {.write.apply = begin_apply, .world = &world};
    struct store_write make = {.apply = make_account};
    assert_int_equal(store_write_now(world.fixture.store, &begin.write), ERR_OK);
    assert_int_equal(store_write_now(world.fixture.store, &make), ERR_OK);
    pulse_init(&pulse);
    queue_init(&done, NULL, NULL);
    const struct jobs_options options = {
        .store = world.fixture.store,
        .keyring = &world.keyring,
        .pulse = &pulse,
        .graph = {.url = fake.url, .version = "v25.0", .timeout_ms = 5000},
    };
    if (jobs_start(&options, &jobs, &world.fixture.error) != ERR_OK)
        fail_msg("%.*s", STR_FMT(world.fixture.error.message));
    return failed;
}

static int teardown(void **state)
{
    jobs_stop(jobs);
    jobs_free(jobs);
    queue_release(&done);
    pulse_release(&pulse);
    keyring_release(&world.keyring);
    fixture_release(&world.fixture);
    arena_release(&arena);
    return fake_teardown(state);
}

/* To its end, while the test's loop plays Meta. */
static struct jobs_task run(enum jobs_kind kind, int64_t claim)
{
    struct jobs_task task = {.kind = kind,
                             .reply_to = &done,
                             .arena = &arena,
                             .idempotency_id = claim,
                             .account_id = 1,
                             .phone_number_id = STR("2001"),
                             .method = STR("SMS"),
                             .language = STR("ar")};
    struct list items;
    list_init(&items);
    arena_release(&arena);
    arena_init(&arena, 64 * MIB);
    error_init(&task.error, &arena);
    secret_set(&task.pin, STR("150954"));
    task.change.about = STR("about");
    jobs_submit(jobs, &task);
    while (list_empty(&items)) {
        uv_run(&fake.loop, UV_RUN_ONCE);
        queue_take_all(&done, &items);
    }
    jobs_task_release(&task);
    return task;
}

static int64_t count_applied(void)
{
    return raw_i64(world.fixture.path,
                   "SELECT count(*) FROM idempotency WHERE state = 'applied' "
                   "AND result_id = 1");
}

static void a_yes_is_noted_though_nothing_can_be_asked_after_it(void **state)
{
    assert_int_equal(run(JOBS_REGISTER, 1).err, ERR_OK);
    assert_int_equal(meta.posts, 1);
    assert_true(meta.gets > 0); /* the sync, which fails */
    assert_int_equal(count_applied(), 1);
    struct jobs_task task = run(JOBS_CHANGE_PROFILE, 0);
    assert_int_equal(task.err, ERR_OK);
    assert_false(task.has_profile);
}

static void what_changes_nothing_is_not_asked_after(void **state)
{
    assert_int_equal(run(JOBS_REQUEST_CODE, 0).err, ERR_OK);
    assert_int_equal(run(JOBS_SET_PIN, 1).err, ERR_OK);
    assert_int_equal(meta.posts, 2);
    assert_int_equal(meta.gets, 0);
    assert_int_equal(count_applied(), 1);
}

static void a_profile_is_read_and_read_again_after_a_change(void **state)
{
    meta.to_get = "{\"data\":[{\"about\":\"now\"}]}";
    struct jobs_task task = run(JOBS_FETCH_PROFILE, 0);
    assert_true(task.has_profile);
    assert_str(task.profile.about, "now");
    task = run(JOBS_CHANGE_PROFILE, 1);
    assert_int_equal(task.err, ERR_OK);
    assert_str(task.profile.about, "now");
    assert_int_equal(meta.posts, 1);
}

static void a_refusal_has_its_details(void **state)
{
    meta.to_post = META_REFUSES;
    meta.status = 400;
    struct jobs_task task = run(JOBS_REGISTER, 1);
    assert_int_equal(task.err, ERR_MESSAGE_REJECTED);
    assert_str(task.error.details->field, "meta_code");
    assert_str(task.error.details->problem, "133005");
    assert_int_equal(count_applied(), 0);
}

/* Whatever came back, or nothing: it may have been done. */
static void what_nobody_can_know(void **state)
{
    static const char *const answers[] = {NULL, "", "{}", "<html>", META_FAILS};
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        meta.to_post = answers[i];
        struct jobs_task task = run(JOBS_DEREGISTER, 1);
        assert_int_equal(task.err, ERR_UPSTREAM);
        assert_part(task.error.message, JOBS_UNKNOWN);
        assert_int_equal(meta.posts, i + 1);
        assert_int_equal(meta.gets, 0);
    }
    assert_int_equal(count_applied(), 0);
}

static void a_throttle_and_nobody_there_did_nothing(void **state)
{
    meta.to_post = META_THROTTLES;
    struct jobs_task task = run(JOBS_VERIFY_CODE, 1);
    assert_int_equal(task.err, ERR_UNAVAILABLE);
    assert_true(task.error.retry_after > 0);
    list_for_each_safe (node, &fake.connections)
        fake_close(CONTAINER_OF(node, struct fake_connection, node));
    uv_close((uv_handle_t *)&fake.listener, NULL);
    task = run(JOBS_VERIFY_CODE, 1);
    assert_int_equal(task.err, ERR_UNAVAILABLE);
    assert_int_equal(meta.posts, 1);
}

static void a_read_has_no_doubt_about_it(void **state)
{
    meta.to_get = NULL;
    struct jobs_task task = run(JOBS_FETCH_PROFILE, 0);
    assert_int_equal(task.err, ERR_UNAVAILABLE);
    meta.to_get = "{}";
    assert_int_equal(run(JOBS_FETCH_PROFILE, 0).err, ERR_UPSTREAM);
}

static enum err unlink_account(struct store_write *w, struct tx *tx)
{
    return account_unlink(tx, 1, 2);
}

static void an_account_that_cannot_be_opened(void **state)
{
    keyring_add(&world.keyring, 8, (const unsigned char[SEAL_KEY_LEN]){2});
    keyring_use(&world.keyring, 8);
    keyring_drop(&world.keyring, 7);
    assert_int_equal(run(JOBS_REGISTER, 1).err, ERR_INTERNAL);
    struct store_write write = {.apply = unlink_account};
    assert_int_equal(store_write_now(world.fixture.store, &write), ERR_OK);
    struct jobs_task task = run(JOBS_REGISTER, 1);
    assert_int_equal(task.err, ERR_NOT_FOUND);
    assert_str(task.error.message, "Number not found");
    assert_int_equal(meta.posts, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_yes_is_noted_though_nothing_can_be_asked_after_it),
        TEST(what_changes_nothing_is_not_asked_after),
        TEST(a_profile_is_read_and_read_again_after_a_change),
        TEST(a_refusal_has_its_details),
        TEST(what_nobody_can_know),
        TEST(a_throttle_and_nobody_there_did_nothing),
        TEST(a_read_has_no_doubt_about_it),
        TEST(an_account_that_cannot_be_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
