#include "gate/gate.h"
#include "base/random.h"
#include "gate/refusals.h"

void gate_init(struct gate *g, struct directory_hub *hub, struct failures *failures,
               struct policy *policy)
{
    *g = (struct gate){.policy = policy_retain(policy), .failures = failures};
    random_bytes(g->nobodys_secret, sizeof(g->nobodys_secret));
    directory_view_init(&g->view, hub);
    hmac_init(&g->hmac);
}

void gate_set_policy(struct gate *g, struct policy *policy)
{
    struct policy *old = g->policy;
    g->policy = policy_retain(policy);
    policy_release(old);
}

void gate_release(struct gate *g)
{
    directory_view_release(&g->view);
    hmac_release(&g->hmac);
    policy_release(g->policy);
    g->policy = NULL;
}

struct claim { /* what the four headers say */
    struct str signature;
    struct str timestamp;
    struct str domain;
    struct str client_id;
    int64_t timestamp_s;
};

static bool is_lower_hex(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return true;
}

static bool is_signature(struct str s)
{
    return s.len == SIGNATURE_LEN && str_starts(s, STR(SIGNATURE_PREFIX)) &&
           is_lower_hex(str_skip(s, sizeof(SIGNATURE_PREFIX) - 1));
}

/* No leading zero: "01704124800" would be the same second with one digit more, and the signed
 * string has no separators (developer-api.md §1.2). */
static bool is_timestamp(struct str s, int64_t *ret)
{
    return s.len <= TIMESTAMP_DIGITS_MAX && str_is_digits(s) && str_to_i64(s, ret);
}

static bool is_name(struct str s, size_t max)
{
    if (s.len == 0 || s.len > max)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~')
            return false;
    return true;
}

struct header_rule {
    struct str name;
    const char *form; /* what is accepted, for a person */
};

static const struct header_rule rules[] = {
    {STR_INIT("X-Awal-Signature-256"), "'sha256=' and 64 lower-case hex digits"},
    {STR_INIT("X-Timestamp"), "Unix seconds: 1 to 12 digits without a leading zero"},
    {STR_INIT("X-Domain"), "the workspace's domain"},
    {STR_INIT("X-Client-ID"), "the client's id"},
};

static bool is_well_formed(size_t rule, struct str value, struct claim *claim)
{
    switch (rule) {
    case 0: claim->signature = value; return is_signature(value);
    case 1: claim->timestamp = value; return is_timestamp(value, &claim->timestamp_s);
    case 2: claim->domain = value; return is_name(value, DOMAIN_MAX);
    default: claim->client_id = value; return is_name(value, CLIENT_ID_MAX);
    }
}

/* Every header that is wrong is named, so that one answer mends the whole request. */
static enum err read_claim(const struct http_request *r, struct claim *claim, struct error *error)
{
    bool missing = false, malformed = false;
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        bool twice = false;
        struct str value = http_header_get(r, rules[i].name, &twice);
        if (!value.ptr || value.len == 0) {
            missing = true;
            error_detail(error, rules[i].name.ptr, "is missing");
        } else if (twice) {
            malformed = true;
            error_detail(error, rules[i].name.ptr, "must be sent once");
        } else if (!is_well_formed(i, value, claim)) {
            malformed = true;
            error_detail(error, rules[i].name.ptr, "must be %s", rules[i].form);
        }
    }
    if (missing)
        return error_set(error, ERR_MISSING_HEADERS, "Required headers are missing");
    if (malformed)
        return error_set(error, ERR_INVALID_HEADERS, "Headers of the signature are malformed");
    return ERR_OK;
}

/* Both spellings of the path, without a short cut when the first one fits not. */
static bool is_signed_with(struct gate *g, const struct http_request *r, struct str path,
                           const struct claim *claim, struct str secret)
{
    struct signature_parts parts = {str_from(http_method_name(r->method)), path, r->query,
                                    claim->timestamp, r->body};
    char expected[SIGNATURE_LEN];
    signature_make(&g->hmac, secret, &parts, expected);
    if (bytes_equal(expected, claim->signature.ptr, SIGNATURE_LEN))
        return true;
    parts.path = r->path;
    signature_make(&g->hmac, secret, &parts, expected);
    return bytes_equal(expected, claim->signature.ptr, SIGNATURE_LEN);
}

/* An unknown or disabled client is measured against a random secret, and a client without a second
 * one against that too: nobody can sign with it, so that every refusal is four comparisons.
 * *ret_mark: of the secret that signed. */
static bool is_signed(struct gate *g, const struct http_request *r, struct str path,
                      const struct claim *claim, const struct directory_client *client,
                      int64_t now_ms, uint64_t *ret_mark)
{
    const struct str nobodys = str_make(g->nobodys_secret, sizeof(g->nobodys_secret));
    bool overlap = client && client->previous.len && now_ms < client->previous_until;
    struct str secret = client ? secret_reveal(&client->secret) : nobodys;
    struct str previous = overlap ? secret_reveal(&client->previous) : nobodys;
    *ret_mark = client ? client->secret_mark : 0;
    if (is_signed_with(g, r, path, claim, secret))
        return client != NULL;
    *ret_mark = overlap ? client->previous_mark : 0;
    return is_signed_with(g, r, path, claim, previous) && overlap;
}

/* --- whose request it is ------------------------------------------------------------------ */

static bool is_proxy(const struct policy *p, const struct http_address *a)
{
    for (size_t i = 0; i < p->n_proxies; i++)
        if (http_network_has(&p->proxies[i], a))
            return true;
    return false;
}

static struct str split_last(struct str *rest)
{
    size_t at = rest->len;
    while (at > 0 && rest->ptr[at - 1] != ',')
        at--;
    struct str last = str_skip(*rest, at);
    rest->len = at ? at - 1 : 0;
    return str_trim(last);
}

