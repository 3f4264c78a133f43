/* Addresses and networks from headers and settings. An address that was read is written and read
 * again the same, and every network has its own address in it. */
#include "http/network.h"

static void check_address(struct str text)
{
    struct http_address a, again;
    char formatted[HTTP_ADDRESS_TEXT_MAX];
    if (!http_address_parse(text, &a))
        return;
    size_t len = http_address_format(&a, formatted);
    if (len == 0 || len >= sizeof(formatted) ||
        !http_address_parse(str_make(formatted, len), &again) || memcmp(&a, &again, sizeof(a)) != 0)
        abort();
    struct http_address counted = http_address_counted(&a);
    struct http_address twice = http_address_counted(&counted);
    if (memcmp(&counted, &twice, sizeof(counted)) != 0)
        abort();
}

static void check_network(struct str text)
{
    struct http_network n;
    if (!http_network_parse(text, &n))
        return;
    if (n.prefix < 0 || n.prefix > 128 || !http_network_has(&n, &n.address))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_make((const char *)data, size);
    check_address(text);
    check_network(text);
    return 0;
}
