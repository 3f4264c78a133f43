/* Fields about numbers: phone_number_quality_update, phone_number_name_update, security,
 * business_capability_update (meta-graph.md §6.5). */
#include "inbound/apply.h"

#include <inttypes.h>

static enum err find_number(struct applying *a, struct json value, struct number *ret)
{
    struct str phone = apply_phone(a, value);
    return phone.len ? number_find_phone(a->tx, a->account.id, phone, a->arena, ret)
                     : ERR_NOT_FOUND;
}

/* One that is not known may have just been added: Meta is asked. */
static enum err no_number(struct applying *a, enum err e)
{
    if (e != ERR_NOT_FOUND)
        return e;
    a->reason = "the account has no such number here";
    return apply_hint(a);
}

static bool is_late(const struct applying *a, int64_t known_since)
{
    return a->cause.known_at + WEBHOOK_SECOND_MS < known_since;
}

static enum err update(struct applying *a, const struct number *old, const struct number *to)
{
    bool changed;
    enum err e = number_update(a->tx, old, to, &a->cause, &changed);
    a->changed = a->changed || (!e && changed);
    a->numbers_changed = a->numbers_changed || (!e && changed);
    return e;
}

/* --- quality ------------------------------------------------------------------------------ */

/* Where our status is another than Meta's, it is for a reason of ours that stands. */
static void set_meta_status(struct number *n, struct str meta_status)
{
    bool follows = str_eq(n->status, number_status(n->facts.meta_status));
    n->facts.meta_status = meta_status;
    if (follows)
        n->status = number_status(meta_status);
}

/* The newer form names the tier of the business, the older one the number's own. */
static struct str tier_of(struct applying *a, struct json value)
{
    struct str tier = apply_text(a, value, "max_daily_conversations_per_business");
    return tier.len ? tier : apply_text(a, value, "current_limit");
}

static bool tells_status(struct str event)
{
    return str_eq(event, STR("FLAGGED")) || str_eq(event, STR("UNFLAGGED"));
}

static void apply_status(struct number *to, struct str event)
{
    if (str_eq(event, STR("FLAGGED")))
        set_meta_status(to, STR("FLAGGED"));
    else if (str_eq(to->facts.meta_status, STR("FLAGGED")))
        set_meta_status(to, STR("CONNECTED"));
}

/* The rating itself is in none of these: they are hints. What one does not speak of is no newer for
 * it: an earlier one, told late, may still say it. */
enum err apply_number_quality(struct applying *a, struct json value)
{
    struct number old;
    struct str event = apply_text(a, value, "event"), tier = tier_of(a, value);
    enum err e = find_number(a, value, &old);
    if (e)
        return no_number(a, e);
    struct number to = old;
    if (tells_status(event) && !is_late(a, old.status_at)) {
        apply_status(&to, event);
        to.status_at = MAX(to.status_at, a->cause.known_at);
    }
    if (str_starts(tier, STR("TIER_")) && !is_late(a, old.limit_at)) {
        to.facts.messaging_limit = tier;
        to.limit_at = MAX(to.limit_at, a->cause.known_at);
    }
    if (str_eq(event, STR("THROUGHPUT_UPGRADE")) && !is_late(a, old.limit_at))
        to.facts.throughput = STR("HIGH");
    e = update(a, &old, &to);
    return e ? e : apply_hint(a);
}

/* --- names -------------------------------------------------------------------------------- */

enum err apply_number_name(struct applying *a, struct json value)
{
    struct number old;
    enum err e = find_number(a, value, &old);
    if (e)
        return no_number(a, e);
    if (is_late(a, old.name_at))
        return apply_hint(a);
    struct number to = old;
    to.name_decision = apply_text(a, value, "decision");
    to.requested_name = apply_text(a, value, "requested_verified_name");
    to.name_rejection = apply_text(a, value, "rejection_reason");
    to.name_at = MAX(to.name_at, a->cause.known_at);
    if (str_eq(to.name_decision, STR("APPROVED"))) {
        to.facts.name_status = to.name_decision;
        if (to.requested_name.len)
            to.facts.verified_name = to.requested_name;
    }
    e = update(a, &old, &to);
    return e ? e : apply_hint(a);
}

