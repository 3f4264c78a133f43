/* WhatsApp numbers: what Meta last said of each, in our terms, and every change of it.
 * Contract: developer-api.md §2. */
#pragma once

#include "model/change.h"

/* What Meta says of a number. Text is UTF-8 and empty where Meta says nothing. */
struct number_facts {
    struct str phone_number_id; /* Meta's id */
    struct str phone_number;    /* digits of display_phone_number */
    struct str verified_name;
    struct str quality_rating; /* GREEN, YELLOW, RED or UNKNOWN: see number_quality */
    struct str meta_status;    /* CONNECTED, PENDING, FLAGGED, ...: Meta's open enum */
    struct str name_status;
    struct str code_verification_status;
    struct str throughput;
    struct str messaging_limit;
    struct str platform_type;
    struct str can_send_message;
    struct str reasons; /* JSON: [{"code": 141006 or null, "message": "", "solution": ""}] */
    bool is_official_business_account;
};

struct number {
    int64_t id;
    int64_t workspace_id;
    int64_t account_id;
    struct number_facts facts;
    struct str status; /* CONNECTED or DISCONNECTED */
    int64_t message_template_count;
    struct str previous_quality_rating; /* empty: it never changed */
    int64_t quality_changed_at;         /* ms; 0: it never changed */
    int64_t created_at;                 /* linked */
    int64_t updated_at;                 /* a listed field last changed */
    int64_t unlinked_at;
    int64_t confirmed_at; /* when Meta last said so, as far as the database knows: see pulse.h */
    /* ms, as Meta's webhooks tell; since when status, limit and throughput, and name are so: what
     * is told late does not undo it. 0: since nobody knows when. */
    int64_t status_at, limit_at, name_at;
    struct str name_decision;  /* of the name that was asked for last: APPROVED, REJECTED, ... */
    struct str requested_name; /* which one */
    struct str name_rejection; /* Meta's word for why */
};

/* Meta's quality rating in ours: UNKNOWN for its UNKNOWN, NA, and anything new. */
struct str number_quality(struct str meta_quality);
/* developer-api.md §2.3: messages flow, or not. */
struct str number_status(struct str meta_status);

/* A copy whose text is the arena's. */
enum err number_copy(const struct number *from, struct arena *arena, struct number *ret) MUST_USE;

/* The linked numbers of a workspace, by id. `each` sees the listed fields of §2.1 only, or all of
 * them with `whole`. Text is valid during the callback. */
enum err number_each(struct tx *tx, int64_t workspace_id, bool whole,
                     enum err (*each)(void *arg, const struct number *n), void *arg) MUST_USE;
/* The linked numbers of an account, by Meta's id, whole. */
enum err number_each_of_account(struct tx *tx, int64_t account_id,
                                enum err (*each)(void *arg, const struct number *n),
                                void *arg) MUST_USE;
/* A linked number by our id or Meta's, whole, copied into the arena. ERR_NOT_FOUND. */
enum err number_find(struct tx *tx, int64_t workspace_id, struct str id, struct arena *arena,
                     struct number *ret) MUST_USE;
/* The linked number of an account with these digits. ERR_NOT_FOUND. */
enum err number_find_phone(struct tx *tx, int64_t account_id, struct str phone_number,
                           struct arena *arena, struct number *ret) MUST_USE;
/* A number by Meta's id in any workspace: the linked one. ERR_NOT_FOUND. */
enum err number_find_linked(struct tx *tx, struct str phone_number_id, struct arena *arena,
                            struct number *ret) MUST_USE;
/* The newest unlinked row of a workspace with Meta's id. ERR_NOT_FOUND. */
enum err number_find_unlinked(struct tx *tx, int64_t workspace_id, struct str phone_number_id,
                              struct arena *arena, struct number *ret) MUST_USE;

enum err number_insert(struct tx *tx, const struct number *n, int64_t *ret_id) MUST_USE;
/* Links an unlinked number again, under its old id: its messages are still its own. */
enum err number_revive(struct tx *tx, int64_t id, int64_t account_id, int64_t now) MUST_USE;
/* The number has moved to another account of its workspace. */
enum err number_move(struct tx *tx, int64_t id, int64_t account_id) MUST_USE;
enum err number_unlink(struct tx *tx, int64_t id, int64_t now) MUST_USE;

/* Brings a row from `old` to the facts, status, template count, name decision and times of `to`:
 * writes only what differs, with a row of history for each field that did, and the events of
 * developer-api.md §8; nothing at all when nothing did. *ret_changed: more than a time did. */
enum err number_update(struct tx *tx, const struct number *old, const struct number *to,
                       const struct change_cause *cause, bool *ret_changed) MUST_USE;
/* Something about the number that no field tells: a row of history alone. */
enum err number_record(struct tx *tx, int64_t number_id, const char *field, struct str from,
                       struct str to, const struct change_cause *cause) MUST_USE;

/* number_event.c: the events of an update. */
enum err number_tell(struct tx *tx, const struct number *old, const struct number *to,
                     const struct change_cause *cause) MUST_USE;

/* --- history ------------------------------------------------------------------------------ */
/* Each change has its position in its number's history: 1, 2, ... without a gap. The `limit`
 * changes up to the position `newest`, newest first; where that leaves the history there are fewer,
 * or none. Costs the same at any position. Text is valid during the callback. */
enum err number_each_change(struct tx *tx, int64_t number_id, int64_t newest, int64_t limit,
                            enum err (*each)(void *arg, const struct change_entry *c),
                            void *arg) MUST_USE;
/* Also the position of the newest one. */
enum err number_count_changes(struct tx *tx, int64_t number_id, int64_t *ret) MUST_USE;
