#include "cli/call.h"

/* Words of these need no quotes. */
static bool is_plain(struct str word)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        "@%+=:,./_-";
    for (size_t i = 0; i < word.len; i++)
        if (!memchr(plain, word.ptr[i], sizeof(plain) - 1))
            return false;
    return word.len > 0;
}

void shell_quote(struct str word, struct buf *out)
{
    if (is_plain(word)) {
        buf_add(out, word);
        return;
    }
    buf_add_char(out, '\'');
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] == '\'')
            buf_add(out, STR("'\\''"));
        else
            buf_add_char(out, word.ptr[i]);
    }
    buf_add_char(out, '\'');
}

static void add_words(struct buf *out, const char *option, const char *value)
{
    buf_printf(out, " %s ", option);
    shell_quote(str_from(value), out);
}

static void add_method(const char *method, bool has_body, struct buf *out)
{
    if (strcmp(method, "HEAD") == 0)
        buf_add(out, STR(" --head"));
    else if (strcmp(method, has_body ? "POST" : "GET") != 0)
        add_words(out, "-X", method);
}

static void add_body(const struct call_request *call, struct buf *out)
{
    if (call->body_file) {
        buf_add(out, STR(" --data-binary "));
        struct str path = str_from(call->body_file);
        buf_add_char(out, '@');
        shell_quote(path, out);
    } else {
        /* Unlike -d, takes a leading '@' as it is. */
        buf_add(out, STR(" --data-raw "));
        shell_quote(call->body, out);
    }
}

/* --globoff and --path-as-is: the path goes out as it was signed, brackets and dots included. */
void call_write_curl(const struct call_request *call, struct buf *out)
{
    buf_add(out, STR("curl -sS"));
    if (strpbrk(call->url, "[]{}"))
        buf_add(out, STR(" --globoff"));
    if (strstr(call->url, "/."))
        buf_add(out, STR(" --path-as-is"));
    add_method(call->method, call->has_body, out);
    for (size_t i = 0; i < call->n_headers; i++)
        add_words(out, "-H", call->headers[i]);
    if (call->has_body)
        add_body(call, out);
    buf_add_char(out, ' ');
    shell_quote(str_from(call->url), out);
    buf_add_char(out, '\n');
}
