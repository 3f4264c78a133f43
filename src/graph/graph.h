/* The client of Meta's Graph API: HTTPS requests on curl multi, driven by a libuv loop, each with a
 * callback; paging; Meta's errors and what to do about them; Meta's usage headers.
 *
 * Threads: a graph belongs to the thread of its loop (the jobs thread); so do all callbacks. No
 * call blocks. Tokens travel in `Authorization: Bearer`, never in a URL, and are in no message. */
#pragma once

#include "base/err.h"
#include "base/limits.h"
#include "base/metrics.h"
#include "base/secret.h"
#include "json/reader.h"
#include <uv.h>

struct graph;

struct graph_stats;

struct graph_options {
    const char *url;                 /* "https://graph.facebook.com", no slash at its end */
    const char *version;             /* "v25.0" */
    const struct secret *app_secret; /* for appsecret_proof; NULL or empty: none is sent */
    int timeout_ms;                  /* of one request; 0: GRAPH_TIMEOUT_MS */
    struct graph_stats *stats; /* counted into; outlives the graph; NULL: nothing is counted */
};

enum err graph_open(uv_loop_t *loop, const struct graph_options *options, struct graph **ret,
                    struct error *error) MUST_USE;
/* Cancels what runs: each callback is called with GRAPH_CANCELLED before this returns. The loop
 * must still turn once for its handles to close. A callback may close its graph. NULL is fine. */
void graph_close(struct graph *g);

/* What to do about an answer (meta-graph.md §7). */
enum graph_outcome {
    GRAPH_OK,
    GRAPH_TOKEN_DEAD,  /* code 190, 0, 102, 104: only a new token helps */
    GRAPH_FORBIDDEN,   /* 3, 10, 200..299: the token lacks a permission */
    GRAPH_NOT_FOUND,   /* 100/33: no such object, or not this token's */
    GRAPH_THROTTLED,   /* 4, 17, 32, 613, 80007, 80008, 130429: later, slower */
    GRAPH_TRANSIENT,   /* 1, 2, 131000, 131016, is_transient, HTTP 5xx without a body of Meta's */
    GRAPH_REFUSED,     /* any other code: this request is wrong, again would not help */
    GRAPH_UNREACHABLE, /* no connection, time-out, cut before an answer */
    GRAPH_UNUSABLE,    /* not JSON, wrong shape, too large, an endless list */
    GRAPH_CANCELLED,   /* graph_close */
};
#define GRAPH_OUTCOMES (GRAPH_CANCELLED + 1)
const char *graph_outcome_name(enum graph_outcome o);

/* Written by the graph's thread, read by any. */
struct graph_stats {
    struct counter answers[GRAPH_OUTCOMES]; /* requests, by how they ended */
    struct histogram times;                 /* from the start of a request to its answer */
    struct gauge running, waiting;          /* under way; waiting for a place */
};

/* Meta's usage headers of one answer: how much of the quota is used up. */
struct graph_usage {
    int percent;        /* the worst of X-App-Usage and X-Business-Use-Case-Usage; 0: none sent */
    int regain_minutes; /* estimated_time_to_regain_access; 0: not throttled */
};

/* An answer, or why there is none. In the request's arena: valid during the callback only, unless
 * the arena is the caller's. */
struct graph_answer {
    enum graph_outcome outcome;
    int http_status;       /* 0: none came */
    struct json json;      /* of GRAPH_OK: the object */
    int64_t code, subcode; /* of an error of Meta's; else 0 */
    struct str message;    /* for a person: Meta's, or ours; never holds a token */
    struct str title;      /* error_user_title, else the message without its code, else type */
    struct str details;    /* error_data.details or error_user_msg */
    struct str fbtrace_id;
    struct graph_usage usage;
    bool was_sent; /* it may have reached Meta, whatever the outcome; false: it has not */
};

typedef void graph_cb(void *arg, const struct graph_answer *answer);

enum graph_method { GRAPH_GET, GRAPH_POST, GRAPH_DELETE };

/* One request. `path` is behind the version: "/1234/phone_numbers"; `query` is encoded text without
 * "?" or empty; with an empty token no Authorization is sent. All three are copied. The answer is
 * parsed into `arena`, which is the caller's and outlives the callback. The callback is called
 * exactly once, and never from within graph_request unless the graph is being closed. At most
 * GRAPH_CONNECTIONS_MAX requests are under way; more wait their turn. A GET may reach Meta twice (a
 * kept connection that turns out to be closed is replaced); a POST or DELETE once at most. */
void graph_request(struct graph *g, enum graph_method method, struct str path, struct str query,
                   const struct secret *token, struct arena *arena, graph_cb *cb, void *arg);
/* A POST with a body, of JSON, which is copied and wiped: it may hold a secret. */
void graph_post_json(struct graph *g, struct str path, struct str json, const struct secret *token,
                     struct arena *arena, graph_cb *cb, void *arg);

