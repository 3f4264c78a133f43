/* The events about a number (developer-api.md §8). Those of one number keep their order. */
#include "model/event.h"
#include "model/number.h"
#include "json/writer.h"

static void begin(struct json_writer *w, const struct number *n, struct str previous,
                  struct str current)
{
    json_open(w, '{');
    json_member_i64(w, "id", n->id);
    json_member_str(w, "phone_number_id", n->facts.phone_number_id);
    json_member_str(w, "phone_number", n->facts.phone_number);
    json_member_opt(w, "previous", previous);
    json_member_opt(w, "current", current);
}

/* What Meta calls its status, which says more than whether messages flow. */
static void add_status(struct json_writer *w, const struct number *old, const struct number *to)
{
    json_member_opt(w, "meta_previous", old->facts.meta_status);
    json_member_opt(w, "meta_current", to->facts.meta_status);
    json_key(w, "reasons");
    json_raw(w, to->facts.reasons.len ? to->facts.reasons : STR("[]"));
}

/* A name that was asked for may be refused: the name stays, and the decision is what is new. */
static void add_name(struct json_writer *w, const struct number *old, const struct number *to)
{
    json_member_opt(w, "name_status", to->facts.name_status);
    json_member_opt(w, "decision", to->name_decision);
    json_member_opt(w, "requested_name", to->requested_name);
    json_member_opt(w, "reason", to->name_rejection);
}

static void add_nothing(struct json_writer *w, const struct number *old, const struct number *to)
{
}

static enum err emit(struct tx *tx, const char *name, const struct number *old,
                     const struct number *to, struct str previous, struct str current,
                     void (*add)(struct json_writer *, const struct number *,
                                 const struct number *),
                     const struct change_cause *cause)
{
    char key[64];
    snprintf(key, sizeof(key), "number:%lld", (long long)to->id);
    _cleanup_(buf_release)
    struct buf data;
    struct json_writer w;
    buf_init(&data, EVENT_MAX);
    json_writer_init(&w, &data);
    begin(&w, to, previous, current);
    add(&w, old, to);
    json_member_cstr(&w, "source", cause->source);
    json_member_time(&w, "at", cause->now);
    json_close(&w, '}');
    if (!buf_ok(&data))
        return ERR_NO_MEMORY;
    const struct new_event event = {.workspace_id = to->workspace_id,
                                    .name = name,
                                    .order_key = str_from(key),
                                    .data = buf_str(&data),
                                    .now = cause->now};
    return event_emit(tx, &event);
}

static bool is_status_new(const struct number *old, const struct number *to)
{
    return !str_eq(old->status, to->status) ||
           !str_eq(old->facts.meta_status, to->facts.meta_status);
}

static bool is_name_new(const struct number *old, const struct number *to)
{
    return !str_eq(old->facts.verified_name, to->facts.verified_name) ||
           !str_eq(old->facts.name_status, to->facts.name_status) ||
           !str_eq(old->name_decision, to->name_decision) ||
           !str_eq(old->requested_name, to->requested_name);
}

enum err number_tell(struct tx *tx, const struct number *old, const struct number *to,
                     const struct change_cause *cause)
{
    const struct number_facts *was = &old->facts, *is = &to->facts;
    enum err e = ERR_OK;
    if (!str_eq(was->quality_rating, is->quality_rating))
        e = emit(tx, "number.quality.updated", old, to, was->quality_rating, is->quality_rating,
                 add_nothing, cause);
    if (!e && is_status_new(old, to))
        e = emit(tx, "number.status.updated", old, to, old->status, to->status, add_status, cause);
    if (!e && is_name_new(old, to))
        e = emit(tx, "number.name.updated", old, to, was->verified_name, is->verified_name,
                 add_name, cause);
    if (!e && !str_eq(was->messaging_limit, is->messaging_limit))
        e = emit(tx, "number.limit.updated", old, to, was->messaging_limit, is->messaging_limit,
                 add_nothing, cause);
    return e;
}