/* --- security ----------------------------------------------------------------------------- */

/* Each one is news, however many there were before: its time is part of what is known. */
enum err apply_security(struct applying *a, struct json value)
{
    struct number n;
    struct str event = apply_text(a, value, "event");
    enum err e = find_number(a, value, &n);
    if (e)
        return no_number(a, e);
    struct str when = apply_time(a);
    struct str field = arena_printf(a->arena, "security:%.*s", STR_FMT(n.facts.phone_number));
    struct str fact = arena_printf(a->arena, "%.*s %.*s", STR_FMT(event), STR_FMT(when));
    bool before = a->changed;
    a->changed = false;
    e = apply_fact(a, field, fact, event, n.facts.phone_number, value);
    if (!e && a->changed)
        e = number_record(a->tx, n.id, "security", STR(""), event, &a->cause);
    a->changed = a->changed || before;
    return e;
}

/* --- what the business may do ------------------------------------------------------------- */

/* Numbers of Meta's, as its tiers are called elsewhere. */
static struct str tier_name(struct applying *a, struct str limit)
{
    static const struct {
        struct str number, tier;
    } tiers[] = {
        {STR_INIT("50"), STR_INIT("TIER_50")},        {STR_INIT("250"), STR_INIT("TIER_250")},
        {STR_INIT("1000"), STR_INIT("TIER_1K")},      {STR_INIT("2000"), STR_INIT("TIER_2K")},
        {STR_INIT("10000"), STR_INIT("TIER_10K")},    {STR_INIT("100000"), STR_INIT("TIER_100K")},
        {STR_INIT("-1"), STR_INIT("TIER_UNLIMITED")},
    };
    for (size_t i = 0; i < ARRAY_LEN(tiers); i++)
        if (str_eq(limit, tiers[i].number))
            return tiers[i].tier;
    return str_starts(limit, STR("TIER_")) ? limit : STR("");
}

/* Gathered first: rows are written meanwhile. */
struct gathered {
    struct arena *arena;
    struct number *rows;
    size_t n, capacity;
};

static enum err gather(void *arg, const struct number *n)
{
    struct gathered *g = arg;
    return g->n < g->capacity ? number_copy(n, g->arena, &g->rows[g->n++]) : ERR_OK;
}

static enum err set_limits(struct applying *a, struct str tier)
{
    int64_t count;
    enum err e = account_count_numbers(a->tx, a->account.id, &count);
    if (e)
        return e;
    struct gathered g = {.arena = a->arena, .capacity = (size_t)count};
    g.rows = arena_calloc(a->arena, MAX(g.capacity, (size_t)1), sizeof(*g.rows));
    if (!g.rows)
        return ERR_NO_MEMORY;
    e = number_each_of_account(a->tx, a->account.id, gather, &g);
    for (size_t i = 0; !e && i < g.n; i++) {
        struct number to = g.rows[i];
        if (is_late(a, to.limit_at))
            continue;
        to.facts.messaging_limit = tier;
        to.limit_at = MAX(to.limit_at, a->cause.known_at);
        e = update(a, &g.rows[i], &to);
    }
    return e;
}

static enum err put_capability(struct applying *a, const char *field, struct str value,
                               struct json details)
{
    return value.len ? apply_fact(a, str_from(field), value, STR(""), STR(""), details) : ERR_OK;
}

/* One limit for all numbers of the business; up to v23 each number's own. */
enum err apply_capability(struct applying *a, struct json value)
{
    struct str limit = apply_text(a, value, "max_daily_conversations_per_business");
    if (!limit.len)
        limit = apply_text(a, value, "max_daily_conversation_per_phone");
    struct str numbers = apply_text(a, value, "max_phone_numbers_per_waba");
    if (!numbers.len)
        numbers = apply_text(a, value, "max_phone_numbers_per_business");
    struct str tier = tier_name(a, limit);
    enum err e = put_capability(a, "max_daily_conversations", limit, value);
    if (!e)
        e = put_capability(a, "max_phone_numbers", numbers, value);
    if (!e && tier.len)
        e = set_limits(a, tier);
    return e ? e : apply_hint(a);
}
