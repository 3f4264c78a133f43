/* Message templates, as far as Meta's webhooks speak of them (meta-graph.md §6.5). */
#pragma once

#include "model/account.h"
#include "model/change.h"

/* What a webhook says of a template; empty: nothing. */
struct template_facts {
    struct str meta_id;
    struct str name;
    struct str language; /* "en_US": the dash of some webhooks is none of Meta's own */
    struct str status;
    struct str reason; /* of the status */
    struct str category;
    struct str quality;
    struct str components;     /* JSON */
    struct str previous;       /* as Meta says, for what we did not know */
    struct str first_category; /* told beside something else: of a template that is new to us */
};

/* Makes the template known when it is not yet, and brings it to the facts, with a row of history
 * and an event for each that changed: nothing for what is so already, or is known to have been
 * otherwise later. */
enum err template_apply(struct tx *tx, const struct account *a, const struct template_facts *f,
                        const struct change_cause *cause, bool *ret_changed) MUST_USE;

/* As of number_each_change. */
enum err template_each_change(struct tx *tx, int64_t template_id, int64_t newest, int64_t limit,
                              enum err (*each)(void *arg, const struct change_entry *c),
                              void *arg) MUST_USE;
