#include "http/network.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define V4_PREFIX 96 /* bits of "::ffff:", RFC 4291 §2.5.5.2 */

static const unsigned char v4_prefix[V4_PREFIX / 8] = {[10] = 0xff, [11] = 0xff};

static bool is_v4(const struct http_address *a)
{
    return memcmp(a->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

static struct http_address from_v4(const struct in_addr *v4)
{
    struct http_address a;
    memcpy(a.bytes, v4_prefix, sizeof(v4_prefix));
    memcpy(a.bytes + sizeof(v4_prefix), v4, sizeof(*v4));
    return a;
}

struct http_address http_address_of(const struct sockaddr_storage *peer)
{
    struct http_address a = {0};
    if (peer->ss_family == AF_INET)
        a = from_v4(&((const struct sockaddr_in *)peer)->sin_addr);
    else if (peer->ss_family == AF_INET6)
        memcpy(a.bytes, &((const struct sockaddr_in6 *)peer)->sin6_addr, sizeof(a.bytes));
    return a;
}

/* `family` 0: either. */
static bool parse_bare(struct str text, int family, struct http_address *ret)
{
    char name[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;
    if (text.len >= sizeof(name) || str_find(text, '\0') < text.len)
        return false;
    memcpy(name, text.ptr, text.len);
    name[text.len] = '\0';
    if (family != AF_INET6 && inet_pton(AF_INET, name, &v4) == 1) {
        *ret = from_v4(&v4);
        return true;
    }
    if (family == AF_INET || inet_pton(AF_INET6, name, &v6) != 1)
        return false;
    memcpy(ret->bytes, &v6, sizeof(ret->bytes));
    return true;
}

/* ":8080" */
static bool is_port(struct str text)
{
    uint64_t port;
    return text.len && text.ptr[0] == ':' && str_to_u64(str_skip(text, 1), &port) &&
           port <= UINT16_MAX;
}

bool http_address_parse(struct str text, struct http_address *ret)
{
    if (text.len && text.ptr[0] == '[') {
        size_t end = str_find(text, ']');
        if (end == text.len)
            return false;
        struct str behind = str_skip(text, end + 1);
        return (behind.len == 0 || is_port(behind)) &&
               parse_bare(str_make(text.ptr + 1, end - 1), AF_INET6, ret);
    }
    size_t colon = str_find(text, ':');
    if (colon < text.len && is_port(str_skip(text, colon)))
        return parse_bare(str_make(text.ptr, colon), AF_INET, ret);
    return parse_bare(text, 0, ret);
}

size_t http_address_format(const struct http_address *a, char out[HTTP_ADDRESS_TEXT_MAX])
{
    if (is_v4(a))
        inet_ntop(AF_INET, a->bytes + sizeof(v4_prefix), out, HTTP_ADDRESS_TEXT_MAX);
    else
        inet_ntop(AF_INET6, a->bytes, out, HTTP_ADDRESS_TEXT_MAX);
    return strlen(out);
}

struct http_address http_address_counted(const struct http_address *a)
{
    struct http_address counted = *a;
    if (!is_v4(a))
        memset(counted.bytes + 8, 0, 8);
    return counted;
}

bool http_network_parse(struct str text, struct http_network *ret)
{
    struct str prefix = text;
    struct str address = str_split(&prefix, '/');
    struct http_network n = {.prefix = 128};
    if (!parse_bare(address, 0, &n.address))
        return false;
    if (address.len == text.len) {
        *ret = n;
        return true;
    }
    int before = str_find(address, ':') == address.len ? V4_PREFIX : 0;
    uint64_t bits;
    if (!str_to_u64(prefix, &bits) || bits > (uint64_t)(128 - before))
        return false;
    n.prefix = before + (int)bits;
    if (is_v4(&n.address) && n.prefix < V4_PREFIX)
        return false; /* "::ffff:10.0.0.0/8" would be nearly everybody */
    *ret = n;
    return true;
}

bool http_network_has(const struct http_network *n, const struct http_address *a)
{
    if (is_v4(a) && n->prefix < V4_PREFIX)
        return false;
    size_t bytes = (size_t)n->prefix / 8, bits = (size_t)n->prefix % 8;
    if (memcmp(n->address.bytes, a->bytes, bytes) != 0)
        return false;
    return bits == 0 || (n->address.bytes[bytes] ^ a->bytes[bytes]) >> (8 - bits) == 0;
}

/* IANA's registries of special-purpose addresses (RFC 6890), and multicast. A few in them are
 * reachable by everybody, such as 192.0.0.9; nobody's server is there. */
static const char *const special[] = {
    "0.0.0.0/8",       /* "this network" */
    "10.0.0.0/8",      /* private */
    "100.64.0.0/10",   /* shared: carrier-grade NAT */
    "127.0.0.0/8",     /* loopback */
    "169.254.0.0/16",  /* link-local; a cloud's metadata */
    "172.16.0.0/12",   /* private */
    "192.0.0.0/24",    /* protocol assignments */
    "192.0.2.0/24",    /* documentation */
    "192.88.99.0/24",  /* relays of 6to4, once */
    "192.168.0.0/16",  /* private */
    "198.18.0.0/15",   /* benchmarking */
    "198.51.100.0/24", /* documentation */
    "203.0.113.0/24",  /* documentation */
    "224.0.0.0/4",     /* multicast */
    "240.0.0.0/4",     /* reserved, broadcast */
    "2001::/23",       /* protocol assignments, Teredo among them */
    "2001:db8::/32",   /* documentation */
    "3fff::/20",       /* documentation */
};

/* The tables of this file: our own text. */
static bool is_in(const char *network, const struct http_address *a)
{
    struct http_network n;
    return http_network_parse(str_from(network), &n) && http_network_has(&n, a);
}

/* The IPv4 address that a packet to this IPv6 one is carried to, at `offset` in it. */
static struct http_address inner_v4(const struct http_address *a, size_t offset)
{
    struct in_addr v4;
    memcpy(&v4, a->bytes + offset, sizeof(v4));
    return from_v4(&v4);
}

bool http_address_is_public(const struct http_address *a)
{
    struct http_address inner = *a;
    if (is_in("64:ff9b::/96", a)) /* NAT64, RFC 6052 */
        inner = inner_v4(a, 12);
    else if (is_in("2002::/16", a)) /* 6to4, RFC 3056 */
        inner = inner_v4(a, 2);
    else if (!is_v4(a) && !is_in("2000::/3", a)) /* all global unicast addresses so far */
        return false;
    for (size_t i = 0; i < ARRAY_LEN(special); i++) {
        if (is_in(special[i], &inner))
            return false;
    }
    return true;
}
