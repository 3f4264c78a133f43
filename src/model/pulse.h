/* When Meta last confirmed each account, in memory.
 *
 * A sync that finds nothing changed writes nothing, so the database knows only the confirmation
 * that came with the last change; the pulse knows the last of all. After a crash it is empty and
 * the database's older time stands: a number may look staler than it is until the first sync, never
 * fresher. A clean shutdown writes the pulse down (account_write_confirmed); where replicas share
 * the store it is written down all the while, since the others know nothing of our memory.
 *
 * One thread writes (the jobs thread), any thread reads, without a lock: account ids are dense, so
 * the times lie in segments that double in size and never move. */
#pragma once

#include "base/base.h"
#include <stdatomic.h>

#define PULSE_SEGMENTS 40 /* 1024 << 39 account ids: more than a database holds */

struct pulse {
    _Atomic(_Atomic int64_t *) segments[PULSE_SEGMENTS];
    _Atomic uint64_t moves; /* how often a time was raised */
};

void pulse_init(struct pulse *p);
void pulse_release(struct pulse *p);
/* The writing thread only. A time never moves backwards. */
void pulse_raise(struct pulse *p, int64_t account_id, int64_t confirmed_at);
/* The writing thread only: everything is forgotten, as the accounts are others now. */
void pulse_clear(struct pulse *p);
/* 0 when Meta has not confirmed it since this process started. */
int64_t pulse_get(struct pulse *p, int64_t account_id);
/* Moves with each confirmation: what was written before it may tell an older time. */
uint64_t pulse_moves(const struct pulse *p);
