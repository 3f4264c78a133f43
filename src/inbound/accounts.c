/* Fields about an account: account_update, account_review_update, account_alerts (meta-graph.md
 * §6.5). */
#include "base/buf.h"
#include "base/clock.h"
#include "inbound/apply.h"

static struct str kept(struct applying *a, const struct buf *text)
{
    return buf_ok(text) ? arena_dup(a->arena, buf_str(text)) : (struct str){NULL, 0};
}

/* "RESTRICTED_A until 2026-01-08T00:00:00Z, RESTRICTED_B" */
static struct str restrictions(struct applying *a, struct json value)
{
    _cleanup_(buf_release)
    struct buf text;
    buf_init(&text, 2 * RESTRICTIONS_MAX);
    json_for_each (one, json_get(value, "restriction_info")) {
        if (text.len > RESTRICTIONS_MAX) /* far more than there are kinds */
            break;
        int64_t until = json_as_i64(json_get(one, "expiration"), 0);
        char time[CLOCK_ISO_LEN];
        if (text.len)
            buf_add(&text, STR(", "));
        buf_add(&text, apply_text(a, one, "restriction_type"));
        if (until <= 0 || until > INT64_C(253402300799)) /* the end of the year 9999 */
            continue;
        clock_format_iso(until * 1000, time);
        buf_printf(&text, " until %.*s", CLOCK_ISO_LEN, time);
    }
    return kept(a, &text);
}

static struct str ban(struct applying *a, struct json value)
{
    struct json info = json_get(value, "ban_info");
    struct str state = apply_text(a, info, "waba_ban_state");
    struct str date = apply_text(a, info, "waba_ban_date");
    return date.len ? arena_printf(a->arena, "%.*s, %.*s", STR_FMT(state), STR_FMT(date)) : state;
}

/* What happens again is news again. */
static struct str violation(struct applying *a, struct json value)
{
    struct str type = apply_text(a, json_get(value, "violation_info"), "violation_type");
    struct str when = apply_time(a);
    return arena_printf(a->arena, "%.*s %.*s", STR_FMT(type), STR_FMT(when));
}

static struct str country(struct applying *a, struct json value)
{
    return apply_text(a, value, "country");
}

static struct str time_alone(struct applying *a, struct json value)
{
    return apply_time(a);
}

/* Events that say more than that they happened. */
static const struct account_event {
    struct str event;
    const char *field;
    struct str (*value)(struct applying *a, struct json value);
} events[] = {
    {STR_INIT("ACCOUNT_RESTRICTION"), "restrictions", restrictions},
    {STR_INIT("ACCOUNT_VIOLATION"), "violation", violation},
    {STR_INIT("DISABLED_UPDATE"), "ban", ban},
    {STR_INIT("ACCOUNT_DELETED"), "deleted", time_alone},
    {STR_INIT("BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE"), "country", country},
};

/* "partner_added", of "PARTNER_ADDED". */
static struct str field_name(struct applying *a, struct str event)
{
    struct str name = arena_dup(a->arena, str_cut(event, INBOUND_FIELD_MAX));
    for (size_t i = 0; name.ptr && i < name.len; i++)
        if (name.ptr[i] >= 'A' && name.ptr[i] <= 'Z')
            ((char *)name.ptr)[i] += 'a' - 'A';
    return name;
}

/* An event of Meta's that is not known here is told all the same. */
enum err apply_account_update(struct applying *a, struct json value)
{
    struct str event = apply_text(a, value, "event");
    if (!event.len)
        return apply_not(a, "it names no event");
    struct str field = {NULL, 0}, fact = {NULL, 0};
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        if (!str_eq(event, events[i].event))
            continue;
        field = str_from(events[i].field);
        fact = events[i].value(a, value);
    }
    if (!field.ptr) {
        field = field_name(a, event);
        fact = time_alone(a, value);
    }
    enum err e = apply_fact(a, field, fact, event, STR(""), value);
    return e ? e : apply_hint(a);
}

enum err apply_account_review(struct applying *a, struct json value)
{
    struct str decision = apply_text(a, value, "decision");
    if (!decision.len)
        return apply_not(a, "it holds no decision");
    enum err e = apply_fact(a, STR("review"), decision, STR(""), STR(""), value);
    return e ? e : apply_hint(a);
}

/* "alert:OBA_APPROVED:100200300400500", "ACTIVE WARNING". Nothing that a question to Meta would
 * tell better. */
enum err apply_account_alert(struct applying *a, struct json value)
{
    struct json info = json_get(value, "alert_info");
    struct str type = apply_text(a, info, "alert_type");
    if (!type.len) /* as older payloads have it */
        info = value, type = apply_text(a, value, "alert_type");
    if (!type.len)
        return apply_not(a, "it names no alert");
    struct str entity = apply_text(a, value, "entity_id");
    struct str status = apply_text(a, info, "alert_status");
    struct str severity = apply_text(a, info, "alert_severity");
    struct str field = arena_printf(a->arena, "alert:%.*s:%.*s", STR_FMT(type), STR_FMT(entity));
    struct str fact = arena_printf(a->arena, "%.*s %.*s", STR_FMT(status), STR_FMT(severity));
    return apply_fact(a, field, fact, type, STR(""), value);
}
