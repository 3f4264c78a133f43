#include "cli/args.h"

#include "base/limits.h"
#include "base/nearest.h"

/* Where the reading stands. */
struct parser {
    struct args *args;
    char **argv;
    int argc, at;
    bool only_operands; /* behind "--" */
    struct str words;   /* of the command, so far */
    struct arena *arena;
    struct error *error;
};

/* --- commands ----------------------------------------------------------------------------- */

static enum err unknown_command(struct parser *p, struct str word)
{
    struct nearest nearest;
    nearest_init(&nearest, word);
    const struct command *c;
    for (size_t i = 0; (c = command_at(i)); i++) {
        if (p->words.len && command_in_group(c, p->words))
            nearest_offer(&nearest, c->path + p->words.len + 1);
        if (!p->words.len) {
            struct str rest = str_from(c->path);
            struct str first = str_split(&rest, ' ');
            nearest_offer(&nearest, rest.len ? arena_cstr(p->arena, first) : c->path);
        }
    }
    const char *blank = p->words.len ? " " : "";
    if (nearest.best)
        return error_set(
            p->error, ERR_USAGE, "there is no command \"%.*s%s%.*s\"; did you mean \"%.*s%s%s\"?",
            STR_FMT(p->words), blank, STR_FMT(word), STR_FMT(p->words), blank, nearest.best);
    return error_set(p->error, ERR_USAGE, "there is no command \"%.*s%s%.*s\"", STR_FMT(p->words),
                     blank, STR_FMT(word));
}

static enum err take_command_word(struct parser *p, struct str word)
{
    struct str path = word;
    if (p->words.len)
        path = arena_printf(p->arena, "%.*s %.*s", STR_FMT(p->words), STR_FMT(word));
    p->args->command = command_find(path);
    if (p->args->command)
        return ERR_OK;
    if (p->words.len || !command_is_group(word))
        return unknown_command(p, word);
    p->words = p->args->group = word;
    return ERR_OK;
}

static void join_subcommand(struct buf *list, const struct command *c, size_t group_len)
{
    if (list->len)
        buf_add(list, STR(", "));
    buf_add(list, str_from(c->path + group_len + 1));
}

static enum err missing_command(struct parser *p)
{
    if (!p->words.len)
        return error_set(p->error, ERR_USAGE, "a command is missing");
    _cleanup_(buf_release)
    struct buf list;
    buf_init(&list, CLI_LINE_MAX);
    for (size_t i = 0; command_at(i); i++)
        if (command_in_group(command_at(i), p->words))
            join_subcommand(&list, command_at(i), p->words.len);
    return error_set(p->error, ERR_USAGE, "what about \"%.*s\"? say one of: %.*s",
                     STR_FMT(p->words), STR_FMT(buf_str(&list)));
}

/* --- options ------------------------------------------------------------------------------ */

static bool option_matches(const struct option *o, struct str name, char letter)
{
    return letter ? o->letter == letter : str_eq(str_from(o->name), name);
}

/* By its name, or by its letter when that is not 0. */
static const struct option *find_option(const struct args *args, struct str name, char letter)
{
    const struct command *c = args->command;
    for (const struct option *o = c ? c->options : NULL; o && o->name; o++)
        if (option_matches(o, name, letter))
            return o;
    if (c && (c->flags & COMMAND_JSON) && option_matches(&json_option, name, letter))
        return &json_option;
    for (const struct option *o = global_options; o->name; o++)
        if (option_matches(o, name, letter))
            return o;
    return NULL;
}

static const struct setting *find_setting(const struct args *args, struct str name)
{
    size_t n;
    const struct setting *settings = command_settings(args->command, &n);
    for (size_t i = 0; i < n; i++)
        if (str_eq(str_from(settings[i].name), name))
            return &settings[i];
    return NULL;
}

static void offer_option(void *nearest, const struct option *option)
{
    nearest_offer(nearest, option->name);
}

