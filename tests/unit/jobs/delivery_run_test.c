/* What an answer means for a delivery: whether it is over, when it is tried again, and what is kept
 * of it. Nothing is sent and nothing written: the linker puts functions of ours in the place of
 * those that would, and time and chance are ours. */
#include "jobs/lanes.h"
#include "unit/base/test.h"

#define NOW    INT64_C(1704124800000)
#define MINUTE 60000

static struct jobs jobs;
static struct delivery_run *run;
static struct http_client_request request;
static bool lowest; /* chance says its least; else its most */
static size_t n_submitted, n_written;
static int64_t now_ms;
static bool lane_success;

int64_t __wrap_clock_now_ms(void);
uint32_t __wrap_random_below(uint32_t below);
void __wrap_http_client_send(struct http_client *c, const struct http_client_request *r);
void __wrap_job_write_submit(struct jobs *j, struct job_write *w);
void __wrap_job_lane_answered(struct delivery_run *r, bool success, int64_t us);
void __wrap_job_lane_written(struct delivery_run *r, enum err e);

int64_t __wrap_clock_now_ms(void)
{
    return now_ms;
}

uint32_t __wrap_random_below(uint32_t below)
{
    return lowest ? 0 : below - 1;
}

void __wrap_http_client_send(struct http_client *c, const struct http_client_request *r)
{
    request = *r;
}

void __wrap_job_write_submit(struct jobs *j, struct job_write *w)
{
    n_submitted++;
}

void __wrap_job_lane_answered(struct delivery_run *r, bool success, int64_t us)
{
    lane_success = success;
}

void __wrap_job_lane_written(struct delivery_run *r, enum err e)
{
    n_written++;
}

static int setup(void **state)
{
    memset(&jobs, 0, sizeof(jobs));
    hmac_init(&jobs.lanes.hmac);
    jobs.options.webhooks = (struct jobs_webhooks){
        .timeout_ms = 1000, .pauses_ms = {MINUTE, 10 * MINUTE}, .n_pauses = 2};
    n_submitted = n_written = 0;
    lowest = false;
    now_ms = NOW;
    return 0;
}

static int teardown(void **state)
{
    hmac_release(&jobs.lanes.hmac);
    return 0;
}

/* The try that comes after so many, with these headers, ends so. delivery_run_free is the
 * caller's. */
static void try_it(int64_t attempts, struct http_client_answer answer, const char *retry_after)
{
    const struct job job = {.id = 1,
                            .attempts = attempts,
                            .created_at = NOW - 1500,
                            .event_uid = STR("evt_0"),
                            .event_name = STR("account.updated"),
                            .body = STR("{}")};
    const struct webhook webhook = {.url = STR("https://a.example/")};
    struct secret secret = {0}, none = {0};
    secret_set(&secret, STR("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="));
    run = delivery_run_new(&job);
    assert_non_null(run);
    delivery_run_begin(&jobs, run, &webhook, &secret, &none);
    if (retry_after) {
        request.on_header(request.arg, STR("Content-Type"), STR("77"));
        request.on_header(request.arg, STR("retry-after"), str_from(retry_after));
    }
    request.done(request.arg, &answer);
    secret_release(&secret);
}

static struct http_client_answer status(int code)
{
    return (struct http_client_answer){
        .outcome = HTTP_CLIENT_OK, .status = code, .us = 5, .body = STR("text")};
}

/* How long until the next try; 0: it is over. */
static int64_t pause_after(int64_t attempts, struct http_client_answer answer,
                           const char *retry_after)
{
    try_it(attempts, answer, retry_after);
    bool waits = strcmp(run->state, JOB_WAITING) == 0;
    int64_t pause = waits ? run->due_at - now_ms : 0;
    delivery_run_free(run);
    return pause;
}

/* --- the tests ---------------------------------------------------------------------------- */

static void test_success(void **state)
{
    static const int good[] = {200, 201, 204, 299};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        try_it(0, status(good[i]), "100");
        assert_string_equal(run->state, JOB_DONE);
        assert_int_equal(run->due_at, 0);
        assert_str(run->attempt.error, "");
        assert_str(run->attempt.answer, "text");
        assert_int_equal(run->attempt.position, 1);
        assert_true(lane_success);
        delivery_run_free(run);
    }
    assert_int_equal(counter_read(&jobs.stats.deliveries[DELIVERY_DONE]), ARRAY_LEN(good));
    struct histogram_values times = {0};
    histogram_read(&jobs.stats.delivery_times, &times);
    assert_int_equal(times.sum, ARRAY_LEN(good) * 1500000);
    assert_int_equal(n_submitted, ARRAY_LEN(good));
    assert_int_equal(n_written, 0);
}

