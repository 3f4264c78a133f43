#include "model/pulse.h"

#define FIRST_SEGMENT_BITS 10

/* Segment k holds the ids whose (id + 1024) has its highest bit at 10 + k. */
static unsigned locate(int64_t account_id, size_t *ret_offset)
{
    uint64_t shifted = (uint64_t)account_id + (1u << FIRST_SEGMENT_BITS);
    unsigned top = 63 - (unsigned)__builtin_clzll(shifted);
    *ret_offset = (size_t)(shifted - (UINT64_C(1) << top));
    return top - FIRST_SEGMENT_BITS;
}

void pulse_init(struct pulse *p)
{
    atomic_init(&p->moves, 0);
    for (size_t i = 0; i < PULSE_SEGMENTS; i++)
        atomic_init(&p->segments[i], NULL);
}

void pulse_release(struct pulse *p)
{
    for (size_t i = 0; i < PULSE_SEGMENTS; i++)
        free((void *)atomic_exchange(&p->segments[i], NULL));
}

void pulse_raise(struct pulse *p, int64_t account_id, int64_t confirmed_at)
{
    size_t offset;
    unsigned k = locate(account_id, &offset);
    if (account_id < 0 || k >= PULSE_SEGMENTS)
        return;
    _Atomic int64_t *segment = atomic_load_explicit(&p->segments[k], memory_order_relaxed);
    if (!segment) {
        segment = xcalloc((size_t)1 << (FIRST_SEGMENT_BITS + k), sizeof(*segment));
        atomic_store_explicit(&p->segments[k], segment, memory_order_release);
    }
    if (confirmed_at > atomic_load_explicit(&segment[offset], memory_order_relaxed))
        atomic_store_explicit(&segment[offset], confirmed_at, memory_order_relaxed);
    atomic_fetch_add(&p->moves, 1);
}

uint64_t pulse_moves(const struct pulse *p)
{
    return atomic_load(&p->moves);
}

void pulse_clear(struct pulse *p)
{
    for (size_t k = 0; k < PULSE_SEGMENTS; k++) {
        _Atomic int64_t *segment = atomic_load_explicit(&p->segments[k], memory_order_relaxed);
        for (size_t i = 0; segment && i < (size_t)1 << (FIRST_SEGMENT_BITS + k); i++)
            atomic_store_explicit(&segment[i], 0, memory_order_relaxed);
    }
}

int64_t pulse_get(struct pulse *p, int64_t account_id)
{
    size_t offset;
    unsigned k = locate(account_id, &offset);
    if (account_id < 0 || k >= PULSE_SEGMENTS)
        return 0;
    _Atomic int64_t *segment = atomic_load_explicit(&p->segments[k], memory_order_acquire);
    return segment ? atomic_load_explicit(&segment[offset], memory_order_relaxed) : 0;
}
