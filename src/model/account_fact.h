/* What Meta's webhooks say of an account as a whole: its review, bans and restrictions, what it may
 * do. Meta's words are kept as they are, by name, with every change. */
#pragma once

#include "model/account.h"
#include "model/change.h"

struct account_fact {
    struct str field; /* "review", "ban", "restrictions", ... */
    struct str value;
    int64_t known_at; /* ms */
};

/* What an "account.updated" event says, beside what changed. */
struct account_news {
    const char *webhook;     /* the field of Meta's webhook: "account_update"; NULL: none told */
    struct str event;        /* its value's `event`, or empty */
    struct str phone_number; /* digits of the number that it is about; empty: the account */
    struct str value;        /* JSON: the webhook's value, whole */
};

/* Brings a fact to a value, with a row of history and an event; nothing when it has the value
 * already, or is known to have had another one later. *ret_changed. */
enum err account_fact_put(struct tx *tx, const struct account *a, const struct account_fact *fact,
                          const struct account_news *news, const struct change_cause *cause,
                          bool *ret_changed) MUST_USE;
/* Text is valid during the callback. */
enum err account_fact_each(struct tx *tx, int64_t account_id,
                           enum err (*each)(void *arg, const struct account_fact *f),
                           void *arg) MUST_USE;

/* As of number_each_change, for the account. */
enum err account_each_change(struct tx *tx, int64_t account_id, int64_t newest, int64_t limit,
                             enum err (*each)(void *arg, const struct change_entry *c),
                             void *arg) MUST_USE;
enum err account_count_changes(struct tx *tx, int64_t account_id, int64_t *ret) MUST_USE;
/* What only a question to Meta tells whole: the account is to be asked about at once. Announced. */
enum err account_hint(struct tx *tx, int64_t account_id) MUST_USE;
/* Linked accounts with a hint. */
enum err account_each_hinted(struct tx *tx, int64_t limit, enum err (*each)(void *arg, int64_t id),
                             void *arg) MUST_USE;
/* Meta was asked after the account's row had said so many hints. */
enum err account_answer_hints(struct tx *tx, int64_t account_id, int64_t hints) MUST_USE;
