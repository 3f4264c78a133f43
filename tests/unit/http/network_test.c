#include "http/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_addresses(void **state)
{
    static const struct {
        const char *text;
        const char *formatted;
    } cases[] = {
        {"1.2.3.4", "1.2.3.4"},
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"1.2.3.4:80", "1.2.3.4"},
        {"1.2.3.4:0", "1.2.3.4"},
        {"1.2.3.4:65535", "1.2.3.4"},
        {"::", "::"},
        {"::1", "::1"},
        {"2001:db8::1", "2001:db8::1"},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        {"[2001:db8::1]", "2001:db8::1"},
        {"[2001:db8::1]:443", "2001:db8::1"},
        {"::8080", "::8080"}, /* an address: a port needs brackets */
        {"::ffff:1.2.3.4", "1.2.3.4"},
        {"::ffff:102:304", "1.2.3.4"},
        {"[::ffff:1.2.3.4]:80", "1.2.3.4"},
        {"::1.2.3.4", "::1.2.3.4"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_address a, again;
        char text[HTTP_ADDRESS_TEXT_MAX];
        if (!http_address_parse(str_from(cases[i].text), &a))
            fail_msg("%s is no address", cases[i].text);
        assert_int_equal(http_address_format(&a, text), strlen(cases[i].formatted));
        assert_string_equal(text, cases[i].formatted);
        assert_true(http_address_parse(str_from(text), &again));
        assert_memory_equal(&again, &a, sizeof(a));
    }
}

static void test_no_addresses(void **state)
{
    static const struct str malformed[] = {
        STR_INIT(""),
        STR_INIT("1.2.3"),
        STR_INIT("1.2.3.4.5"),
        STR_INIT("1.2.3.256"),
        STR_INIT("01.2.3.4"),
        STR_INIT("0x1.2.3.4"),
        STR_INIT("16909060"),
        STR_INIT(" 1.2.3.4"),
        STR_INIT("1.2.3.4 "),
        STR_INIT("1.2.3.4\0"),
        STR_INIT("1.2.3.4:"),
        STR_INIT("1.2.3.4:65536"),
        STR_INIT("1.2.3.4:-1"),
        STR_INIT("1.2.3.4:080"),
        STR_INIT("1.2.3.4:80:80"),
        STR_INIT("[1.2.3.4]"),
        STR_INIT("[1.2.3.4]:80"),
        STR_INIT("["),
        STR_INIT("[]"),
        STR_INIT("[::1"),
        STR_INIT("::1]"),
        STR_INIT("[::1]80"),
        STR_INIT("[::1]:"),
        STR_INIT("[::1]:x"),
        STR_INIT("[[::1]]"),
        STR_INIT(":80"),
        STR_INIT(":"),
        STR_INIT(":::"),
        STR_INIT("1::2::3"),
        STR_INIT("12345::"),
        STR_INIT("fe80::1%eth0"),
        STR_INIT("[fe80::1%25eth0]"),
        STR_INIT("1:2:3:4:5:6:7"),
        STR_INIT("1:2:3:4:5:6:7:8:9"),
        STR_INIT("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2550"),
        STR_INIT("unknown"),
        STR_INIT("_hidden"),
        STR_INIT("localhost"),
        STR_INIT("\"1.2.3.4\""),
        STR_INIT("1.2.3.4/8"),
    };
    for (size_t i = 0; i < ARRAY_LEN(malformed); i++) {
        struct http_address a;
        if (http_address_parse(malformed[i], &a))
            fail_msg("\"%s\" was taken for an address", malformed[i].ptr);
    }
}

static struct http_address address(const char *text)
{
    struct http_address a;
    if (!http_address_parse(str_from(text), &a))
        fail_msg("%s is no address", text);
    return a;
}

