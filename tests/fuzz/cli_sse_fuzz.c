/* A stream of Server-Sent Events. However it is cut, the same comes out of it; that is UTF-8, and
 * no larger than it may be. */
#include "cli/sse.h"

#include "base/limits.h"

#define MAX_BYTES 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool note(void *arg, const struct sse_event *event)
{
    if (!str_is_utf8(event->id) || !str_is_utf8(event->name) || !str_is_utf8(event->data))
        die("text that is none");
    if (!event->name.len || event->data.len >= MAX_BYTES)
        die("an event that cannot be");
    if (str_find(event->id, '\0') < event->id.len || str_find(event->id, '\n') < event->id.len ||
        str_find(event->id, '\r') < event->id.len)
        die("an id that cannot stand in a header");
    buf_printf(arg, "%zu %zu %zu ", event->id.len, event->name.len, event->data.len);
    buf_add(arg, event->id);
    buf_add(arg, event->name);
    buf_add(arg, event->data);
    return true;
}

/* In pieces of `step` bytes, up to what it is refused for. */
static enum err read_all(struct str all, size_t step, struct sse *sse, struct buf *out)
{
    enum err e = ERR_OK;
    for (size_t at = 0; !e && at < all.len; at += step)
        e = sse_feed(sse, str_make(all.ptr + at, MIN(step, all.len - at)), note, out);
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str all = str_make((const char *)data, size);
    struct sse whole, cut;
    struct buf out, again;
    sse_init(&whole, MAX_BYTES);
    buf_init(&out, 64 * MIB);
    enum err e = read_all(all, MAX(size, (size_t)1), &whole, &out);
    for (size_t step = 1; step <= 3; step++) {
        sse_init(&cut, MAX_BYTES);
        buf_init(&again, 64 * MIB);
        if (read_all(all, step, &cut, &again) != e || !str_eq(buf_str(&out), buf_str(&again)) ||
            whole.retry_ms != cut.retry_ms ||
            !str_eq(buf_str(&whole.last_id), buf_str(&cut.last_id)))
            die("it depends on where it is cut");
        sse_release(&cut);
        buf_release(&again);
    }
    sse_begin(&whole);
    if (!e && sse_feed(&whole, STR("data: on\n\n"), note, &out))
        die("no new connection");
    sse_release(&whole);
    buf_release(&out);
    return 0;
}
