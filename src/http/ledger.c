#include "http/ledger.h"
#include "base/limits.h"
#include "base/random.h"

#include <assert.h>
#include <pthread.h>

/* The connections of one address that are counted together; it goes with the last of them. */
struct account {
    struct account *next; /* in its bucket */
    struct http_address address;
    size_t open;
};

struct http_ledger {
    pthread_mutex_t mutex; /* of all below but the seed */
    size_t connections, per_address;
    struct http_network *exempt;
    size_t n_exempt;
    struct http_ledger_stats stats;
    uint64_t seed[2]; /* clients choose their addresses: they shall not choose their buckets */
    struct account *buckets[HTTP_LEDGER_BUCKETS];
};

static void copy_limits(struct http_ledger *l, const struct http_ledger_limits *limits)
{
    free(l->exempt);
    l->exempt = NULL;
    l->connections = limits->connections;
    l->per_address = limits->per_address;
    l->n_exempt = limits->n_exempt;
    if (limits->n_exempt == 0)
        return;
    l->exempt = xcalloc(limits->n_exempt, sizeof(*l->exempt));
    memcpy(l->exempt, limits->exempt, limits->n_exempt * sizeof(*l->exempt));
}

struct http_ledger *http_ledger_new(const struct http_ledger_limits *limits)
{
    struct http_ledger *l = xcalloc(1, sizeof(*l));
    pthread_mutex_init(&l->mutex, NULL);
    random_bytes(l->seed, sizeof(l->seed));
    copy_limits(l, limits);
    return l;
}

void http_ledger_free(struct http_ledger *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < ARRAY_LEN(l->buckets); i++)
        while (l->buckets[i]) {
            struct account *a = l->buckets[i];
            l->buckets[i] = a->next;
            free(a);
        }
    pthread_mutex_destroy(&l->mutex);
    free(l->exempt);
    free(l);
}

void http_ledger_set_limits(struct http_ledger *l, const struct http_ledger_limits *limits)
{
    pthread_mutex_lock(&l->mutex);
    copy_limits(l, limits);
    pthread_mutex_unlock(&l->mutex);
}

/* --- the accounts: under the mutex -------------------------------------------------------- */

/* Both halves of the address, folded with the seed. */
static struct account **bucket_of(struct http_ledger *l, const struct http_address *a)
{
    uint64_t half[2];
    memcpy(half, a->bytes, sizeof(half));
    unsigned __int128 mixed = (unsigned __int128)(half[0] ^ l->seed[0]) * (half[1] ^ l->seed[1]);
    return &l->buckets[(uint64_t)(mixed ^ mixed >> 64) % ARRAY_LEN(l->buckets)];
}

/* The link to the account of this address: to NULL when it has none. */
static struct account **find(struct http_ledger *l, const struct http_address *counted)
{
    struct account **link = bucket_of(l, counted);
    while (*link && memcmp(&(*link)->address, counted, sizeof(*counted)) != 0)
        link = &(*link)->next;
    return link;
}

static bool is_exempt(const struct http_ledger *l, const struct http_address *a)
{
    for (size_t i = 0; i < l->n_exempt; i++)
        if (http_network_has(&l->exempt[i], a))
            return true;
    return false;
}

static void add(struct http_ledger *l, struct account **link, const struct http_address *counted)
{
    if (!*link) {
        *link = xcalloc(1, sizeof(**link));
        (*link)->address = *counted;
    }
    (*link)->open++;
    l->stats.open++;
}

static void give_back(struct http_ledger *l, const struct http_address *a)
{
    struct http_address counted = http_address_counted(a);
    struct account **link = find(l, &counted);
    struct account *account = *link;
    assert(account); /* it was taken before */
    l->stats.open--;
    if (--account->open == 0) {
        *link = account->next;
        free(account);
    }
}

static enum http_ledger_answer take(struct http_ledger *l, const struct http_address *a,
                                    const struct http_address *idle)
{
    struct http_address counted = http_address_counted(a);
    struct account **link = find(l, &counted);
    if (l->per_address && *link && (*link)->open >= l->per_address && !is_exempt(l, a)) {
        l->stats.refused_greedy++;
        return HTTP_LEDGER_GREEDY;
    }
    bool full = l->stats.open >= l->connections;
    if (full && !idle) {
        l->stats.refused_full++;
        return HTTP_LEDGER_FULL;
    }
    add(l, link, &counted);
    if (!full)
        return HTTP_LEDGER_TAKEN;
    give_back(l, idle);
    l->stats.evicted++;
    return HTTP_LEDGER_REPLACED;
}

/* --- any thread --------------------------------------------------------------------------- */

enum http_ledger_answer http_ledger_take(struct http_ledger *l, const struct http_address *a,
                                         const struct http_address *idle)
{
    pthread_mutex_lock(&l->mutex);
    enum http_ledger_answer answer = take(l, a, idle);
    pthread_mutex_unlock(&l->mutex);
    return answer;
}

void http_ledger_give_back(struct http_ledger *l, const struct http_address *a)
{
    pthread_mutex_lock(&l->mutex);
    give_back(l, a);
    pthread_mutex_unlock(&l->mutex);
}

struct http_ledger_stats http_ledger_stats(struct http_ledger *l)
{
    pthread_mutex_lock(&l->mutex);
    struct http_ledger_stats stats = l->stats;
    pthread_mutex_unlock(&l->mutex);
    return stats;
}
