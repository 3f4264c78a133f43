/* The configuration file. Its values come back in messages and --print-config: those must stay
 * text that a terminal can be shown. */
#include "base/config.h"
#include "base/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct setting table[] = {
    {"url", SETTING_TEXT, "http://localhost", 0, 0, NULL, "URL", "an address", false},
    {"time-out", SETTING_DURATION, "15s", 1, 300, NULL, "TIME", "a duration", false},
    {"threads", SETTING_INTEGER, "1", 1, 64, NULL, "N", "a number", false},
    {"verbose", SETTING_SWITCH, "false", 0, 0, NULL, NULL, "a switch", false},
    {"level", SETTING_CHOICE, "low", 0, 0, "low|high", "LEVEL", "a choice", false},
    {"token", SETTING_TEXT, NULL, 0, 0, NULL, "TEXT", "a secret", true},
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
