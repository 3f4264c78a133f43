#include "serve/forms.h"
#include "base/clock.h"
#include "http/http.h"
#include "store/store.h"

bool form_is_address(struct str text)
{
    return http_address_is_valid(text);
}

bool form_is_address_or_empty(struct str text)
{
    return text.len == 0 || form_is_address(text);
}

bool form_is_store(struct str text)
{
    return text.len == 0 || store_url_is_valid(text);
}

bool form_is_rate(struct str text)
{
    struct limit limit;
    return limit_parse(text, &limit);
}

struct limit form_read_rate(struct str text)
{
    struct limit limit;
    if (!limit_parse(text, &limit))
        die("a rate that was not checked");
    return limit;
}

/* --- lists -------------------------------------------------------------------------------- */

static struct str next_item(struct str *rest)
{
    return str_trim(str_split(rest, ','));
}

static bool is_list_of(struct str text, bool (*is_item)(struct str item))
{
    while (text.len)
        if (!is_item(next_item(&text)))
            return false;
    return true;
}

static size_t count_items(struct str text)
{
    size_t n = 0;
    for (; text.len; n++)
        (void)next_item(&text);
    return n;
}

static bool read_pause(struct str item, int64_t *ret_ms)
{
    int64_t seconds;
    if (str_ends(item, STR("ms")))
        return str_to_i64(str_make(item.ptr, item.len - 2), ret_ms) && *ret_ms >= 0 &&
               *ret_ms <= PAUSE_MAX_S * INT64_C(1000);
    if (!clock_parse_duration(item, &seconds) || seconds > PAUSE_MAX_S)
        return false;
    *ret_ms = seconds * 1000;
    return true;
}

static bool is_pause(struct str item)
{
    int64_t ms;
    return read_pause(item, &ms);
}

bool form_is_pauses(struct str text)
{
    size_t n = count_items(text);
    return n >= 1 && n < DELIVERY_TRIES_MAX && is_list_of(text, is_pause);
}

size_t form_read_pauses(struct str text, int64_t ret_ms[DELIVERY_TRIES_MAX])
{
    size_t n = 0;
    while (text.len && n < DELIVERY_TRIES_MAX)
        if (!read_pause(next_item(&text), &ret_ms[n++]))
            die("pauses that were not checked");
    return n;
}

/* scheme://host or scheme://host:port, as browsers write it: lower case, no slash at the end
 * (RFC 6454 §6.2). */
static bool is_origin(struct str item)
{
    struct str host;
    if (str_starts(item, STR("https://")))
        host = str_skip(item, 8);
    else if (str_starts(item, STR("http://")))
        host = str_skip(item, 7);
    else
        return str_eq(item, STR("*"));
    for (size_t i = 0; i < host.len; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-.:[]", host.ptr[i]))
            return false;
    return host.len > 0;
}

/* "*" is everybody already: beside it nothing has a meaning. */
bool form_is_origins(struct str text)
{
    return is_list_of(text, is_origin) &&
           (str_find(text, '*') == text.len || count_items(text) == 1);
}

bool form_read_origins(struct str text, struct policy *to)
{
    to->origins = arena_calloc(&to->arena, count_items(text), sizeof(*to->origins));
    while (text.len && to->origins) {
        struct str item = arena_dup(&to->arena, next_item(&text));
        if (!item.ptr)
            return false;
        to->origins[to->n_origins++] = item;
    }
    return to->origins || !text.len;
}

static bool is_network(struct str item)
{
    struct http_network network;
    return http_network_parse(item, &network);
}

bool form_is_networks(struct str text)
{
    return is_list_of(text, is_network);
}

bool form_read_networks(struct str text, struct policy *to)
{
    to->proxies = arena_calloc(&to->arena, count_items(text), sizeof(*to->proxies));
    while (text.len && to->proxies)
        if (!http_network_parse(next_item(&text), &to->proxies[to->n_proxies++]))
            die("a network that was not checked");
    return to->proxies || !text.len;
}
