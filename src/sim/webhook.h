/* What Meta sends to an app: changes, where each goes, and how they are written (meta-graph.md §6).
 * No network in here. */
#pragma once

#include "sim/state.h"

struct sim_webhook_field {
    const char *name;
    bool timed;       /* its entry has a `time` */
    bool overridable; /* goes to the override of its number or account, if there is one */
};
/* NULL when Meta has none of that name. */
const struct sim_webhook_field *sim_webhook_field(struct str name);
/* The i-th one; NULL behind the last. */
const struct sim_webhook_field *sim_webhook_field_at(size_t i);

struct sim_change {
    struct str field;
    struct str value;    /* JSON */
    struct str entry_id; /* the account's, or its business portfolio's */
    struct str url;      /* where it goes */
};

/* Why nobody gets a change of an account that has an app nowhere in its subscribed_apps. */
extern const char sim_why_unsubscribed[];

/* Sets entry_id and url of a change of this account. NULL, or a sentence that says why nobody gets
 * it. */
const char *sim_change_route(struct sim_change *change, const struct sim_account *account,
                             struct arena *arena);

/* Writes Meta's envelope with these changes, in their order, in ASCII. */
void sim_payload_write(const struct sim_change *changes, size_t n, int64_t now_s, struct buf *out);
/* The same JSON with each character beyond ASCII as \uXXXX, in lower-case hex: the bytes that Meta
 * sends and signs. */
void sim_payload_escape(struct str json, struct buf *out);
