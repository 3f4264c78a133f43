/* Inside inbound/: one change of a delivery, on its way into the rows. */
#pragma once

#include "inbound/inbound.h"
#include "model/account_fact.h"
#include "model/number.h"

struct applying {
    struct tx *tx;
    struct arena *arena;    /* of this change */
    struct account account; /* the entry's, or this change's own */
    struct str field;
    struct change_cause cause;
    int64_t hinted;     /* the account that was hinted at last: once is enough */
    const char *reason; /* set: it is not applied */
    bool changed;
    bool numbers_changed; /* of this account: what a question to Meta that is under way may undo */
};

typedef enum err apply_fn(struct applying *a, struct json value);

/* numbers.c */
apply_fn apply_number_quality, apply_number_name, apply_security, apply_capability;
/* accounts.c */
apply_fn apply_account_update, apply_account_review, apply_account_alert;
/* templates.c */
apply_fn apply_template_status, apply_template_quality, apply_template_category,
    apply_template_components;

/* It is kept, for this reason. */
enum err apply_not(struct applying *a, const char *reason);
/* Meta is to be asked for the whole truth about the account. */
enum err apply_hint(struct applying *a);
/* A fact about the account, and the event; `phone` is empty where it is about all of it. */
enum err apply_fact(struct applying *a, struct str field, struct str value, struct str event,
                    struct str phone, struct json details);
/* "2026-01-01T00:00:00Z": when Meta says that it happened. */
struct str apply_time(struct applying *a);
/* A member that is text, or a number as its digits; empty when there is none. */
struct str apply_text(struct applying *a, struct json object, const char *key);
/* The digits of display_phone_number; empty when there are none. */
struct str apply_phone(struct applying *a, struct json value);
