/* How many connections there are, in all and of each address, over all loops of the process.
 *
 * It is asked once a connection, not once a request: a mutex inside, any thread. Memory is bounded
 * by the number of connections that may be open. */
#pragma once

#include "http/network.h"

struct http_ledger_limits {
    size_t connections;                /* in all, over all loops */
    size_t per_address;                /* as http_address_counted; 0: no limit */
    const struct http_network *exempt; /* from per_address: proxies; copied */
    size_t n_exempt;
};

struct http_ledger;

struct http_ledger *http_ledger_new(const struct http_ledger_limits *limits);
void http_ledger_free(struct http_ledger *l); /* NULL is fine */
/* For the connections that come from now on. */
void http_ledger_set_limits(struct http_ledger *l, const struct http_ledger_limits *limits);

enum http_ledger_answer {
    HTTP_LEDGER_TAKEN,
    HTTP_LEDGER_REPLACED, /* taken, the place of `idle`, which is given back: close it */
    HTTP_LEDGER_FULL,     /* all connections are in use */
    HTTP_LEDGER_GREEDY,   /* this address has its share */
};
/* For a connection from `a`. `idle`, unless NULL, is the address of a connection that may be closed
 * for it: in one call, so that no other loop takes its place in between. */
enum http_ledger_answer http_ledger_take(struct http_ledger *l, const struct http_address *a,
                                         const struct http_address *idle) MUST_USE;
void http_ledger_give_back(struct http_ledger *l, const struct http_address *a);

struct http_ledger_stats {
    size_t open; /* now; the others since the start */
    size_t refused_full, refused_greedy;
    size_t evicted; /* idle ones, for new ones */
};
struct http_ledger_stats http_ledger_stats(struct http_ledger *l);
