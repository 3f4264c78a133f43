/* Events: what happened in a workspace, as its systems are told (developer-api.md §8). One is
 * written in the transaction of what happened, together with a job (job.h) for each endpoint that
 * wants it; who delivers hears of it after the commit. */
#pragma once

#include "model/change.h"

/* In the order of developer-api.md §8. EVENT_TEST is not among them: it is sent on request, to one
 * webhook. */
#define EVENT_NAMES                                                                                \
    "message.received", "message.status.updated", "conversation.created", "conversation.updated",  \
        "order.created", "order.updated", "number.quality.updated", "number.status.updated",       \
        "number.name.updated", "number.limit.updated", "template.status.updated",                  \
        "template.quality.updated", "template.category.updated", "template.components.updated",    \
        "account.updated", "ticket.opened", "ticket.closed", "contact.created", "webhook.disabled"

/* Ended by NULL. */
extern const char *const event_names[];
#define EVENT_NAMES_MAX 64 /* a set of them is a bit for each */
#define EVENT_TEST      "webhook.test"
/* Its place in event_names; -1: it is none of them. */
int event_index(struct str name);
static inline bool event_is_known(struct str name)
{
    return event_index(name) >= 0;
}

#define EVENT_ID_LEN 28 /* "evt_" and 24 characters */

struct event {
    int64_t id;
    int64_t workspace_id;
    struct str event_id;
    struct str name;
    struct str body; /* the envelope: {"event", "timestamp", "data"} */
    int64_t created_at;
};

struct new_event {
    int64_t workspace_id;
    const char *name;
    struct str order_key; /* deliveries of one key at one endpoint keep their order; empty: none */
    struct str data;      /* JSON */
    int64_t now;
};
/* Announces it (tx_announce). */
enum err event_emit(struct tx *tx, const struct new_event *e) MUST_USE;
/* The same, for one endpoint whatever it wants, and enabled or not; the job's id. */
enum err event_emit_to(struct tx *tx, const struct new_event *e, int64_t webhook_id,
                       int64_t *ret_job) MUST_USE;

/* Those of a workspace behind the id `after`, oldest first. Text is valid during the callback. */
enum err event_each_after(struct tx *tx, int64_t workspace_id, int64_t after, int64_t limit,
                          enum err (*each)(void *arg, const struct event *e), void *arg) MUST_USE;
/* The newest one of a workspace. ERR_NOT_FOUND when it has none. */
enum err event_last(struct tx *tx, int64_t workspace_id, char ret_event_id[EVENT_ID_LEN],
                    int64_t *ret) MUST_USE;
/* The newest one of all; 0 when there is none. */
enum err event_newest(struct tx *tx, int64_t *ret) MUST_USE;
/* Whose are those behind the id *cursor? The next EVENT_LOOK_ROWS of them are looked at, and the
 * cursor moves behind these. *ret_n: how many they were. */
enum err event_each_new(struct tx *tx, int64_t *cursor, int64_t *ret_n,
                        enum err (*each)(void *arg, int64_t workspace_id), void *arg) MUST_USE;
/* One by its event id: our id, and whether all that came behind it is on record still.
 * ERR_NOT_FOUND. */
enum err event_find(struct tx *tx, int64_t workspace_id, struct str event_id, int64_t *ret,
                    bool *ret_whole) MUST_USE;
/* Removes some that were made before `before` and that no job is for. The newest one of a workspace
 * stays: who knows it has missed nothing, however long ago it was. */
enum err event_sweep(struct tx *tx, int64_t before, int64_t *ret_removed) MUST_USE;
