#include "cli/payload.h"

#include "base/limits.h"
#include "cli/cli.h"

void payload_begin(struct payload *p)
{
    p->not_utf8 = NULL;
    buf_init(&p->text, CLI_PAYLOAD_MAX);
    if (!buf_reserve(&p->text, CLI_PAYLOAD_MAX))
        die("no memory for a request");
    json_writer_init(&p->w, &p->text);
    json_open(&p->w, '{');
}

void payload_str(struct payload *p, const char *key, struct str value)
{
    if (str_is_utf8(value))
        json_member_str(&p->w, key, value);
    else if (!p->not_utf8)
        p->not_utf8 = key;
}

void payload_bool(struct payload *p, const char *key, bool value)
{
    json_member_bool(&p->w, key, value);
}

void payload_i64(struct payload *p, const char *key, int64_t value)
{
    json_member_i64(&p->w, key, value);
}

void payload_list(struct payload *p, const char *key, struct str commas)
{
    if (str_eq(commas, STR("all"))) {
        payload_str(p, key, commas);
        return;
    }
    if (!str_is_utf8(commas)) {
        p->not_utf8 = key;
        return;
    }
    json_key(&p->w, key);
    json_open(&p->w, '[');
    while (commas.len) {
        struct str one = str_trim(str_split(&commas, ','));
        if (one.len)
            json_str(&p->w, one);
    }
    json_close(&p->w, ']');
}

void payload_texts(struct payload *p, const char *key, const struct str *values, size_t n)
{
    json_key(&p->w, key);
    json_open(&p->w, '[');
    for (size_t i = 0; i < n; i++) {
        if (str_is_utf8(values[i]))
            json_str(&p->w, values[i]);
        else
            p->not_utf8 = key;
    }
    json_close(&p->w, ']');
}

enum err payload_end(struct payload *p, struct str *ret, struct error *error)
{
    json_close(&p->w, '}');
    if (p->not_utf8)
        return error_set(error, ERR_USAGE, "the %s is not UTF-8 text; set a UTF-8 locale",
                         p->not_utf8);
    if (!buf_ok(&p->text))
        return error_set(error, ERR_USAGE, "what was given is longer than %d bytes",
                         CLI_PAYLOAD_MAX);
    *ret = buf_str(&p->text);
    return ERR_OK;
}

void payload_release(struct payload *p)
{
    buf_wipe(&p->text);
}
