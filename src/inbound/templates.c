/* Fields about templates (meta-graph.md §6.5). */
#include "inbound/apply.h"
#include "model/template.h"

/* Meta's languages have an underscore; some of its webhooks write a dash. */
static struct str language_of(struct applying *a, struct json value)
{
    struct str language = arena_dup(a->arena, apply_text(a, value, "message_template_language"));
    for (size_t i = 0; language.ptr && i < language.len; i++)
        if (language.ptr[i] == '-')
            ((char *)language.ptr)[i] = '_';
    return language.ptr ? language : STR("");
}

static struct template_facts begin(struct applying *a, struct json value)
{
    return (struct template_facts){
        .meta_id = json_as_id(json_get(value, "message_template_id"), a->arena),
        .name = apply_text(a, value, "message_template_name"),
        .language = language_of(a, value),
    };
}

static enum err apply(struct applying *a, const struct template_facts *f)
{
    bool changed;
    if (!f->meta_id.len)
        return apply_not(a, "it names no template");
    enum err e = template_apply(a->tx, &a->account, f, &a->cause, &changed);
    a->changed = a->changed || (!e && changed);
    return e;
}

/* What an event makes of the status; the others are their own names (meta-graph.md §3.2), the
 * warnings FLAGGED and LOCKED among them. */
static struct str status_of(struct str event)
{
    if (str_eq(event, STR("REINSTATED")) || str_eq(event, STR("UNARCHIVED")))
        return STR("APPROVED");
    return event;
}

/* "NONE" is none. */
static struct str reason_of(struct applying *a, struct json value)
{
    struct str reason = apply_text(a, value, "reason");
    if (reason.len && !str_eq(reason, STR("NONE")))
        return reason;
    return apply_text(a, json_get(value, "other_info"), "title");
}

/* How many are approved is part of what is known of every number of the account. */
enum err apply_template_status(struct applying *a, struct json value)
{
    struct template_facts f = begin(a, value);
    struct str event = apply_text(a, value, "event");
    if (!event.len)
        return apply_not(a, "it names no event");
    f.status = status_of(event);
    f.reason = reason_of(a, value);
    f.first_category = apply_text(a, value, "message_template_category");
    enum err e = apply(a, &f);
    return e || a->reason ? e : apply_hint(a);
}

enum err apply_template_quality(struct applying *a, struct json value)
{
    struct template_facts f = begin(a, value);
    f.quality = apply_text(a, value, "new_quality_score");
    f.previous = apply_text(a, value, "previous_quality_score");
    return f.quality.len ? apply(a, &f) : apply_not(a, "it holds no quality");
}

enum err apply_template_category(struct applying *a, struct json value)
{
    struct template_facts f = begin(a, value);
    f.category = apply_text(a, value, "new_category");
    f.previous = apply_text(a, value, "previous_category");
    return f.category.len ? apply(a, &f) : apply_not(a, "it holds no category");
}

enum err apply_template_components(struct applying *a, struct json value)
{
    struct template_facts f = begin(a, value);
    if (!f.meta_id.len)
        return apply_not(a, "it names no template");
    f.components = json_text(value, a->arena);
    if (f.components.ptr && f.components.len > META_DETAILS_MAX)
        return apply_not(a, "its components are larger than any that Meta takes");
    return f.components.ptr ? apply(a, &f) : ERR_NO_MEMORY;
}
