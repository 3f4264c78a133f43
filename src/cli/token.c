#include "cli/token.h"

#include "base/file.h"
#include "base/limits.h"

#include <errno.h>
#include <termios.h>
#include <unistd.h>

#define CTRL_C    '\003'
#define CTRL_D    '\004'
#define CTRL_U    '\025'
#define BACKSPACE '\b'
#define DELETE    '\177'

const struct token_kind token_access = {"access token", "token-file", TOKEN_MAX};
const struct token_kind token_app_secret = {"app secret", "secret-file", APP_SECRET_MAX};
const struct token_kind token_app_verify = {"verify token", "verify-token-file", VERIFY_TOKEN_MAX};

/* --- the prompt --------------------------------------------------------------------------- */

/* Byte by byte: a terminal's own line editing would cut a long token at 4095 bytes, and with its
 * signals on Ctrl-C would leave the terminal silent. True when the line is complete. */
static bool take_key(struct buf *line, char key, bool *ret_cancelled)
{
    switch (key) {
    case '\r':
    case '\n':
    case CTRL_D: return true;
    case CTRL_C: *ret_cancelled = true; return true;
    case CTRL_U: line->len = 0; return false;
    case BACKSPACE:
    case DELETE: line->len -= line->len > 0; return false;
    default: buf_add_char(line, key); return false;
    }
}

static enum err read_keys(struct cli *cli, struct buf *line)
{
    bool cancelled = false, complete = false;
    while (!complete) {
        char key;
        ssize_t n = read(STDIN_FILENO, &key, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        complete = take_key(line, key, &cancelled);
    }
    return cancelled ? error_set(&cli->error, ERR_CLOSED, "cancelled") : ERR_OK;
}

static enum err prompt(struct cli *cli, const char *what, struct buf *line)
{
    struct termios before;
    if (tcgetattr(STDIN_FILENO, &before) != 0)
        return error_set_errno(&cli->error, ERR_IO, "cannot silence the terminal");
    struct termios silent = before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG);
    silent.c_cc[VMIN] = 1;
    silent.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) != 0)
        return error_set_errno(&cli->error, ERR_IO, "cannot silence the terminal");
    fprintf(cli->err, "%s (it is not shown): ", what);
    fflush(cli->err);
    enum err e = read_keys(cli, line);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputc('\n', cli->err);
    return e;
}

/* --- reading ------------------------------------------------------------------------------ */

static bool is_visible_ascii(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~')
            return false;
    return true;
}

static struct str without_space_around(struct str s)
{
    while (s.len && strchr(" \t\r\n", s.ptr[0]))
        s = str_skip(s, 1);
    while (s.len && strchr(" \t\r\n", s.ptr[s.len - 1]))
        s.len--;
    return s;
}

static enum err keep_token(struct cli *cli, const struct token_kind *kind, struct str text,
                           struct secret *ret)
{
    text = without_space_around(text);
    if (!text.len)
        return error_set(&cli->error, ERR_VALIDATION,
                         "the %s is empty; pipe it in, or name its file with --%s", kind->name,
                         kind->option);
    if (text.len > kind->max || !is_visible_ascii(text))
        return error_set(&cli->error, ERR_VALIDATION,
                         "that is no %s: one has at most %zu characters, and no blanks or line "
                         "ends within",
                         kind->name, kind->max);
    secret_set(ret, text);
    return ERR_OK;
}

/* Prompts at a terminal. `text` gets all its room at once: growing would leave copies behind. */
static enum err read_secret(struct cli *cli, const char *file, const char *what, size_t max,
                            struct buf *text)
{
    buf_init(text, 2 * max);
    if (!buf_reserve(text, text->max))
        return ERR_NO_MEMORY;
    if (!file && isatty(STDIN_FILENO) == 1)
        return prompt(cli, what, text);
    return file_read(file ? file : "-", text, &cli->error);
}

enum err token_read(struct cli *cli, const struct token_kind *kind, const char *file,
                    struct secret *ret)
{
    _cleanup_(buf_wipe)
    struct buf text;
    char what[64];
    snprintf(what, sizeof(what), "%c%s", kind->name[0] - 'a' + 'A', kind->name + 1);
    enum err e = read_secret(cli, file, what, kind->max, &text);
    return e ? e : keep_token(cli, kind, buf_str(&text), ret);
}

enum err digits_read(struct cli *cli, const char *file, const char *what, struct secret *ret)
{
    _cleanup_(buf_wipe)
    struct buf text;
    enum err e = read_secret(cli, file, what, DIGITS_TEXT_MAX, &text);
    if (e)
        return e;
    struct str digits = without_space_around(buf_str(&text));
    if (digits.len != 6 || !str_is_digits(digits))
        return error_set(&cli->error, ERR_VALIDATION,
                         "that is no %s: six digits are expected, on standard input or in a file",
                         what);
    secret_set(ret, digits);
    return ERR_OK;
}