static enum err unknown_option(struct parser *p, struct str name)
{
    const struct command *c = p->args->command;
    struct nearest nearest;
    nearest_init(&nearest, name);
    if (c)
        command_each_option(c, offer_option, &nearest);
    size_t n;
    const struct setting *settings = command_settings(c, &n);
    for (size_t i = 0; i < n; i++)
        nearest_offer(&nearest, settings[i].name);
    if (!c)
        for (const struct option *o = global_options; o->name; o++)
            nearest_offer(&nearest, o->name);
    if (nearest.best)
        return error_set(p->error, ERR_USAGE, "there is no option --%.*s; did you mean --%s?",
                         STR_FMT(name), nearest.best);
    return error_set(p->error, ERR_USAGE, "there is no option --%.*s%s", STR_FMT(name),
                     c ? "" : " before a command");
}

/* The value behind '=' (or behind the letter), else the next word. */
static enum err take_value(struct parser *p, const char *name, const char *attached,
                           const char **ret)
{
    if (attached) {
        *ret = attached;
        return ERR_OK;
    }
    const char *next = p->at < p->argc ? p->argv[p->at] : NULL;
    if (!next || str_starts(str_from(next), STR("--")))
        return error_set(p->error, ERR_USAGE, "--%s needs a value: --%s=VALUE", name, name);
    p->at++;
    *ret = next;
    return ERR_OK;
}

static void keep(struct parser *p, struct arg arg)
{
    p->args->given[p->args->n_given++] = arg;
}

/* A switch stands alone, or has its value behind '=', or as the next word: "--compression false".
 */
static const char *switch_value(struct parser *p, const char *attached)
{
    if (attached)
        return attached;
    struct str next = p->at < p->argc ? str_from(p->argv[p->at]) : STR("");
    if (str_eq(next, STR("true")) || str_eq(next, STR("false")))
        return p->argv[p->at++];
    return "true";
}

static enum err take_setting(struct parser *p, const struct setting *s, const char *attached)
{
    if (s->secret)
        return error_set(p->error, ERR_USAGE,
                         "--%s is a secret, and a command line is there for all to read; set it by "
                         "its variable or in the configuration file",
                         s->name);
    const char *value = NULL;
    enum err e = ERR_OK;
    if (s->kind == SETTING_SWITCH)
        value = switch_value(p, attached);
    else
        e = take_value(p, s->name, attached, &value);
    if (e)
        return e;
    if (s->holds_secret && s->holds_secret(str_from(value)))
        return error_set(p->error, ERR_USAGE,
                         "--%s holds a password, and a command line is there for all to read; set "
                         "it by its variable or in the configuration file, or put the password "
                         "into a file of its own: --%s-password-file",
                         s->name, s->name);
    keep(p, (struct arg){.setting = s, .value = value});
    return ERR_OK;
}

static bool is_given(const struct args *args, const struct option *o)
{
    for (size_t i = 0; i < args->n_given; i++)
        if (args->given[i].option == o)
            return true;
    return false;
}

static enum err take_option(struct parser *p, const struct option *o, const char *attached)
{
    if (o->refuse)
        return error_set(p->error, ERR_USAGE, "--%s %s", o->name, o->refuse);
    if (is_given(p->args, o) && !o->repeat)
        return error_set(p->error, ERR_USAGE, "--%s is given twice", o->name);
    const char *value = NULL;
    if (!o->placeholder && attached)
        return error_set(p->error, ERR_USAGE, "--%s takes no value", o->name);
    enum err e = o->placeholder ? take_value(p, o->name, attached, &value) : ERR_OK;
    if (e)
        return e;
    keep(p, (struct arg){.option = o, .value = value});
    p->args->help |= str_eq(str_from(o->name), STR("help"));
    p->args->version |= str_eq(str_from(o->name), STR("version"));
    return ERR_OK;
}

static enum err take_long(struct parser *p, const char *text)
{
    struct str rest = str_from(text);
    bool has_value = str_find(rest, '=') < rest.len;
    struct str name = str_split(&rest, '=');
    const char *attached = has_value ? rest.ptr : NULL;
    const struct option *o = find_option(p->args, name, 0);
    if (o)
        return take_option(p, o, attached);
    const struct setting *s = find_setting(p->args, name);
    if (s)
        return take_setting(p, s, attached);
    return unknown_option(p, name);
}

