#include "cli/sse.h"

#include "base/limits.h"

#define BYTE_ORDER_MARK STR("\xEF\xBB\xBF")

void sse_init(struct sse *s, size_t max)
{
    *s = (struct sse){.retry_ms = -1};
    buf_init(&s->line, max);
    buf_init(&s->data, max);
    buf_init(&s->name, SSE_NAME_MAX);
    buf_init(&s->id, SSE_NAME_MAX);
    buf_init(&s->last_id, SSE_NAME_MAX);
}

void sse_release(struct sse *s)
{
    buf_release(&s->line);
    buf_release(&s->data);
    buf_release(&s->name);
    buf_release(&s->id);
    buf_release(&s->last_id);
}

static void set(struct buf *b, struct str text)
{
    buf_clear(b);
    buf_add(b, text);
}

void sse_resume(struct sse *s, struct str id)
{
    set(&s->id, id);
    set(&s->last_id, id);
}

void sse_begin(struct sse *s)
{
    buf_clear(&s->line);
    buf_clear(&s->data);
    buf_clear(&s->name);
    set(&s->id, buf_str(&s->last_id));
    s->begun = s->after_cr = false;
}

/* The blank line behind an event. One without data tells nobody anything but its id. */
static enum err end_event(struct sse *s, sse_handler *handle, void *arg)
{
    struct str data = buf_str(&s->data), name = buf_str(&s->name);
    set(&s->last_id, buf_str(&s->id));
    bool goes_on = true;
    if (data.len) {
        const struct sse_event event = {
            .id = buf_str(&s->last_id),
            .name = name.len ? name : STR("message"),
            .data = str_make(data.ptr, data.len - 1),
        };
        goes_on = handle(arg, &event);
    }
    buf_clear(&s->data);
    buf_clear(&s->name);
    return goes_on ? ERR_OK : ERR_CLOSED;
}

/* What is no number of milliseconds is ignored. */
static void read_retry(struct sse *s, struct str value)
{
    int64_t ms;
    while (value.len > 1 && value.ptr[0] == '0')
        value = str_skip(value, 1);
    if (str_is_digits(value) && str_to_i64(value, &ms))
        s->retry_ms = ms;
}

static enum err read_field(struct sse *s, struct str line)
{
    struct str value = line, name = str_split(&value, ':');
    if (str_starts(value, STR(" ")))
        value = str_skip(value, 1);
    if (str_eq(name, STR("data"))) {
        buf_add(&s->data, value);
        buf_add_char(&s->data, '\n');
    } else if (str_eq(name, STR("event"))) {
        set(&s->name, value);
    } else if (str_eq(name, STR("id")) && str_find(value, '\0') == value.len) {
        set(&s->id, value);
    } else if (str_eq(name, STR("retry"))) {
        read_retry(s, value);
    }
    return buf_ok(&s->data) && buf_ok(&s->name) && buf_ok(&s->id) ? ERR_OK : ERR_LIMIT;
}

static enum err end_line(struct sse *s, sse_handler *handle, void *arg)
{
    struct str line = buf_str(&s->line);
    if (!s->begun && str_starts(line, BYTE_ORDER_MARK))
        line = str_skip(line, BYTE_ORDER_MARK.len);
    s->begun = true;
    if (!str_is_utf8(line))
        return ERR_PARSE;
    enum err e = ERR_OK;
    if (!line.len)
        e = end_event(s, handle, arg);
    else if (line.ptr[0] != ':') /* a comment: it shows that the stream lives */
        e = read_field(s, line);
    buf_clear(&s->line);
    return e;
}

enum err sse_feed(struct sse *s, struct str bytes, sse_handler *handle, void *arg)
{
    while (bytes.len) {
        if (s->after_cr && bytes.ptr[0] == '\n')
            bytes = str_skip(bytes, 1);
        s->after_cr = false;
        size_t len = MIN(str_find(bytes, '\n'), str_find(bytes, '\r'));
        buf_add(&s->line, str_make(bytes.ptr, len));
        if (!buf_ok(&s->line))
            return ERR_LIMIT;
        bytes = str_skip(bytes, len);
        if (!bytes.len)
            break;
        s->after_cr = bytes.ptr[0] == '\r';
        bytes = str_skip(bytes, 1);
        enum err e = end_line(s, handle, arg);
        if (e)
            return e;
    }
    return ERR_OK;
}
