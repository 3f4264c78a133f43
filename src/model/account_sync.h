/* Bringing the database to what Meta says of an account: the one place where a link, the periodic
 * sync, a sync by hand and (later) a webhook's hint meet. Runs inside a write's transaction. */
#pragma once

#include "model/account.h"

/* What Meta says of an account. */
struct account_facts {
    struct str name;
    int64_t template_count;
    const struct number_facts *numbers; /* sorted by phone_number_id (account_facts_sort) */
    size_t n_numbers;
};
void account_facts_sort(struct number_facts *numbers, size_t n);

/* Who asked, and when. */
struct account_cause {
    const char *source; /* "poll", "webhook" or "api": of the rows of history */
    bool linking;       /* numbers that were unlinked by hand come back */
    int64_t asked_at;   /* when Meta was asked: so long its answer is true at least */
    int64_t now;
    int64_t revision; /* of the account's row, read before Meta was asked; a link asks nobody */
};

struct account_outcome {
    int64_t added, changed, vanished;
    int64_t elsewhere; /* numbers that are linked in another workspace: left there */
    bool superseded;   /* another answer was written since this was asked: which of the two is
                          the newer one nobody knows, and nothing was written */
};

/* Nothing is written when nothing changed, but for a link, which always writes when it asked. `a`
 * is the row as it stands; scratch memory is the arena's. A number that Meta no longer lists is
 * DISCONNECTED with a reason. */
enum err account_apply_facts(struct tx *tx, const struct account *a,
                             const struct account_facts *facts, const struct account_cause *cause,
                             struct arena *arena, struct account_outcome *ret) MUST_USE;
/* Meta refuses the token, or hides the account: `state` is ACCOUNT_TOKEN_REFUSED or
 * ACCOUNT_NOT_VISIBLE, `why` Meta's message. Every number is DISCONNECTED with that reason. */
enum err account_apply_refusal(struct tx *tx, const struct account *a, const char *state,
                               struct str why, const struct account_cause *cause,
                               struct arena *arena, struct account_outcome *ret) MUST_USE;
