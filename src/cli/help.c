#include "cli/help.h"

#include "base/config.h"
#include "serve/serve.h"

#define HELP_INDENT 26 /* where the explanation of an option begins */

/* --- one command -------------------------------------------------------------------------- */

static void add_usage(const struct command *c, struct buf *out)
{
    buf_printf(out, "usage: hudhud %s", c->path);
    bool optional = false;
    for (const struct option *o = c->options; o && o->name; o++) {
        if (o->required)
            buf_printf(out, " --%s %s", o->name, o->placeholder);
        optional |= !o->required && !o->refuse;
    }
    if (optional || c->flags)
        buf_add(out, STR(" [OPTIONS]"));
    if (c->operands)
        buf_printf(out, " %s", c->operands);
    buf_add_char(out, '\n');
}

static void add_option(void *out_buf, const struct option *o)
{
    struct buf *out = out_buf;
    size_t begin = out->len;
    if (o->letter)
        buf_printf(out, "  -%c, --%s", o->letter, o->name);
    else
        buf_printf(out, "  --%s", o->name);
    if (o->placeholder)
        buf_printf(out, " %s", o->placeholder);
    size_t width = out->len - begin;
    if (width + 2 > HELP_INDENT)
        buf_printf(out, "\n%*s", HELP_INDENT, "");
    else
        buf_printf(out, "%*s", (int)(HELP_INDENT - width), "");
    buf_add(out, str_from(o->help));
    if (o->environment)
        buf_printf(out, " (or %s)", o->environment);
    buf_add_char(out, '\n');
}

static void add_example(const char *example, struct buf *out)
{
    struct str rest = str_from(example);
    while (rest.len) {
        struct str line = str_split(&rest, '\n');
        buf_printf(out, "  %.*s\n", STR_FMT(line));
    }
}

void help_command(const struct command *c, struct buf *out)
{
    buf_printf(out, "%s.\n\n", c->summary);
    add_usage(c, out);
    if (c->details)
        buf_printf(out, "\n%s\n", c->details);
    buf_add(out, STR("\noptions:\n"));
    command_each_option(c, add_option, out);
    size_t n_settings;
    const struct setting *settings = command_settings(c, &n_settings);
    if (n_settings) {
        bool all = n_settings == serve_n_settings;
        buf_printf(out, "\nsettings%s:\n",
                   all ? " ([live]: SIGHUP applies a change of it without a restart)" : "");
        config_print_help(settings, n_settings, out);
    }
    if (c->footer)
        buf_printf(out, "\n%s", c->footer);
    buf_add(out, STR("\nexample:\n"));
    add_example(c->example, out);
}

/* --- all of them -------------------------------------------------------------------------- */

void help_overview(struct str group, struct buf *out)
{
    if (group.len)
        buf_printf(out, "usage: hudhud %.*s COMMAND [OPTIONS]\n\n", STR_FMT(group));
    else
        buf_add(out,
                STR("Hudhud " HUDHUD_VERSION ", a self-hosted WhatsApp Business API server.\n\n"
                    "usage: hudhud COMMAND [OPTIONS]\n\n"));
    const struct command *c;
    for (size_t i = 0; (c = command_at(i)); i++)
        if (!group.len || command_in_group(c, group))
            buf_printf(out, "  %-22s %s\n", c->path, c->summary);
    buf_add(out, STR("\nHow to use one: hudhud COMMAND --help\n"
                     "First steps:    hudhud init && hudhud serve\n"));
}

void help_markdown(struct buf *out)
{
    const struct command *c;
    for (size_t i = 0; (c = command_at(i)); i++) {
        buf_printf(out, "### hudhud %s\n\n```\n", c->path);
        help_command(c, out);
        buf_add(out, STR("```\n\n"));
    }
}
