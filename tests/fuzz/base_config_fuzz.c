/* The configuration file. Its values come back in messages and --print-config: those must stay
 * text that a terminal can be shown. */
#include "base/config.h"
#include "base/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct setting table[] = {
    {
        .name = "url",
        .kind = SETTING_TEXT,
        .fallback = "http://localhost",
        .placeholder = "URL",
        .help = "an address",
    },
    {
        .name = "time-out",
        .kind = SETTING_DURATION,
        .fallback = "15s",
        .min = 1,
        .max = 300,
        .placeholder = "TIME",
        .help = "a duration",
    },
    {
        .name = "threads",
        .kind = SETTING_INTEGER,
        .fallback = "1",
        .min = 1,
        .max = 64,
        .placeholder = "N",
        .help = "a number",
    },
    {
        .name = "verbose",
        .kind = SETTING_SWITCH,
        .fallback = "false",
        .help = "a switch",
    },
    {
        .name = "level",
        .kind = SETTING_CHOICE,
        .fallback = "low",
        .choices = "low|high",
        .placeholder = "LEVEL",
        .help = "a choice",
    },
    {
        .name = "token",
        .kind = SETTING_TEXT,
        .placeholder = "TEXT",
        .help = "a secret",
        .secret = true,
    },
};

static void check_shown(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < ' ' && text.ptr[i] != '\n')
            die("a control character comes back");
    if (!str_is_utf8(text))
        die("what comes back is not UTF-8");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena, MIB);
    struct error error;
    error_init(&error, &arena);
    struct config config;
    config_init(&config, table, ARRAY_LEN(table), &arena);
    enum err err = config_load_text(&config, "fuzz", str_make((const char *)data, size), &error);
    if (err != (error.message.len ? ERR_VALIDATION : ERR_OK))
        die("the message and the error disagree");
    for (const struct error_detail *d = error.details; d; d = d->next)
        check_shown(d->problem);
    int64_t threads = config_number(&config, "threads");
    if (threads < 1 || threads > 64)
        die("a number out of its range was taken");
    struct buf out;
    buf_init(&out, MIB);
    config_print(&config, &out);
    check_shown(buf_str(&out));
    buf_release(&out);
    arena_release(&arena);
    return 0;
}
