#include "base/err.h"

#include "unit/base/test.h"

#include <errno.h>

static struct arena arena;
static struct error error;

static int setup(void **state)
{
    arena_init(&arena, MIB);
    error_init(&error, &arena);
    return 0;
}

static int teardown(void **state)
{
    arena_release(&arena);
    return 0;
}

/* A new error without its row in the table fails here. */
static void test_table_is_whole(void **state)
{
    for (int e = 0; e < ERR_COUNT; e++) {
        int status = err_status((enum err)e);
        const char *code = err_code((enum err)e);
        assert_non_null(code);
        assert_true(strlen(code) > 0);
        assert_int_equal(strspn(code, "abcdefghijklmnopqrstuvwxyz_"), strlen(code));
        assert_true(e == ERR_OK ? status == 200 : status >= 400 && status <= 599);
    }
}

/* developer-api.md §1.5 */
static void test_published_codes(void **state)
{
    static const struct {
        enum err err;
        int status;
        const char *code;
    } rows[] = {
        {ERR_VALIDATION, 400, "validation_failed"},
        {ERR_INVALID_PHONE_NUMBER, 400, "invalid_phone_number"},
        {ERR_INVALID_JSON, 400, "invalid_json"},
        {ERR_INVALID_FORM, 400, "invalid_form"},
        {ERR_MISSING_HEADERS, 400, "missing_headers"},
        {ERR_INVALID_HEADERS, 400, "invalid_headers"},
        {ERR_UNSUPPORTED_VERSION, 400, "unsupported_version"},
        {ERR_AUTHENTICATION, 401, "authentication_failed"},
        {ERR_TIMESTAMP_EXPIRED, 403, "timestamp_expired"},
        {ERR_PERMISSION_DENIED, 403, "permission_denied"},
        {ERR_NOT_FOUND, 404, "resource_not_found"},
        {ERR_METHOD_NOT_ALLOWED, 405, "method_not_allowed"},
        {ERR_CONFLICT, 409, "conflict"},
        {ERR_TOO_LARGE, 413, "payload_too_large"},
        {ERR_UNSUPPORTED_MEDIA_TYPE, 415, "unsupported_media_type"},
        {ERR_MESSAGE_REJECTED, 422, "message_rejected"},
        {ERR_INTERNAL, 500, "internal_error"},
        {ERR_UPSTREAM, 502, "upstream_error"},
        {ERR_UNAVAILABLE, 503, "service_unavailable"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(err_status(rows[i].err), rows[i].status);
        assert_string_equal(err_code(rows[i].err), rows[i].code);
    }
}

static void test_messages(void **state)
{
    assert_int_equal(error_set(&error, ERR_NOT_FOUND, "%s not found", "Number"), ERR_NOT_FOUND);
    assert_int_equal(error.err, ERR_NOT_FOUND);
    assert_str(error.message, "Number not found");
    errno = EACCES;
    assert_int_equal(error_set_errno(&error, ERR_IO, "cannot open %s", "x/lock"), ERR_IO);
    assert_str(error.message, "cannot open x/lock: Permission denied");
}

static void test_details_and_copy(void **state)
{
    (void)error_set(&error, ERR_VALIDATION, "2 fields are wrong");
    error_detail(&error, "a", "is %s", "required");
    error_detail(&error, "b", "%s", "");
    error_detail_opt(&error, "c", STR("said"));
    error_detail_opt(&error, "d", STR(""));
    error.retry_after = 7;
    error.allow = STR("GET, PUT");
    struct arena other;
    arena_init(&other, MIB);
    struct error copy;
    error_init(&copy, &other);
    error_copy(&copy, &error);
    arena_release(&arena);
    assert_int_equal(copy.err, ERR_VALIDATION);
    assert_str(copy.message, "2 fields are wrong");
    assert_int_equal(copy.retry_after, 7);
    assert_str(copy.allow, "GET, PUT");
    assert_str(copy.details->field, "a");
    assert_str(copy.details->problem, "is required");
    assert_str(copy.details->next->field, "b");
    assert_str(copy.details->next->problem, "");
    assert_non_null(copy.details->next->problem.ptr);
    const struct error_detail *c = copy.details->next->next;
    assert_str(c->field, "c");
    assert_str(c->problem, "said");
    assert_str(c->next->field, "d");
    assert_null(c->next->problem.ptr);
    assert_null(c->next->next);
    arena_release(&other);
}

/* Without memory the words are lost, never the error. */
static void test_every_arena_size(void **state)
{
    for (size_t max = 0; max < 400; max++) {
        struct arena small;
        arena_init(&small, max);
        struct error e, copy;
        error_init(&e, &small);
        error_init(&copy, &small);
        error_detail(&e, "field", "is %s", "wrong");
        error_detail_opt(&e, "other", STR("said"));
        error_detail_opt(&e, "none", STR(""));
        assert_int_equal(error_set(&e, ERR_CONFLICT, "%s", "a message"), ERR_CONFLICT);
        assert_true(e.message.len == 0 || str_eq(e.message, STR("a message")));
        errno = ENOENT;
        assert_int_equal(error_set_errno(&e, ERR_IO, "cannot"), ERR_IO);
        error_copy(&copy, &e);
        assert_int_equal(copy.err, ERR_IO);
        for (const struct error_detail *d = copy.details; d; d = d->next)
            assert_int_equal(d->problem.ptr == NULL, str_eq(d->field, STR("none")));
        arena_release(&small);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_table_is_whole),   TEST(test_published_codes),  TEST(test_messages),
        TEST(test_details_and_copy), TEST(test_every_arena_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
