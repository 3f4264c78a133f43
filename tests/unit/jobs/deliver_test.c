/* A delivery as it goes out: its headers, and both signatures against vectors that another
 * implementation made. Time stands still, and nothing is sent: the linker puts functions of ours in
 * the place of clock_now_ms and http_client_send. */
#include "jobs/runner.h"
#include "unit/base/test.h"

#define NOW_S 1704124800

static struct jobs jobs;
static char sent[2048]; /* the URL and the headers, one a line */
static char body[64];
static struct http_client_request request;

int64_t __wrap_clock_now_ms(void);
void __wrap_http_client_send(struct http_client *c, const struct http_client_request *r);

int64_t __wrap_clock_now_ms(void)
{
    return NOW_S * INT64_C(1000) + 999;
}

void __wrap_http_client_send(struct http_client *c, const struct http_client_request *r)
{
    request = *r;
    int n = snprintf(sent, sizeof(sent), "%s %.*s\n", http_method_name(r->method), STR_FMT(r->url));
    for (size_t i = 0; i < r->n_headers; i++)
        n += snprintf(sent + n, sizeof(sent) - (size_t)n, "%.*s: %.*s\n",
                      STR_FMT(r->headers[i].name), STR_FMT(r->headers[i].value));
    assert_true((size_t)n < sizeof(sent));
    snprintf(body, sizeof(body), "%.*s", STR_FMT(r->body));
}

static int setup(void **state)
{
    memset(&jobs, 0, sizeof(jobs));
    hmac_init(&jobs.lanes.hmac);
    return 0;
}

static int teardown(void **state)
{
    hmac_release(&jobs.lanes.hmac);
    return 0;
}

static void deliver(const char *url, const char *text, const char *secret, const char *previous)
{
    struct secret now = {0}, before = {0};
    secret_set(&now, str_from(secret));
    secret_set(&before, str_from(previous));
    const struct job_delivery d = {
        .url = str_from(url),
        .domain = STR("acme"),
        .event_uid = STR("evt_0123456789abcdefghijklmn"),
        .body = str_from(text),
        .secret = &now,
        .previous = &before,
        .timeout_ms = 3000,
        .answer_max = 100,
    };
    job_deliver(&jobs, &d);
    secret_release(&now);
    secret_release(&before);
}

/* The test vector of developer-api.md §1.2: who checks our requests checks deliveries too. */
static void test_the_vector_of_the_specification(void **state)
{
    deliver("https://a.example/w/message/text?phone_number_id=123",
            "{\"phone\":\"96650000000\",\"body\":\"Hello\"}", "your-hmac-secret", "");
    assert_non_null(strstr(sent,
                           "\nX-Awal-Signature-256: sha256=3d3a28eb340079ad838c68984ed0977f001b0f54"
                           "e5cd6aee42bdbc9561e7170d\nX-Timestamp: 1704124800\n"));
    assert_string_equal(body, "{\"phone\":\"96650000000\",\"body\":\"Hello\"}");
}

/* Keys of 32 bytes, 0 to 31 and 32 to 63. With Node:
 *   awal = createHmac('sha256', secret).update('POST/hook?a=11704124800{"n":1}').digest('hex')
 *   standard = createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
 *     .update('evt_0123456789abcdefghijklmn.1704124800.{"n":1}').digest('base64') */
#define SECRET   "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define PREVIOUS "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="

static void test_all_headers(void **state)
{
    deliver("https://a.example/hook?a=1", "{\"n\":1}", SECRET, "");
    assert_string_equal(
        sent,
        "POST https://a.example/hook?a=1\n"
        "Content-Type: application/json; charset=utf-8\n"
        "X-Awal-Signature-256: sha256=6e48d041167f0ddd9e6f535afd13cc0d4cc3a32acc81acb8ba42d3b1f8e2cc03\n"
        "X-Timestamp: 1704124800\n"
        "X-Domain: acme\n"
        "webhook-id: evt_0123456789abcdefghijklmn\n"
        "webhook-timestamp: 1704124800\n"
        "webhook-signature: v1,IxYRPL5RzKTQwqfGKCzJnkihApDq0jxs9z2E8YIDBRI=\n");
    assert_int_equal(request.timeout_ms, 3000);
    assert_int_equal(request.connect_timeout_ms, 3000);
    assert_true(request.keep_first);
    assert_false(request.once);
}

static void test_two_secrets(void **state)
{
    deliver("https://a.example/hook?a=1", "{\"n\":1}", SECRET, PREVIOUS);
    assert_string_equal(
        sent,
        "POST https://a.example/hook?a=1\n"
        "Content-Type: application/json; charset=utf-8\n"
        "X-Awal-Signature-256: sha256=6e48d041167f0ddd9e6f535afd13cc0d4cc3a32acc81acb8ba42d3b1f8e2cc03\n"
        "X-Timestamp: 1704124800\n"
        "X-Domain: acme\n"
        "webhook-id: evt_0123456789abcdefghijklmn\n"
        "webhook-timestamp: 1704124800\n"
        "X-Awal-Signature-256-Previous: sha256=59430bf17679de40ae96b6a87862b4a603f25355e8f3bee6407eb5a7405783a8\n"
        "webhook-signature: v1,IxYRPL5RzKTQwqfGKCzJnkihApDq0jxs9z2E8YIDBRI= v1,MtGRmQt/NqnBgMv3QovowrkbySyyT0MOs2kev2ev+6M=\n");
}

/* An address without a path is signed as the path that goes on the wire. */
static void test_no_path(void **state)
{
    deliver("https://a.example", "{}", SECRET, "");
    assert_non_null(strstr(
        sent,
        "X-Awal-Signature-256: sha256=899b60eed4d72a98b72c91076fdc78eb2a2ffdf118304a85341d03f9e97c4acc\n"));
    deliver("https://a.example?x", "{}", SECRET, "");
    assert_non_null(strstr(
        sent,
        "X-Awal-Signature-256: sha256=7da2c840f6a554b747a97b9a57d64f52acda9a82322ccd2185b7f5e88e7e3b24\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_vector_of_the_specification, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_headers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_secrets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_path, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
