#include "api/route.h"
#include "unit/base/test.h"

static const struct route routes[] = {
    {HTTP_GET, "/things", READ, LIMIT_READ, NULL, NULL, NULL, NULL},
    {HTTP_POST, "/things", WRITE, LIMIT_WRITE, NULL, NULL, NULL, NULL},
    {HTTP_DELETE, "/things/{id}/parts", WRITE, LIMIT_NONE, NULL, NULL, NULL, NULL},
    {0},
};

static void test_a_request_finds_its_route(void **state)
{
    struct http_match match;
    assert_ptr_equal(route_find(routes, HTTP_POST, STR("/things"), &match), &routes[1]);
    assert_ptr_equal(route_find(routes, HTTP_DELETE, STR("/things/7/parts"), &match), &routes[2]);
    assert_str(match.params[0], "7");
    assert_null(route_find(routes, HTTP_PUT, STR("/things"), &match));
    assert_null(route_find(routes, HTTP_GET, STR("/thing"), &match));
}

static void test_a_resource_is_the_first_segment(void **state)
{
    assert_str(route_resource(&routes[0]), "things");
    assert_str(route_resource(&routes[2]), "things");
}

static void test_methods_of_an_address(void **state)
{
    _cleanup_(buf_release)
    struct buf allow;
    buf_init(&allow, ALLOW_MAX);
    route_list_methods(routes, STR("/things"), &allow);
    assert_str(buf_str(&allow), "GET, POST");
    buf_clear(&allow);
    route_list_methods(routes, STR("/nothing"), &allow);
    assert_str(buf_str(&allow), "");
}

/* developer-api.md §1.6: each route by its name, and two for what no route takes. */
static void test_endpoints(void **state)
{
    struct endpoints *e = route_endpoints_new(routes);
    static const struct {
        const char *name;
        int64_t requests, window_s;
    } want[] = {{"GET /things", 200, 60},
                {"POST /things", 100, 60},
                {"DELETE /things/{id}/parts", 0, 0},
                {"other reads", 200, 60},
                {"other writes", 100, 60}};
    assert_int_equal(e->n, ARRAY_LEN(want));
    for (size_t i = 0; i < e->n; i++) {
        assert_str(e->list[i].name, want[i].name);
        assert_int_equal(e->list[i].limit.requests, want[i].requests);
        assert_int_equal(e->list[i].limit.window_s, want[i].window_s);
    }
    assert_int_equal(route_endpoint(routes, &routes[2], HTTP_DELETE), 2);
    assert_int_equal(route_endpoint(routes, NULL, HTTP_GET), 3);
    assert_int_equal(route_endpoint(routes, NULL, HTTP_HEAD), 3);
    assert_int_equal(route_endpoint(routes, NULL, HTTP_OPTIONS), 3);
    assert_int_equal(route_endpoint(routes, NULL, HTTP_PATCH), 4);
    free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_finds_its_route),
        cmocka_unit_test(test_a_resource_is_the_first_segment),
        cmocka_unit_test(test_methods_of_an_address),
        cmocka_unit_test(test_endpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
