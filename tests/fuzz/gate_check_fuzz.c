/* The headers of the signature, from anyone: lines of the input are the four values and
 * X-Forwarded-For, and what is left is the body. Nobody is in the directory, so nothing may ever
 * pass; and who goes on is told to wait. */
#include "gate/gate.h"

#include <arpa/inet.h>

#define LIMIT 3 /* refusals of an address */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"X-Awal-Signature-256", "X-Timestamp", "X-Domain",
                                    "X-Client-ID", "X-Forwarded-For"};

static void open_gate(struct gate *gate, struct directory_hub *hub)
{
    static const struct endpoints none = {NULL, 0};
    static struct http_network proxies; /* whose X-Forwarded-For is looked at */
    struct policy *policy = policy_new();
    policy->sign_window_s = SIGN_WINDOW_S;
    policy->authentication_failures = (struct limit){LIMIT, 60};
    if (!http_network_parse(STR("127.0.0.0/8"), &proxies))
        abort();
    policy->proxies = &proxies;
    policy->n_proxies = 1;
    directory_hub_init(hub, NULL, NULL, &none);
    gate_init(gate, hub, failures_new(), policy);
}

static void check(struct gate *gate, struct http_request *r, bool is_last)
{
    struct caller caller;
    struct error error;
    error_init(&error, &r->arena);
    enum err e = gate_check(gate, r, STR("/waba-numbers"), 1704124800000, &caller, &error);
    if (!e || error.err != e || error.message.len == 0)
        abort();
    if ((e == ERR_RATE_LIMIT) != (error.retry_after > 0) || error.retry_after > 60)
        abort();
    if (is_last && e != ERR_RATE_LIMIT)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct directory_hub hub;
    static struct gate gate;
    static struct http_request r;
    if (!gate.view.hub)
        open_gate(&gate, &hub);
    memset(&r, 0, sizeof(r));
    arena_init(&r.arena, REQUEST_ARENA_MAX);
    struct str rest = str_make((const char *)data, size);
    r.method = HTTP_POST;
    r.path = STR("/api/developer/waba-numbers");
    memcpy(&r.peer, &(struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(0x7f000001)}},
           sizeof(struct sockaddr_in));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str value = str_split(&rest, '\n');
        if (value.len)
            r.headers[r.n_headers++] = (struct http_header){str_from(names[i]), value};
    }
    r.body = rest;
    for (int i = 0; i <= LIMIT; i++)
        check(&gate, &r, i == LIMIT);
    arena_release(&r.arena);
    return 0;
}
