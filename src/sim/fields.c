#include "sim/fields.h"

#include "base/limits.h"

struct parser {
    struct str text;
    size_t at;
    struct arena *arena;
    struct error *error;
};

static void skip_blanks(struct parser *p)
{
    while (p->at < p->text.len && memchr(" \t\r\n", p->text.ptr[p->at], 4))
        p->at++;
}

/* The next character that is no blank; 0 at the end. */
static char peek(struct parser *p)
{
    skip_blanks(p);
    return p->at < p->text.len ? p->text.ptr[p->at] : '\0';
}

static enum err complain(const struct parser *p, const char *what)
{
    struct str rest = str_skip(p->text, p->at);
    return error_set(p->error, ERR_PARSE, "Syntax error \"%s\" at character %zu: %.*s", what, p->at,
                     STR_FMT(rest));
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static struct str take_name(struct parser *p)
{
    size_t begin = p->at;
    while (p->at < p->text.len && is_name_char(p->text.ptr[p->at]))
        p->at++;
    return str_make(p->text.ptr + begin, p->at - begin);
}

static bool is_selected(const struct sim_selection *s, struct str name)
{
    while (s && !str_eq(s->name, name))
        s = s->next;
    return s != NULL;
}

static enum err parse_list(struct parser *p, int depth, struct sim_selection **ret);

static enum err parse_inner(struct parser *p, int depth, struct sim_selection *of)
{
    if (depth == SIM_SELECTION_DEPTH)
        return complain(p, "Fields are nested too deeply.");
    p->at++;
    enum err e = parse_list(p, depth + 1, &of->inner);
    if (e != ERR_OK)
        return e;
    if (peek(p) != '}')
        return complain(p, "Expected \"}\".");
    p->at++;
    return ERR_OK;
}

static enum err parse_list(struct parser *p, int depth, struct sim_selection **ret)
{
    struct sim_selection *first = NULL, **end = &first;
    for (;;) {
        skip_blanks(p);
        struct str name = take_name(p);
        if (name.len == 0)
            return complain(p, "Expected name.");
        if (is_selected(first, name))
            return complain(p,
                            "Field name specified more than once. This is only possible before "
                            "version 2.1");
        struct sim_selection *s = ARENA_NEW(p->arena, struct sim_selection);
        if (!s)
            return error_set(p->error, ERR_NO_MEMORY, "too many fields");
        s->name = name;
        *end = s;
        end = &s->next;
        if (peek(p) == '{') {
            enum err e = parse_inner(p, depth, s);
            if (e != ERR_OK)
                return e;
        }
        if (peek(p) != ',')
            break;
        p->at++;
    }
    *ret = first;
    return ERR_OK;
}

enum err sim_selection_parse(struct str text, struct arena *arena, struct sim_selection **ret,
                             struct error *error)
{
    struct parser p = {.text = text, .arena = arena, .error = error};
    struct sim_selection *first = NULL;
    skip_blanks(&p);
    if (p.at < text.len) {
        enum err e = parse_list(&p, 0, &first);
        if (e != ERR_OK)
            return e;
        if (p.at < text.len)
            return complain(&p, "Expected end of string.");
    }
    *ret = first;
    return ERR_OK;
}
