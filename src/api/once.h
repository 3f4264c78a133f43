/* Carrying a request out once, however often it arrives (developer-api.md §1.3).
 *
 * A write of the signed API is known by its Idempotency-Key, or without one by its signature. What
 * is known of it is looked up twice: in a snapshot on the loop, where most repeats end, and with
 * the last word in the transaction of its effect.
 *
 *   WRITE  the answer is kept in the transaction of the effect.
 *   LIVE   the key is claimed and committed; the jobs thread works, and says `applied` in the
 *          transaction of the effect; then the answer is written, kept, and only then given.
 *   LIVE_ONCE
 *          the claim has an answer from the start: that the outcome is not known. It is given
 *          should the process die; else the real one takes its place. Once Meta was asked, every
 *          outcome is kept, with a key or without, and the same request never comes to Meta again.
 *          A 503 says that Meta did nothing, and gives the claim back.
 *
 * Who sent a key is told that a refusal is final, so it is kept too, before it is given. Without a
 * key a refusal had no effect, and the same request may be tried again. What is no answer to the
 * request itself, such as a 503, is never kept. */
#pragma once

#include "model/idempotency.h"

struct call;

enum once_stage {
    ONCE_NEW,     /* nothing of it is written */
    ONCE_CLAIMED, /* `row` is ours */
    ONCE_APPLIED, /* the effect of `row` is there; its answer is not kept */
    ONCE_KEPT,    /* the answer is kept */
};

struct once {
    bool wanted;     /* a write of the signed API */
    bool has_header; /* Idempotency-Key was sent */
    struct idempotency_key key;
    enum once_stage stage;
    int64_t row;
    bool replayed;     /* the effect was there before this call */
    struct rows known; /* from once_ask to once_read */
};

/* Reads the key. ERR_INVALID_HEADERS. On the loop. */
enum err once_begin(struct call *call) MUST_USE;
/* What is known of the request, in call->tx: sets stage, and with ONCE_KEPT the call's answer.
 * ERR_IN_PROGRESS, ERR_KEY_REUSED. */
enum err once_look(struct call *call) MUST_USE;
/* The same in two halves: who asks reads, whatever happens between. */
enum err once_ask(struct call *call) MUST_USE;
enum err once_read(struct call *call) MUST_USE;

enum once_next { ONCE_ANSWER, ONCE_KEEP, ONCE_RELEASE };
/* What is to be done before the call's outcome is answered. */
enum once_next once_settle(const struct call *call, enum err e);

/* On the store thread, in call->tx. */
enum err once_claim(struct call *call) MUST_USE;
/* Keeps the answer as it is in the call; or replaces it by one that was kept meanwhile. */
enum err once_keep(struct call *call) MUST_USE;
/* Of a call that was refused before it came to the store: another may have come first. */
enum err once_keep_refusal(struct call *call) MUST_USE;
enum err once_release(struct call *call) MUST_USE;