enum forwarded { FORWARDED_BY_PROXIES, FORWARDED_BY_CLIENT, FORWARDED_MALFORMED };

/* One field's addresses from the right; empty ones are none (RFC 9110 §5.6.1.2). */
static enum forwarded read_forwarded(const struct policy *p, struct str list,
                                     struct http_address *ret)
{
    while (list.len) {
        struct str one = split_last(&list);
        struct http_address a;
        if (one.len == 0)
            continue;
        if (!http_address_parse(one, &a))
            return FORWARDED_MALFORMED;
        if (!is_proxy(p, &a)) {
            *ret = a;
            return FORWARDED_BY_CLIENT;
        }
    }
    return FORWARDED_BY_PROXIES;
}

void gate_client_address(const struct gate *g, const struct http_request *r,
                         struct http_address *ret)
{
    *ret = http_address_of(&r->peer);
    if (!is_proxy(g->policy, ret))
        return;
    enum forwarded found = FORWARDED_BY_PROXIES;
    for (size_t i = r->n_headers; i > 0 && found == FORWARDED_BY_PROXIES; i--)
        if (str_eq_nocase(r->headers[i - 1].name, STR("X-Forwarded-For")))
            found = read_forwarded(g->policy, r->headers[i - 1].value, ret);
}

/* --- the check ---------------------------------------------------------------------------- */

static enum err check(struct gate *g, const struct http_request *r, struct str path, int64_t now_ms,
                      struct caller *ret, struct error *error)
{
    struct claim claim;
    enum err e = read_claim(r, &claim, error);
    if (e)
        return e;
    const struct directory_client *client = directory_find(&g->view, claim.client_id);
    if (client && !(client->enabled && str_eq(client->workspace->domain, claim.domain)))
        client = NULL;
    uint64_t secret_mark;
    if (!is_signed(g, r, path, &claim, client, now_ms, &secret_mark))
        return error_set(error, ERR_AUTHENTICATION, "Invalid HMAC signature");
    int64_t off = claim.timestamp_s - now_ms / 1000, window_s = g->policy->sign_window_s;
    if (off > window_s || off < -window_s)
        return error_set(error, ERR_TIMESTAMP_EXPIRED,
                         "X-Timestamp is %lld seconds %s the server's clock; %lld are allowed",
                         (long long)(off < 0 ? -off : off), off < 0 ? "behind" : "ahead of",
                         (long long)window_s);
    *ret = (struct caller){
        .workspace_id = client->workspace->id,
        .client_row_id = client->id,
        .domain = claim.domain,
        .client_id = claim.client_id,
        .secret_mark = secret_mark,
        .permissions = permissions_copy(client->permissions, error->arena),
        .client = client,
    };
    return ret->permissions ? ERR_OK : ERR_NO_MEMORY;
}

enum err refusal_count(struct gate *g, const struct http_request *r, int64_t now_ms, enum err e,
                       struct error *error)
{
    struct http_address address;
    int retry_after = 0;
    gate_client_address(g, r, &address);
    address = http_address_counted(&address);
    enum err full = failures_count(g->failures, &address, &g->policy->authentication_failures,
                                   now_ms / 1000, &retry_after);
    if (!full)
        return e;
    error_init(error, error->arena);
    error->retry_after = retry_after;
    return error_set(error, full,
                     "Too many requests from your address failed authentication; try again in "
                     "%d seconds",
                     retry_after);
}

enum err gate_check(struct gate *g, const struct http_request *r, struct str path, int64_t now_ms,
                    struct caller *ret, struct error *error)
{
    enum err e = check(g, r, path, now_ms, ret, error);
    return e && e != ERR_NO_MEMORY ? refusal_count(g, r, now_ms, e, error) : e;
}

static enum err explain_limit(const struct limit *limit, const struct limit_state *state,
                              int64_t now_s, struct error *error)
{
    char text[LIMIT_TEXT_MAX];
    limit_format(limit, text);
    error->retry_after = (int)MAX(state->reset_s - now_s, INT64_C(1));
    return error_set(error, ERR_RATE_LIMIT,
                     "The limit of %s for this endpoint is used up; try again in %d seconds", text,
                     error->retry_after);
}

enum err gate_limit(struct gate *g, const struct caller *caller, size_t endpoint, int64_t now_ms,
                    struct limit_state *ret, struct error *error)
{
    const struct directory_client *client = caller->client;
    const struct limit *limit = &client->workspace->limits[endpoint];
    int64_t now_s = now_ms / 1000, n = directory_counting(g->view.hub, limit, now_s);
    enum err e = counters_take_shared(client->counters, endpoint, limit, n, now_s, ret);
    return e == ERR_RATE_LIMIT ? explain_limit(limit, ret, now_s, error) : e;
}

enum err gate_wait(struct gate *g, const struct caller *caller, size_t endpoint,
                   struct undecided *u)
{
    struct queue *to = g->view.hub->undecided;
    u->counters = counters_retain(caller->client->counters);
    u->endpoint = endpoint;
    u->limit = caller->client->workspace->limits[endpoint];
    if (to && queue_push(to, &u->node))
        return ERR_OK;
    counters_release(u->counters);
    return ERR_UNAVAILABLE;
}

enum err gate_decided(const struct undecided *u, int64_t now_ms, struct limit_state *ret,
                      struct error *error)
{
    if (!u->err || u->err == ERR_RATE_LIMIT)
        *ret = u->state;
    return u->err == ERR_RATE_LIMIT ? explain_limit(&u->limit, ret, now_ms / 1000, error) : u->err;
}
