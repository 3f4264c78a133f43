/* A form from outside: its Content-Type up to the first line end, its body behind it. What is taken
 * has clean names and parts that lie in the body in their order, none over another. */
#include "http/multipart.h"

static void check_text(struct str s)
{
    if (!str_is_utf8(s))
        abort();
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f)
            abort();
}

static void check_form(const struct http_multipart *form, struct str body)
{
    size_t at = 0;
    if (form->n > HTTP_PARTS_MAX)
        abort();
    for (size_t i = 0; i < form->n; i++) {
        const struct http_part *p = &form->parts[i];
        if (p->name.len == 0 || p->content.ptr != body.ptr + p->offset || p->offset < at ||
            p->content.len > body.len - p->offset || !http_multipart_find(form, p->name, NULL))
            abort();
        at = p->offset + p->content.len;
        check_text(p->name);
        check_text(p->filename);
        check_text(p->content_type);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = str_make((const char *)data, size);
    struct str type = str_split(&body, '\n');
    struct http_multipart form;
    struct arena arena;
    struct error error;
    arena_init(&arena, MIB);
    error_init(&error, &arena);
    enum err e = http_multipart_parse(type, body, &arena, &form, &error);
    if (e == ERR_OK)
        check_form(&form, body);
    else if (error.message.len == 0 || (e == ERR_INVALID_FORM && !error.details))
        abort();
    arena_release(&arena);
    return 0;
}
