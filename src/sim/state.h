/* All that the simulated Meta knows: what a scenario says, and what changed since. Owned by the
 * simulator's one thread. A new scenario is a new state, which replaces the old one whole. */
#pragma once

#include "base/limits.h"
#include "sim/nodes.h"

struct sim_webhook {    /* what the app has subscribed to */
    char *url;          /* NULL: nothing */
    char *verify_token; /* for the challenge */
    char *fields;       /* "messages|account_update"; NULL: all */
    bool verified;      /* the challenge was answered */
    int64_t retry_first_ms, retry_max_ms, give_up_s;
};

struct sim_app {
    char *id;
    char *name;
    char *secret;       /* NULL: none; then no appsecret_proof is looked at */
    bool require_proof; /* Meta's "Require App Secret" */
    struct sim_webhook webhook;
};

/* An access token. */
struct sim_token {
    struct list link;
    char *token;
    char *type;                    /* "SYSTEM_USER" */
    char *user_id;                 /* decimal */
    int64_t issued_at, expires_at; /* seconds since 1970; expires_at 0: never */
    bool expired;                  /* whatever expires_at says */
    bool management, messaging;    /* scopes: whatsapp_business_... */
    char **accounts;               /* ids it sees; n_accounts 0 and !limited: all */
    size_t n_accounts;
    bool limited;
};

/* What embedded signup's browser part hands over, to be exchanged for a token once. */
struct sim_code {
    struct list link;
    char *code;
    char *token;
    bool used;
};

struct sim_usage {    /* calls within a window that began with the first of them */
    int64_t begun_us; /* monotonic; meaningless when calls is 0 */
    int64_t calls;
};

struct sim_account {
    struct sim_node node; /* the first member: a node is cast to its account */
    struct sim_state *state;
    struct list numbers;    /* struct sim_node, in the order they came */
    struct list templates;  /* the same */
    bool subscribed;        /* the app receives its webhooks */
    bool told_unsubscribed; /* a line of the log said that it does not */
    char *override_uri;     /* NULL: none */
    struct sim_usage usage;
};

struct sim_limits {       /* meta-graph.md §7.4 */
    int64_t calls;        /* in a window, of an account without a connected number */
    int64_t active_calls; /* with at least one */
    int64_t app_calls;    /* of the whole app */
    int64_t window_s;
};

enum sim_fault_kind {
    SIM_FAULT_LATENCY,       /* nothing but the delay */
    SIM_FAULT_STATUS_5XX,    /* Meta's transient error under `status` */
    SIM_FAULT_CUT,           /* the connection ends without an answer */
    SIM_FAULT_THROTTLE,      /* 80008, and usage headers over 100 */
    SIM_FAULT_HTML,          /* a page for people under `status` */
    SIM_FAULT_HALF_JSON,     /* the first half of the right answer */
    SIM_FAULT_WRONG_TYPES,   /* JSON in which nothing has the type it should */
    SIM_FAULT_ENDLESS_PAGES, /* every page has a next one, and no cursor ever repeats */
    SIM_FAULT_HUGE,          /* `bytes` of JSON without end, then a cut */
    SIM_FAULT_TOKEN_EXPIRED, /* 190/463 whatever the token */
    SIM_FAULT_KINDS,
};

struct sim_fault {
    struct list link;
    enum sim_fault_kind kind;
    char *method, *path_contains, *account; /* NULL: any */
    int64_t ms;                             /* delay before the answer, of every kind */
    int64_t times;                          /* how often it still strikes; -1: for ever */
    int64_t status;                         /* of STATUS_5XX and HTML */
    int64_t bytes;                          /* of HUGE */
    int64_t minutes;                        /* estimated_time_to_regain_access of THROTTLE */
};

struct sim_state {
    struct sim_app app;
    struct sim_limits limits;
    struct sim_usage app_usage;
    struct list tokens;
    struct list codes;
    struct list accounts;
    struct list faults;
    size_t n_faults;
    struct list index[SIM_INDEX_BUCKETS]; /* every node, by id */
    int64_t next_id;                      /* for nodes that come without one */
};

struct sim_state *sim_state_new(void);        /* empty, with the default limits */
void sim_state_free(struct sim_state *state); /* NULL is fine */

struct sim_account *sim_account_of_node(struct sim_node *node); /* of a node that is an account */
/* NULL when there is none. */
struct sim_node *sim_state_find(const struct sim_state *state, struct str id);
struct sim_account *sim_state_find_account(const struct sim_state *state, struct str id);
struct sim_token *sim_state_find_token(const struct sim_state *state, struct str token);

/* Makes a node from a checked object whose id is new. */
struct sim_account *sim_state_add_account(struct sim_state *state, struct json object,
                                          struct arena *arena);
struct sim_node *sim_account_add(struct sim_account *account, enum sim_kind kind,
                                 struct json object, struct arena *arena);
/* Takes a number or template away. */
void sim_node_delete(struct sim_node *node);

/* Replaces the subscription; `fields` as above, empty: all. Not verified. */
void sim_webhook_set(struct sim_webhook *webhook, struct str url, struct str verify_token,
                     struct str fields);
void sim_webhook_clear(struct sim_webhook *webhook);

bool sim_token_sees(const struct sim_token *token, const struct sim_account *account);
bool sim_token_expired(const struct sim_token *token);
void sim_state_clear_faults(struct sim_state *state);
