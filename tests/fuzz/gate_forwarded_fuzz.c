/* X-Forwarded-For, one field a line, as a proxy of ours hands it on. Whatever a client wrote there,
 * what the proxy adds at the end is the address that counts. */
#include "gate/gate.h"

#include <arpa/inet.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct gate gate;
static struct http_network proxies[2];

static void open_gate(void)
{
    gate.policy = policy_new();
    if (!http_network_parse(STR("10.0.0.0/8"), &proxies[0]) ||
        !http_network_parse(STR("2001:db8::/32"), &proxies[1]))
        abort();
    gate.policy->proxies = proxies;
    gate.policy->n_proxies = ARRAY_LEN(proxies);
}

static bool is_proxy(const struct http_address *a)
{
    return http_network_has(&proxies[0], a) || http_network_has(&proxies[1], a);
}

static void add(struct http_request *r, struct str value)
{
    r->headers[r->n_headers++] = (struct http_header){STR("X-Forwarded-For"), value};
}

static void expect(const struct http_request *r, const struct http_address *expected)
{
    struct http_address got;
    gate_client_address(&gate, r, &got);
    if (memcmp(&got, expected, sizeof(got)) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_request r;
    struct http_address peer, got, client;
    if (!gate.policy)
        open_gate();
    memset(&r, 0, sizeof(r));
    memcpy(&r.peer, &(struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(0x0a000001)}},
           sizeof(struct sockaddr_in));
    peer = http_address_of(&r.peer);
    struct str rest = str_make((const char *)data, size);
    while (rest.len && r.n_headers < HTTP_HEADERS_MAX - 1)
        add(&r, str_trim(str_split(&rest, '\n')));
    gate_client_address(&gate, &r, &got);
    if (is_proxy(&got) && memcmp(&got, &peer, sizeof(got)) != 0)
        abort();

    add(&r, STR(" 203.0.113.9:4711 , 10.9.9.9, ,[2001:db8::5]"));
    if (!http_address_parse(STR("203.0.113.9"), &client))
        abort();
    expect(&r, &client);
    r.peer.ss_family = AF_INET6; /* no proxy: what it says is not looked at */
    peer = http_address_of(&r.peer);
    expect(&r, &peer);
    return 0;
}
