/* IP networks such as "10.0.0.0/8", "2001:db8::/32" or one address, and addresses as keys and as
 * text. An IPv4 address that came in over IPv6 (::ffff:1.2.3.4) is the IPv4 one. */
#pragma once

#include "base/err.h"
#include <sys/socket.h>

struct http_address {
    unsigned char bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
};

struct http_network {
    struct http_address address;
    int prefix; /* bits of `address` that count, 0..128 */
};

#define HTTP_ADDRESS_TEXT_MAX 46 /* INET6_ADDRSTRLEN */

/* All zeros for a unix socket. */
struct http_address http_address_of(const struct sockaddr_storage *peer);
/* "1.2.3.4", "1.2.3.4:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80". No names, no zones.
 */
bool http_address_parse(struct str text, struct http_address *ret) MUST_USE;
/* NUL-terminated; IPv4 without the "::ffff:". Returns its length. */
size_t http_address_format(const struct http_address *a, char out[HTTP_ADDRESS_TEXT_MAX]);
/* Whom limits count together: an IPv4 address, or an IPv6 network of 64 bits, of which one customer
 * has all addresses. */
struct http_address http_address_counted(const struct http_address *a);
/* "10.0.0.0/8", "2001:db8::/32", or one address; bits behind the prefix do not count. */
bool http_network_parse(struct str text, struct http_network *ret) MUST_USE;
/* An IPv6 network has no IPv4 addresses in it, not even ::/0. */
bool http_network_has(const struct http_network *n, const struct http_address *a);
/* One that anybody on the internet may be reached at. Not public are private, loopback, link-local,
 * multicast, unspecified, shared (carrier-grade NAT), documentation, benchmarking and reserved
 * ones, whatever IANA has not given out, and all of those inside of 6to4 or NAT64. */
bool http_address_is_public(const struct http_address *a);
