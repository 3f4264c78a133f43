/* The headers of the signature, from anyone: lines of the input are the four values, and what is
 * left is the body. Nobody is in the directory, so nothing may ever pass. */
#include "gate/gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"X-Awal-Signature-256", "X-Timestamp", "X-Domain",
                                    "X-Client-ID"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct directory_hub hub;
    static struct gate gate;
    static struct http_request r;
    if (!gate.view.hub) {
        static const struct endpoints none = {NULL, 0};
        struct policy *policy = policy_new();
        policy->sign_window_s = SIGN_WINDOW_S;
        directory_hub_init(&hub, NULL, NULL, &none);
        gate_init(&gate, &hub, failures_new(), policy);
    }
    memset(&r, 0, sizeof(r));
    arena_init(&r.arena, REQUEST_ARENA_MAX);
    struct str rest = str_make((const char *)data, size);
    r.method = HTTP_POST;
    r.path = STR("/api/developer/waba-numbers");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str value = str_split(&rest, '\n');
        if (value.len)
            r.headers[r.n_headers++] = (struct http_header){str_from(names[i]), value};
    }
    r.body = rest;
    struct caller caller;
    struct error error;
    error_init(&error, &r.arena);
    if (!gate_check(&gate, &r, STR("/waba-numbers"), 1704124800000, &caller, &error))
        abort();
    if (error.err == ERR_OK || error.message.len == 0)
        abort();
    arena_release(&r.arena);
    return 0;
}