/* "-i", "-d VALUE", "-dVALUE"; switches are not bundled. */
static enum err take_short(struct parser *p, const char *text)
{
    const struct option *o = find_option(p->args, STR(""), text[0]);
    if (!o)
        return error_set(p->error, ERR_USAGE, "there is no option -%c", text[0]);
    return take_option(p, o, text[1] ? text + 1 : NULL);
}

/* --- the whole line ----------------------------------------------------------------------- */

static enum err take_word(struct parser *p, const char *word)
{
    struct str s = str_from(word);
    if (!p->only_operands && str_eq(s, STR("--"))) {
        p->only_operands = true;
        return ERR_OK;
    }
    if (!p->only_operands && str_starts(s, STR("--")))
        return take_long(p, word + 2);
    if (!p->only_operands && s.len > 1 && word[0] == '-')
        return take_short(p, word + 1);
    if (!p->args->command)
        return take_command_word(p, s);
    p->args->operands[p->args->n_operands++] = word;
    return ERR_OK;
}

static enum err check_operands(const struct args *args, struct error *error)
{
    size_t min, max;
    command_operand_counts(args->command, &min, &max);
    if (args->n_operands >= min && args->n_operands <= max)
        return ERR_OK;
    if (max == 0)
        return error_set(error, ERR_USAGE, "\"%s\" takes options only, no other words (%zu given)",
                         args->command->path, args->n_operands);
    return error_set(error, ERR_USAGE, "\"%s\" takes %s, and got %zu%s", args->command->path,
                     args->command->operands, args->n_operands,
                     args->n_operands > max ? "; quote a value with spaces" : "");
}

static enum err check_required(const struct args *args, struct error *error)
{
    _cleanup_(buf_release)
    struct buf missing;
    buf_init(&missing, CLI_LINE_MAX);
    for (const struct option *o = args->command->options; o && o->name; o++)
        if (o->required && !args_get(args, o->name))
            buf_printf(&missing, "%s--%s %s", missing.len ? " and " : "", o->name, o->placeholder);
    if (!missing.len)
        return ERR_OK;
    return error_set(error, ERR_USAGE, "\"%s\" needs %.*s", args->command->path,
                     STR_FMT(buf_str(&missing)));
}

enum err args_parse(struct args *args, int argc, char **argv, struct arena *arena,
                    struct error *error)
{
    *args = (struct args){0};
    struct parser p = {
        .args = args, .argv = argv, .argc = argc, .at = 1, .arena = arena, .error = error};
    args->given = arena_calloc(arena, (size_t)argc + 1, sizeof(*args->given));
    args->operands = arena_calloc(arena, (size_t)argc + 1, sizeof(*args->operands));
    if (!args->given || !args->operands)
        return error_set(error, ERR_NO_MEMORY, "the command line is too long");
    while (p.at < argc) {
        enum err e = take_word(&p, argv[p.at++]);
        if (e)
            return e;
    }
    if (args->help || args->version)
        return ERR_OK;
    if (!args->command)
        return missing_command(&p);
    enum err e = check_operands(args, error);
    return e ? e : check_required(args, error);
}

/* --- asking ------------------------------------------------------------------------------- */

const char *args_get(const struct args *args, const char *name)
{
    struct str wanted = str_from(name);
    for (size_t i = args->n_given; i-- > 0;) {
        const struct option *o = args->given[i].option;
        if (o && str_eq(str_from(o->name), wanted))
            return args->given[i].value;
    }
    const struct option *o = find_option(args, wanted, 0);
    const char *value = o && o->environment ? getenv(o->environment) : NULL;
    return value && value[0] ? value : NULL;
}

bool args_has(const struct args *args, const char *name)
{
    for (size_t i = 0; i < args->n_given; i++) {
        const struct option *o = args->given[i].option;
        if (o && str_eq(str_from(o->name), str_from(name)))
            return true;
    }
    return false;
}

enum err args_i64(const struct args *args, const char *name, int64_t min, int64_t max,
                  int64_t fallback, int64_t *ret, struct error *error)
{
    const char *text = args_get(args, name);
    int64_t value = fallback;
    if (text && (!str_to_i64(str_from(text), &value) || value < min || value > max))
        return error_set(error, ERR_USAGE, "--%s takes a whole number from %lld to %lld", name,
                         (long long)min, (long long)max);
    *ret = value;
    return ERR_OK;
}
