#include "api/call.h"
#include "crypto/base64.h"

void call_begin(struct call *call)
{
    json_open(&call->out, '{');
    json_member_bool(&call->out, "status", true);
    json_key(&call->out, "data");
}

void call_begin_message(struct call *call, const char *message)
{
    json_open(&call->out, '{');
    json_member_bool(&call->out, "status", true);
    json_member_cstr(&call->out, "message", message);
    json_key(&call->out, "data");
}

void call_end(struct call *call)
{
    json_close(&call->out, '}');
}

enum err call_expect_no_fields(struct call *call)
{
    struct body b;
    if (call->request->body.len == 0)
        return ERR_OK;
    enum err e = body_begin(&b, call->request->body, call->arena, &call->error);
    return e ? e : body_end(&b);
}

void call_start(struct call *call)
{
    error_init(&call->error, call->arena);
    buf_clear(&call->reply);
    json_writer_init(&call->out, &call->reply);
    call->status = 200;
    call->outcome = ERR_OK;
    call->changes_directory = false;
    call->blank_len = 0;
    call->once.stage = ONCE_NEW;
    call->once.replayed = false;
}

static bool is_name(struct str s)
{
    bool visible = false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool c1 = c == 0xC2 && (unsigned char)s.ptr[i + 1] < 0xA0; /* U+0080 to U+009F */
        if (c < ' ' || c == 0x7F || c1)
            return false;
        visible = visible || c != ' ';
    }
    return visible;
}

struct str call_read_name(struct body *b, const char *key, bool required)
{
    struct str name = body_text(b, key, 1, NAME_MAX_POINTS, required);
    if (name.len && !is_name(name))
        body_complain(b, key, "must be text that can be seen, without control characters");
    return name;
}

enum err call_member_base64(struct call *call, const char *key, struct str bytes)
{
    char *text = arena_alloc(call->arena, BASE64_SIZE(bytes.len));
    if (!text)
        return ERR_NO_MEMORY;
    base64_encode((const unsigned char *)bytes.ptr, bytes.len, text);
    json_member_str(&call->out, key, str_from(text));
    return ERR_OK;
}

struct str call_param(const struct call *call, size_t n)
{
    return call->match.params[call->first_param + n];
}

enum err call_query_wrong(struct call *call, const char *name, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str problem = arena_vprintf(call->arena, fmt, args);
    va_end(args);
    error_detail(&call->error, name, "%.*s", STR_FMT(problem));
    return error_set(&call->error, ERR_VALIDATION, "The query is not valid");
}

enum err call_query(struct call *call, const char *name, struct str *ret)
{
    *ret = STR("");
    if (call->request->query.len == 0)
        return ERR_OK;
    enum err e = http_query_get(call->request->query, name, call->arena, ret);
    return e == ERR_BAD_REQUEST ? call_query_wrong(call, name, "is not valid percent-encoded UTF-8")
                                : e;
}

static enum err read_number(struct call *call, const char *name, int64_t fallback, int64_t max,
                            int64_t *ret)
{
    struct str text;
    enum err e = call_query(call, name, &text);
    *ret = fallback;
    if (e || text.len == 0)
        return e;
    if (str_to_i64(text, ret) && *ret >= 1 && *ret <= max)
        return ERR_OK;
    return call_query_wrong(call, name, "must be a whole number from 1 to %lld", (long long)max);
}

enum err call_page(struct call *call, struct page *ret)
{
    struct page page;
    enum err number = read_number(call, "page", 1, PAGE_MAX, &page.number);
    enum err limit = read_number(call, "limit", PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX, &page.limit);
    if (number || limit)
        return number ? number : limit;
    page.offset = (page.number - 1) * page.limit;
    *ret = page;
    return ERR_OK;
}

enum err call_older(struct call *call, int64_t max, struct older *ret)
{
    enum err before = read_number(call, "before", 0, INT64_MAX, &ret->before);
    enum err limit = read_number(call, "limit", PAGE_LIMIT_DEFAULT, max, &ret->limit);
    return before ? before : limit;
}

void call_end_page(struct call *call, const struct page *page, int64_t total)
{
    struct json_writer *w = &call->out;
    json_key(w, "meta");
    json_open(w, '{');
    json_member_i64(w, "current_page", page->number);
    json_member_i64(w, "per_page", page->limit);
    json_member_i64(w, "total", total);
    json_member_i64(w, "last_page", MAX((total + page->limit - 1) / page->limit, (int64_t)1));
    json_close(w, '}');
    json_close(w, '}');
}
