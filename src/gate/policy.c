#include "gate/policy.h"
#include "base/limits.h"

struct policy *policy_new(void)
{
    struct policy *p = xcalloc(1, sizeof(*p));
    atomic_store(&p->references, 1);
    arena_init(&p->arena, POLICY_ARENA_MAX);
    return p;
}

struct policy *policy_retain(struct policy *p)
{
    atomic_fetch_add_explicit(&p->references, 1, memory_order_relaxed);
    return p;
}

void policy_release(struct policy *p)
{
    if (!p || atomic_fetch_sub_explicit(&p->references, 1, memory_order_acq_rel) > 1)
        return;
    arena_release(&p->arena);
    free(p);
}