static void test_peers(void **state)
{
    struct sockaddr_storage peer = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&peer;
    v4->sin_family = AF_INET;
    assert_int_equal(inet_pton(AF_INET, "192.0.2.7", &v4->sin_addr), 1);
    struct http_address got = http_address_of(&peer), want = address("192.0.2.7");
    assert_memory_equal(&got, &want, sizeof(got));

    peer = (struct sockaddr_storage){0};
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&peer;
    v6->sin6_family = AF_INET6;
    assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.7", &v6->sin6_addr), 1);
    got = http_address_of(&peer);
    assert_memory_equal(&got, &want, sizeof(got));
    assert_int_equal(inet_pton(AF_INET6, "2001:db8::7", &v6->sin6_addr), 1);
    got = http_address_of(&peer);
    want = address("2001:db8::7");
    assert_memory_equal(&got, &want, sizeof(got));

    peer = (struct sockaddr_storage){.ss_family = AF_UNIX};
    got = http_address_of(&peer);
    want = (struct http_address){{0}};
    assert_memory_equal(&got, &want, sizeof(got));
}

static void test_counted_together(void **state)
{
    static const struct {
        const char *a, *b;
        bool together;
    } cases[] = {
        {"1.2.3.4", "1.2.3.4", true},
        {"1.2.3.4", "::ffff:1.2.3.4", true},
        {"1.2.3.4", "1.2.3.5", false},
        {"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true},
        {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_address a = address(cases[i].a), b = address(cases[i].b);
        a = http_address_counted(&a);
        b = http_address_counted(&b);
        assert_int_equal(memcmp(&a, &b, sizeof(a)) == 0, cases[i].together);
    }
}

static void test_networks(void **state)
{
    static const struct {
        const char *network, *address;
        bool inside;
    } cases[] = {
        {"10.0.0.0/8", "10.0.0.0", true},
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/8", "9.255.255.255", false},
        {"10.0.0.0/8", "::ffff:10.1.2.3", true},
        {"10.0.0.0/8", "::10.1.2.3", false},
        {"10.9.8.7/8", "10.1.2.3", true}, /* bits behind the prefix do not count */
        {"192.168.128.0/17", "192.168.128.1", true},
        {"192.168.128.0/17", "192.168.127.255", false},
        {"192.0.2.0/31", "192.0.2.1", true},
        {"192.0.2.0/31", "192.0.2.2", false},
        {"192.0.2.1/32", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.0", false},
        {"0.0.0.0/0", "255.0.255.0", true},
        {"0.0.0.0/0", "::1", false},
        {"2001:db8::/32", "2001:db8:ffff::1", true},
        {"2001:db8::/32", "2001:db9::", false},
        {"2001:db8::/33", "2001:db8:8000::", false},
        {"2001:db8::1", "2001:db8::1", true},
        {"2001:db8::1/128", "2001:db8::2", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "::", true},
        {"::/0", "1.2.3.4", false}, /* all of IPv6 is not all of IPv4 */
        {"::/96", "1.2.3.4", false},
        {"::ffff:0:0/96", "1.2.3.4", true},
        {"::ffff:10.0.0.0/104", "10.1.2.3", true},
        {"::ffff:10.0.0.0/104", "11.1.2.3", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_network n;
        struct http_address a = address(cases[i].address);
        if (!http_network_parse(str_from(cases[i].network), &n))
            fail_msg("%s is no network", cases[i].network);
        if (http_network_has(&n, &a) != cases[i].inside)
            fail_msg("%s in %s", cases[i].address, cases[i].network);
    }
}

static void test_no_networks(void **state)
{
    static const struct str malformed[] = {
        STR_INIT(""),
        STR_INIT("/"),
        STR_INIT("/8"),
        STR_INIT("10.0.0.0/"),
        STR_INIT("10.0.0.0/33"),
        STR_INIT("10.0.0.0/-1"),
        STR_INIT("10.0.0.0/+8"),
        STR_INIT("10.0.0.0/08"),
        STR_INIT("10.0.0.0/8 "),
        STR_INIT("10.0.0.0/8/8"),
        STR_INIT("10.0.0.0/255.0.0.0"),
        STR_INIT("10.0.0.0/18446744073709551624"),
        STR_INIT("10/8"),
        STR_INIT("2001:db8::/129"),
        STR_INIT("[2001:db8::]/32"),
        STR_INIT("1.2.3.4:80"),
        STR_INIT("::ffff:10.0.0.0/8"),
        STR_INIT("::ffff:0:0/95"),
        STR_INIT("10.0.0.0/8\0"),
        STR_INIT("*"),
        STR_INIT("all"),
    };
    for (size_t i = 0; i < ARRAY_LEN(malformed); i++) {
        struct http_network n;
        if (http_network_parse(malformed[i], &n))
            fail_msg("\"%s\" was taken for a network", malformed[i].ptr);
    }
}

/* The first and the last address of each range that is not public, and their neighbours. */
static void test_public(void **state)
{
    static const struct {
        const char *text;
        bool is_public;
    } cases[] = {
        {"0.0.0.0", false},
        {"0.255.255.255", false},
        {"1.0.0.0", true},
        {"9.255.255.255", true},
        {"10.0.0.0", false},
        {"10.255.255.255", false},
        {"11.0.0.0", true},
        {"100.63.255.255", true},
        {"100.64.0.0", false},
        {"100.127.255.255", false},
        {"100.128.0.0", true},
        {"127.0.0.0", false},
        {"127.255.255.255", false},
        {"128.0.0.0", true},
        {"169.253.255.255", true},
        {"169.254.0.0", false},
        {"169.254.169.254", false},
        {"169.255.0.0", true},
        {"172.15.255.255", true},
        {"172.16.0.0", false},
        {"172.31.255.255", false},
        {"172.32.0.0", true},
        {"192.0.0.9", false},
        {"192.0.1.0", true},
        {"192.0.2.1", false},
        {"192.88.99.1", false},
        {"192.167.255.255", true},
        {"192.168.0.0", false},
        {"192.168.255.255", false},
        {"192.169.0.0", true},
        {"198.17.255.255", true},
        {"198.18.0.0", false},
        {"198.19.255.255", false},
        {"198.20.0.0", true},
        {"198.51.100.1", false},
        {"203.0.113.255", false},
        {"203.0.114.0", true},
        {"223.255.255.255", true},
        {"224.0.0.0", false},
        {"239.255.255.255", false},
        {"240.0.0.0", false},
        {"255.255.255.255", false},
        {"::ffff:10.0.0.1", false},
        {"::ffff:8.8.8.8", true},
        {"::", false},
        {"::1", false},
        {"::8.8.8.8", false}, /* "IPv4-compatible", given up */
        {"64:ff9b::8.8.8.8", true},
        {"64:ff9b::127.0.0.1", false},
        {"64:ff9b::a9fe:a9fe", false},
        {"64:ff9b:1::8.8.8.8", false}, /* somebody's own NAT64 */
        {"100::1", false},             /* discarded */
        {"1fff:ffff::1", false},
        {"2001::1", false}, /* Teredo */
        {"2001:1ff:ffff::1", false},
        {"2001:200::1", true},
        {"2001:db8::1", false},
        {"2001:db9::1", true},
        {"2002:a00:1::1", false},
        {"2002:7f00:1::1", false},
        {"2002:808:808::1", true},
        {"2606:4700:4700::1111", true},
        {"2a00:1450:4001::1", true},
        {"3fff:fff::1", false},
        {"3fff:1000::1", true},
        {"4000::1", false},
        {"5f00::1", false},
        {"fc00::1", false},
        {"fdff:ffff::1", false},
        {"fe80::1", false},
        {"fec0::1", false},
        {"ff02::1", false},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_address a;
        assert_true(http_address_parse(str_from(cases[i].text), &a));
        if (http_address_is_public(&a) != cases[i].is_public)
            fail_msg("%s", cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses), cmocka_unit_test(test_no_addresses),
        cmocka_unit_test(test_peers),     cmocka_unit_test(test_counted_together),
        cmocka_unit_test(test_networks),  cmocka_unit_test(test_no_networks),
        cmocka_unit_test(test_public),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
