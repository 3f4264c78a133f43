/* Why something that Meta tells us changed, and when: what goes into every row of history. */
#pragma once

#include "store/store.h"

#define SOURCE_POLL    "poll"    /* we asked */
#define SOURCE_WEBHOOK "webhook" /* Meta told, or was asked because of what it told */
#define SOURCE_API     "api"     /* a person's call */

struct change_cause {
    const char *source;
    int64_t now;      /* ms */
    int64_t known_at; /* ms; since when it is so at the least: when Meta was asked, or says it
                         happened */
};

/* Meta's webhooks tell seconds: one of the same second as what is known is taken for newer. */
#define WEBHOOK_SECOND_MS 999

/* A row of history. */
struct change_entry {
    struct str field;
    struct str from, to; /* empty: none */
    struct str source;
    int64_t at;
};

/* Rows of field, from, to, source and at. Closes them. Text is valid during the callback; a
 * callback's error ends it and is returned. */
enum err change_each_row(struct rows *rows,
                         enum err (*each)(void *arg, const struct change_entry *c),
                         void *arg) MUST_USE;
