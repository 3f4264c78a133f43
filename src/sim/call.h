/* One Graph request on its way through the simulator, and Meta's errors as its possible answer.
 * Owned by the simulator's thread; lives in the request's arena. */
#pragma once

#include "http/http.h"
#include "sim/params.h"
#include "sim/simulator.h"

struct sim_call {
    struct sim *sim;
    struct sim_state *state; /* the simulator's, for short */
    struct http_request *request;
    struct arena *arena;
    const char *version; /* "v25.0" */
    struct str object;   /* the first part of the path behind the version */
    struct str edge;     /* the second part; empty: the node itself */
    struct sim_params params;
    struct sim_token *token;     /* NULL with an app token */
    struct sim_node *node;       /* what the path names */
    struct sim_account *account; /* whose it is; NULL where no account is concerned */
    struct sim_fault *fault;     /* what goes wrong this time; NULL: nothing */
    int status;
    struct str content_type;
    struct buf body;
    struct json_writer json;      /* into body */
    const char *www_authenticate; /* of an error: "invalid_token" and the like */
    struct str message;           /* of an error */
    const char *details;          /* of an error of Cloud API; else NULL */
    struct sim_challenge {
        bool wanted, known;
        struct str url, verify_token; /* of one that is wanted */
        struct str why;               /* of one that is known: empty, or what went wrong */
    } challenge;                      /* see sim_call_verify */
};

/* The kinds of errors of meta-graph.md §7.2. */
enum sim_failure {
    SIM_FAIL_BAD_TOKEN,      /* 190 */
    SIM_FAIL_EXPIRED_TOKEN,  /* 190/463 */
    SIM_FAIL_NO_TOKEN,       /* 104 */
    SIM_FAIL_PERMISSION,     /* 200 */
    SIM_FAIL_OBJECT,         /* 100/33: not there, or not for this token */
    SIM_FAIL_PATH,           /* 2500 */
    SIM_FAIL_PARAMETER,      /* 100 */
    SIM_FAIL_PROOF,          /* 100, of appsecret_proof */
    SIM_FAIL_CODE_USED,      /* 100/36009 */
    SIM_FAIL_CODE_UNKNOWN,   /* 100/36007 */
    SIM_FAIL_ACCOUNT_CALLS,  /* 80008 */
    SIM_FAIL_APP_CALLS,      /* 4 */
    SIM_FAIL_TRANSIENT,      /* 2 */
    SIM_FAIL_PIN,            /* 133005 */
    SIM_FAIL_NOT_VERIFIED,   /* 133006 */
    SIM_FAIL_PIN_GUESSES,    /* 133008 */
    SIM_FAIL_PIN_TOO_FAST,   /* 133009 */
    SIM_FAIL_NOT_REGISTERED, /* 133010 */
    SIM_FAIL_REGISTRATIONS,  /* 133016 */
    SIM_FAIL_CODE_REQUEST,   /* 136024 */
    SIM_FAIL_CODE_VERIFY,    /* 136025 */
    SIM_FAIL_APP_TOKEN,      /* 15 */
    SIM_FAIL_CALLBACK,       /* 2200: a webhook's address does not answer its challenge */
};

/* Makes the answer an error: whatever was written to call->json is dropped. */
void sim_call_fail(struct sim_call *call, enum sim_failure failure, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* The same as Cloud API says it: "(#133005) title", and the details in error_data. */
void sim_call_fail_details(struct sim_call *call, enum sim_failure failure, const char *title,
                           const char *details);
/* The sentence about an object that is not there, for SIM_FAIL_OBJECT. */
void sim_call_fail_object(struct sim_call *call);
/* {"success":true} */
void sim_call_succeed(struct sim_call *call);
/* Has this callback answered its challenge? That takes a while, so the handler runs twice: the
 * first time this is false and the handler returns, having changed nothing; once the outcome is
 * known it runs again. False also when the callback is refused: the call has failed then. */
bool sim_call_verify(struct sim_call *call, struct str url, struct str verify_token) MUST_USE;
/* May it be a callback? False: the call has failed. `name` is the parameter's. */
bool sim_call_check_callback(struct sim_call *call, const char *name, struct str url,
                             struct str verify_token) MUST_USE;
