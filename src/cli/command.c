#include "cli/command.h"

#include "serve/serve.h"

const struct command *command_at(size_t index)
{
    const struct command *const parts[] = {commands_first, commands_events, commands_last};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        for (const struct command *c = parts[i]; c->path; c++)
            if (index-- == 0)
                return c;
    return NULL;
}

const struct command *command_find(struct str path)
{
    for (size_t i = 0; command_at(i); i++)
        if (str_eq(str_from(command_at(i)->path), path))
            return command_at(i);
    return NULL;
}

bool command_in_group(const struct command *c, struct str group)
{
    struct str path = str_from(c->path);
    return group.len && path.len > group.len && str_starts(path, group) &&
           path.ptr[group.len] == ' ';
}

bool command_is_group(struct str word)
{
    for (size_t i = 0; command_at(i); i++)
        if (command_in_group(command_at(i), word))
            return true;
    return false;
}

void command_operand_counts(const struct command *c, size_t *ret_min, size_t *ret_max)
{
    struct str rest = str_from(c->operands);
    *ret_min = *ret_max = 0;
    while (rest.len) {
        struct str word = str_split(&rest, ' ');
        if (word.ptr[0] != '[')
            *ret_min += 1;
        *ret_max += 1;
        if (str_ends(word, STR("...")) || str_ends(word, STR("...]")))
            *ret_max = SIZE_MAX;
    }
}

/* Settings that belong together stand together in the table. */
const struct setting *command_settings(const struct command *c, size_t *ret_n)
{
    size_t first = 0, n = 0;
    if (c && c->settings) {
        struct str begins = str_from(c->settings);
        while (first < serve_n_settings &&
               !str_starts(str_from(serve_settings[first].name), begins))
            first++;
        while (first + n < serve_n_settings &&
               str_starts(str_from(serve_settings[first + n].name), begins))
            n++;
    }
    *ret_n = n;
    return &serve_settings[first];
}

void command_each_option(const struct command *c, option_visitor *visit, void *arg)
{
    for (const struct option *o = c->options; o && o->name; o++)
        if (!o->refuse)
            visit(arg, o);
    if (c->flags & COMMAND_JSON)
        visit(arg, &json_option);
    for (const struct option *o = global_options; o->name; o++) {
        bool of_folder = str_eq(str_from(o->name), STR("data"));
        bool of_config = str_eq(str_from(o->name), STR("config"));
        if ((of_folder && !(c->flags & COMMAND_FOLDER)) ||
            (of_config && !(c->flags & COMMAND_CONFIG)))
            continue;
        visit(arg, o);
    }
}