static void test_failure(void **state)
{
    static const struct {
        int status;
        const char *error;
    } cases[] = {
        {100, "HTTP 100"}, {199, "HTTP 199"}, {302, "HTTP 302: redirects are not followed"},
        {400, "HTTP 400"}, {404, "HTTP 404"}, {500, "HTTP 500"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        try_it(0, status(cases[i].status), NULL);
        assert_string_equal(run->state, JOB_WAITING);
        assert_str(run->attempt.error, cases[i].error);
        assert_false(lane_success);
        delivery_run_free(run);
    }
    try_it(0, (struct http_client_answer){.outcome = HTTP_CLIENT_UNREACHABLE, .why = STR("cut")},
           NULL);
    assert_str(run->attempt.error, "cut");
    delivery_run_free(run);
    assert_int_equal(counter_read(&jobs.stats.deliveries[DELIVERY_RETRIED]), ARRAY_LEN(cases) + 1);
}

/* Who says 2xx has it, whatever is wrong with the rest of what he says. */
static void test_unusable(void **state)
{
    struct http_client_answer answer = {
        .outcome = HTTP_CLIENT_UNUSABLE, .status = 200, .why = STR("bad encoding")};
    try_it(0, answer, NULL);
    assert_string_equal(run->state, JOB_DONE);
    assert_str(run->attempt.error, "");
    delivery_run_free(run);
    answer.status = 500;
    try_it(0, answer, NULL);
    assert_string_equal(run->state, JOB_WAITING);
    assert_str(run->attempt.error, "bad encoding");
    delivery_run_free(run);
    answer.outcome = HTTP_CLIENT_UNREACHABLE; /* cut: nobody knows what the rest was */
    answer.status = 200;
    try_it(0, answer, NULL);
    assert_string_equal(run->state, JOB_WAITING);
    delivery_run_free(run);
}

/* What was cut off ends with a whole character. */
static void test_cut_off(void **state)
{
    struct http_client_answer answer = status(500);
    answer.body = STR("مر\xd8");
    answer.cut_off = true;
    try_it(0, answer, NULL);
    assert_str(run->attempt.answer, "مر");
    delivery_run_free(run);
    answer.cut_off = false;
    try_it(0, answer, NULL);
    assert_str(run->attempt.answer, "مر\xd8");
    delivery_run_free(run);
}

/* Each pause is what the setting says, a fifth more or less; behind the last one there is no try.
 */
static void test_pauses(void **state)
{
    assert_int_equal(pause_after(0, status(500), NULL), MINUTE + MINUTE / 5);
    assert_int_equal(pause_after(1, status(500), NULL), 12 * MINUTE);
    assert_int_equal(pause_after(2, status(500), NULL), 0);
    assert_int_equal(counter_read(&jobs.stats.deliveries[DELIVERY_DEAD]), 1);
    lowest = true;
    assert_int_equal(pause_after(0, status(500), NULL), MINUTE - MINUTE / 5);
    assert_int_equal(pause_after(1, status(500), NULL), 8 * MINUTE);
    assert_int_equal(pause_after(9, status(500), NULL), 0);
    assert_int_equal(pause_after(0, status(410), NULL), 0); /* gone is gone */
}

/* It is waited for as long as the webhook asks, a day at the most, and never less than without. */
static void test_retry_after(void **state)
{
    static const struct {
        const char *value;
        int64_t pause_s;
    } cases[] = {
        {"3600", 3600},
        {"0", 48},
        {"1", 48},
        {"86400", 86400},
        {"86401", 86400},
        {"99999999999999999999", 86400},
        {"-5", 48},
        {"1.5", 48},
        {"", 48},
        {"soon", 48},
        {"Mon, 01 Jan 2024 17:00:00 GMT", 3600},
        {"Mon, 01 Jan 2024 15:00:00 GMT", 48},
        {"Fri, 01 Jan 2100 00:00:00 GMT", 86400},
        {"Mon, 01 Jan 2024 17:00:00 GMT and much more text than any date has, ever, at all", 48},
    };
    lowest = true;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (pause_after(0, status(503), cases[i].value) != cases[i].pause_s * 1000)
            fail_msg("Retry-After: %s", cases[i].value);
    assert_int_equal(pause_after(2, status(503), "3600"), 0); /* nor is there a try more */
}

/* We are stopping: it is as if it had not been tried. */
static void test_cancelled(void **state)
{
    try_it(0, (struct http_client_answer){.outcome = HTTP_CLIENT_CANCELLED}, NULL);
    assert_int_equal(n_submitted, 0);
    assert_int_equal(n_written, 1);
    for (int i = 0; i < DELIVERY_OUTCOMES; i++)
        assert_int_equal(counter_read(&jobs.stats.deliveries[i]), 0);
    delivery_run_free(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_success, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failure, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unusable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut_off, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pauses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_retry_after, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancelled, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