/* --- edges, one file each ----------------------------------------------------------------- */

/* A phone number as Meta describes it (meta-graph.md §1, §2). Text is UTF-8, empty when absent. */
struct graph_reason { /* why health_status is not AVAILABLE */
    struct graph_reason *next;
    int64_t code; /* 0: only information */
    struct str message;
    struct str solution;
};
struct graph_number {
    struct graph_number *next;
    struct str id;                   /* Meta's id */
    struct str display_phone_number; /* "+1 631-555-5555" */
    struct str verified_name;
    struct str quality_rating; /* GREEN YELLOW RED UNKNOWN NA, open enum */
    struct str status;         /* CONNECTED ..., open enum */
    struct str name_status;
    struct str code_verification_status;
    struct str platform_type;
    struct str throughput;       /* throughput.level */
    struct str messaging_limit;  /* whatsapp_business_manager_messaging_limit, else the tier */
    struct str can_send_message; /* of health_status */
    bool is_official_business_account;
    struct graph_reason *reasons;
};

/* All a sync needs of one account, asked in this order: the WABA node (its name: also the proof
 * that token and id belong together), all pages of phone_numbers, the count of APPROVED templates.
 */
struct graph_account {
    struct graph_answer failure; /* outcome != GRAPH_OK: which step failed and why; rest unusable */
    struct str name;
    struct graph_number *numbers; /* in Meta's order; ids unique */
    size_t n_numbers;
    int64_t template_count;
    struct graph_usage usage; /* the worst of all answers */
};
typedef void graph_account_cb(void *arg, const struct graph_account *account);
/* Fetches it into `arena` (the caller's; it outlives the callback). */
void graph_fetch_account(struct graph *g, struct str waba_id, const struct secret *token,
                         struct arena *arena, graph_account_cb *cb, void *arg);

/* POST /{waba}/subscribed_apps: Meta's webhooks of this account go to the token's app. */
void graph_subscribe_app(struct graph *g, struct str waba_id, const struct secret *token,
                         struct arena *arena, graph_cb *cb, void *arg);

/* GET /{waba}/subscribed_apps: the apps that Meta's webhooks of this account go to. */
struct graph_apps {
    struct str *ids;
    size_t n;
};
/* With GRAPH_OK the apps, in `arena`; else NULL. */
typedef void graph_apps_cb(void *arg, const struct graph_answer *answer,
                           const struct graph_apps *apps);
void graph_fetch_apps(struct graph *g, struct str waba_id, const struct secret *token,
                      struct arena *arena, graph_apps_cb *cb, void *arg);

/* Registration of a number (meta-graph.md §2), by Meta's id of it. Each is {"success": true} when
 * it is done; anything else of a 200 is GRAPH_UNUSABLE. Codes and PINs are in no message. */
struct graph_registration {
    const struct secret *pin;
    struct str region; /* data_localization_region; empty: Meta's own choice */
};
void graph_request_code(struct graph *g, struct str number_id, struct str method,
                        struct str language, const struct secret *token, struct arena *arena,
                        graph_cb *cb, void *arg);
void graph_verify_code(struct graph *g, struct str number_id, const struct secret *code,
                       const struct secret *token, struct arena *arena, graph_cb *cb, void *arg);
void graph_register(struct graph *g, struct str number_id, const struct graph_registration *how,
                    const struct secret *token, struct arena *arena, graph_cb *cb, void *arg);
void graph_deregister(struct graph *g, struct str number_id, const struct secret *token,
                      struct arena *arena, graph_cb *cb, void *arg);
void graph_set_pin(struct graph *g, struct str number_id, const struct secret *pin,
                   const struct secret *token, struct arena *arena, graph_cb *cb, void *arg);

/* The business profile of a number (meta-graph.md §2). Text is UTF-8, empty where there is none. */
struct graph_profile {
    struct str about, address, description, email, vertical, profile_picture_url;
    struct str websites[GRAPH_WEBSITES_MAX];
    size_t n_websites;
};
/* With GRAPH_OK the profile, whose text is in `arena`; else NULL. */
typedef void graph_profile_cb(void *arg, const struct graph_answer *answer,
                              const struct graph_profile *profile);
void graph_fetch_profile(struct graph *g, struct str number_id, const struct secret *token,
                         struct arena *arena, graph_profile_cb *cb, void *arg);

/* What is to become another: a text whose ptr is NULL stays as it is, an empty one is cleared. */
struct graph_profile_change {
    struct str about, address, description, email, vertical;
    struct str websites[GRAPH_WEBSITES_MAX];
    size_t n_websites;
    bool has_websites; /* without one of them all are taken away */
};
void graph_change_profile(struct graph *g, struct str number_id,
                          const struct graph_profile_change *change, const struct secret *token,
                          struct arena *arena, graph_cb *cb, void *arg);
