#include "graph/number.h"

#include "base/limits.h"
#include "graph/answer.h"

/* meta-graph.md §1. The needed ones are what a number is to our own clients: without its status,
 * say, a number would be shown as disconnected, which would be a lie; a sync that fails and says
 * why is better. The others only tell about health. */
static const struct {
    const char *name;
    bool needed;
} fields[] = {
    {"id", true},
    {"display_phone_number", true},
    {"verified_name", true},
    {"quality_rating", true},
    {"status", true},
    {"name_status", false}, /* in beta for some apps */
    {"code_verification_status", false},
    {"platform_type", false},
    {"throughput", false},
    {"whatsapp_business_manager_messaging_limit", false}, /* from v24.0 on */
    {"messaging_limit_tier", false},                      /* deprecated by the one above */
    {"is_official_business_account", false},
    {"health_status", false},
};

void graph_number_fields(uint32_t dropped, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (!(dropped & (UINT32_C(1) << i)))
            buf_printf(out, "%s%s", i ? "," : "", fields[i].name);
    }
}

/* "(#100) Tried accessing nonexisting field (foo) on node type (Bar)": foo; else empty. */
static struct str refused_field(struct str message)
{
    const struct str before = STR("nonexisting field (");
    const char *at = message.len ? memmem(message.ptr, message.len, before.ptr, before.len) : NULL;
    if (!at)
        return STR("");
    struct str rest = str_skip(message, (size_t)(at - message.ptr) + before.len);
    size_t end = str_find(rest, ')');
    return end < rest.len ? str_make(rest.ptr, end) : STR("");
}

bool graph_number_drop_field(const struct graph_answer *refusal, uint32_t *dropped)
{
    if (refusal->outcome != GRAPH_REFUSED || refusal->code != 100)
        return false;
    struct str name = refused_field(refusal->message);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        uint32_t bit = UINT32_C(1) << i;
        if (fields[i].needed || (*dropped & bit) || !str_eq(name, str_from(fields[i].name)))
            continue;
        *dropped |= bit;
        return true;
    }
    return false;
}

static struct str text_of(struct json object, const char *key, struct arena *arena)
{
    return graph_text(json_as_str(json_get(object, key), STR("")), NULL, arena);
}

/* --- health_status (meta-graph.md §2) ----------------------------------------------------- */

struct reasons {
    struct graph_reason **end;
    size_t n;
    struct arena *arena;
};

static void add_reason(struct reasons *list, int64_t code, struct str message, struct str solution)
{
    if ((!code && !message.len) || list->n == GRAPH_REASONS_MAX)
        return;
    struct graph_reason *reason = ARENA_NEW(list->arena, struct graph_reason);
    if (!reason)
        return;
    *reason = (struct graph_reason){.code = code, .message = message, .solution = solution};
    *list->end = reason;
    list->end = &reason->next;
    list->n++;
}

static void add_reasons(struct reasons *list, struct json entity)
{
    json_for_each (error, json_get(entity, "errors"))
        add_reason(list, json_as_i64(json_get(error, "error_code"), 0),
                   text_of(error, "error_description", list->arena),
                   text_of(error, "possible_solution", list->arena));
    json_for_each (info, json_get(entity, "additional_info"))
        add_reason(list, 0, graph_text(json_as_str(info, STR("")), NULL, list->arena), STR(""));
}

static void read_health(struct json health, struct graph_number *n, struct arena *arena)
{
    struct reasons list = {.end = &n->reasons, .arena = arena};
    n->can_send_message = text_of(health, "can_send_message", arena);
    json_for_each (entity, json_get(health, "entities"))
        add_reasons(&list, entity);
}

struct graph_number *graph_number_read(struct json item, struct arena *arena,
                                       const char **ret_wrong)
{
    struct graph_number *n = ARENA_NEW(arena, struct graph_number);
    if (!n) {
        *ret_wrong = "the list does not fit into memory";
        return NULL;
    }
    n->id = arena_dup(arena, json_as_id(json_get(item, "id"), arena)); /* out of the document */
    if (!n->id.len) {
        *ret_wrong = "an object with an \"id\" of digits was expected";
        return NULL;
    }
    n->display_phone_number = text_of(item, "display_phone_number", arena);
    n->verified_name = text_of(item, "verified_name", arena);
    n->quality_rating = text_of(item, "quality_rating", arena);
    n->status = text_of(item, "status", arena);
    n->name_status = text_of(item, "name_status", arena);
    n->code_verification_status = text_of(item, "code_verification_status", arena);
    n->platform_type = text_of(item, "platform_type", arena);
    n->throughput = text_of(json_get(item, "throughput"), "level", arena);
    n->messaging_limit = text_of(item, "whatsapp_business_manager_messaging_limit", arena);
    if (!n->messaging_limit.len)
        n->messaging_limit = text_of(item, "messaging_limit_tier", arena);
    n->is_official_business_account =
        json_as_bool(json_get(item, "is_official_business_account"), false);
    read_health(json_get(item, "health_status"), n, arena);
    return n;
}
