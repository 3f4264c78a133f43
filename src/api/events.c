/* GET /events: what happens in the workspace, as it happens. */
#include "api/handlers.h"
#include "api/streams.h"

/* Before all events: who was told of it has seen none, and misses none. */
#define NO_EVENT "evt_000000000000000000000000"
_Static_assert(sizeof(NO_EVENT) - 1 == EVENT_ID_LEN, "it is the id of an event");

/* --- what is asked for --------------------------------------------------------------------- */

/* Whatever happens in the workspace goes there. */
static enum err check_permitted(struct call *call)
{
    if (call->caller.permissions->all_numbers)
        return ERR_OK;
    return error_set(&call->error, ERR_PERMISSION_DENIED,
                     "This client is limited to some numbers, and the stream tells of all");
}

static bool is_event_id(struct str s)
{
    if (s.len != EVENT_ID_LEN || !str_starts(s, STR("evt_")))
        return false;
    for (size_t i = strlen("evt_"); i < s.len; i++)
        if (!(s.ptr[i] >= 'a' && s.ptr[i] <= 'z') && !(s.ptr[i] >= '0' && s.ptr[i] <= '9'))
            return false;
    return true;
}

/* The header wins: a browser repeats the address, and knows better where it was. */
static enum err read_last_id(struct call *call, struct stream_wish *wish)
{
    bool twice = false;
    struct str id = http_header_get(call->request, STR("Last-Event-ID"), &twice);
    enum err e = ERR_OK;
    if (!id.len)
        e = call_query(call, "last_event_id", &id);
    if (e || (!id.len && !twice))
        return e;
    if (twice || !is_event_id(id)) {
        error_detail(&call->error, "last_event_id",
                     "must be the id of one event, such as " NO_EVENT
                     "; leave it out to begin with what happens from now on");
        return error_set(&call->error, ERR_VALIDATION, "The id of the last event is not valid");
    }
    memcpy(wish->last_id, id.ptr, id.len);
    wish->resumes = true;
    return ERR_OK;
}

static enum err read_names(struct call *call, struct stream_wish *wish)
{
    struct str names;
    enum err e = call_query(call, "events", &names);
    wish->wanted = names.len ? 0 : UINT64_MAX;
    while (!e && names.len) {
        struct str name = str_split(&names, ',');
        int index = event_index(name);
        if (str_eq(name, STR("*"))) {
            wish->wanted = UINT64_MAX;
        } else if (index >= 0) {
            wish->wanted |= UINT64_C(1) << index;
        } else {
            error_detail(&call->error, "events",
                         "holds \"%.*s\", which is no event; write names with commas between",
                         STR_FMT(name));
            e = error_set(&call->error, ERR_VALIDATION, "The query is not valid");
        }
    }
    return e;
}

enum err events_check(struct call *call)
{
    struct stream_wish *wish = ARENA_NEW(call->arena, struct stream_wish);
    if (!wish)
        return ERR_NO_MEMORY;
    call->input = wish;
    enum err e = check_permitted(call);
    if (e)
        return e;
    e = read_last_id(call, wish);
    enum err names = read_names(call, wish);
    return e ? e : names;
}

/* --- where it begins ----------------------------------------------------------------------- */

static enum err find_last(struct call *call, struct stream_wish *wish)
{
    enum err e = event_last(call->tx, call->caller.workspace_id, wish->last_id, &wish->after);
    if (e == ERR_NOT_FOUND) {
        memcpy(wish->last_id, NO_EVENT, EVENT_ID_LEN);
        wish->after = 0;
        e = ERR_OK;
    }
    return e;
}

enum err events_find(struct call *call)
{
    struct stream_wish *wish = call->input;
    struct str id = str_make(wish->last_id, EVENT_ID_LEN);
    bool whole = false;
    wish->after = 0;
    if (!wish->resumes)
        return find_last(call, wish);
    if (str_eq(id, STR(NO_EVENT)))
        return ERR_OK;
    enum err e = event_find(call->tx, call->caller.workspace_id, id, &wish->after, &whole);
    if (e != ERR_NOT_FOUND && (e || whole))
        return e;
    return error_set(&call->error, ERR_CONFLICT,
                     "This event, or what came behind it, is not on record, or not any more, so "
                     "nobody knows what you missed: begin without Last-Event-ID, and look at your "
                     "numbers; what your webhooks were to have is in their deliveries");
}
