#include "serve/storage.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "crypto/hex.h"
#include "serve/secret_file.h"

#include <unistd.h>

/* *ret is empty when there is no such file. */
static enum err read_file(const struct folder *f, struct buf *text, struct str *ret,
                          struct error *error)
{
    *ret = STR("");
    if (access(f->store, F_OK) != 0)
        return ERR_OK; /* what is wrong with the folder, folder_find says */
    enum err e = file_read(f->store, text, error);
    if (e)
        return e;
    struct str rest = buf_str(text);
    *ret = str_trim(str_split(&rest, '\n'));
    if (!store_url_is_valid(*ret))
        return error_set(error, ERR_VALIDATION, "what %s holds is not %s", f->store,
                         STORE_URL_FORM);
    return ERR_OK;
}

static void note_left_aside(struct storage *s, const struct folder *f, struct str wanted,
                            struct str of_file, struct arena *arena)
{
    bool has_database = access(f->database, F_OK) == 0;
    if (!wanted.len || str_eq(wanted, of_file) || (!of_file.len && !has_database))
        return;
    struct str shown = of_file.len ? store_show(of_file, arena) : str_from(f->database);
    snprintf(s->left_aside, sizeof(s->left_aside), "%.*s", STR_FMT(shown));
}

/* `wanted` wins over what the folder says, if it is not empty. */
static enum err choose_url(struct storage *s, const struct folder *f, struct str wanted,
                           struct error *error)
{
    _cleanup_(buf_release)
    struct buf text;
    struct str of_file;
    buf_init(&text, STORE_URL_MAX + 2);
    enum err e = read_file(f, &text, &of_file, error);
    if (e && !wanted.len)
        return e;
    if (e)
        of_file = STR("");
    note_left_aside(s, f, wanted, of_file, error->arena);
    struct str url = wanted.len ? wanted : of_file;
    memcpy(s->url, url.ptr, url.len);
    wipe(text.ptr, text.len);
    return ERR_OK;
}

/* The URL is chosen; `database` is the folder's own. */
static enum err take_options(struct storage *s, const char *database, const struct config *config,
                             struct error *error)
{
    const char *password_file = config_cstr(config, "store-password-file");
    enum err e = ERR_OK;
    if (s->url[0] && password_file)
        e = secret_file_read(password_file, "the password for PostgreSQL", STORE_PASSWORD_MAX,
                             &s->password, error);
    if (e)
        return e;
    s->options = (struct store_options){
        .path = s->url[0] ? s->url : database,
        .password = &s->password,
        .connections = (int)config_number(config, "store-connections"),
        .unprepared = !config_switch(config, "store-prepared"),
    };
    struct str shown = store_show(str_from(s->options.path), error->arena);
    snprintf(s->shown, sizeof(s->shown), "%.*s", STR_FMT(shown));
    return ERR_OK;
}

static bool is_holder(struct str name)
{
    unsigned char bytes[STORE_HOLDER_LEN / 2];
    return name.len == STORE_HOLDER_LEN && hex_decode(name, bytes, sizeof(bytes));
}

static enum err make_holder(const struct folder *f, char name[STORE_HOLDER_LEN + 1],
                            struct error *error)
{
    unsigned char bytes[STORE_HOLDER_LEN / 2];
    random_bytes(bytes, sizeof(bytes));
    hex_encode(bytes, sizeof(bytes), name);
    name[STORE_HOLDER_LEN] = '\n';
    enum err e = file_replace(f->replica, str_make(name, STORE_HOLDER_LEN + 1), 0600, error);
    name[STORE_HOLDER_LEN] = '\0';
    return e;
}

static enum err read_or_make_holder(const struct folder *f, char name[STORE_HOLDER_LEN + 1],
                                    struct error *error)
{
    _cleanup_(buf_release)
    struct buf text;
    buf_init(&text, STORE_HOLDER_LEN + 1);
    enum err e = file_read(f->replica, &text, error);
    struct str rest = buf_str(&text), line = str_split(&rest, '\n');
    if (e || !is_holder(line))
        return make_holder(f, name, error);
    memcpy(name, line.ptr, line.len);
    name[line.len] = '\0';
    return ERR_OK;
}

void storage_take_holder(struct storage *s, const struct folder *f)
{
    struct arena arena;
    struct error error;
    if (!s->url[0])
        return;
    arena_init(&arena, ARENA_BLOCK_SIZE);
    error_init(&error, &arena);
    if (read_or_make_holder(f, s->holder, &error) == ERR_OK)
        s->options.holder = s->holder;
    else
        log_event(LOG_WARN, "replica_has_no_name", LOG_STR("why", error.message),
                  LOG_CSTR("effect", "after a crash its work is taken up half a minute later"));
    arena_release(&arena);
}

enum err storage_choose(struct storage *s, const struct folder *f, const struct config *config,
                        struct error *error)
{
    *s = (struct storage){0};
    enum err e = choose_url(s, f, config_text(config, "store"), error);
    return e ? e : take_options(s, f->database, config, error);
}

enum err storage_of_folder(struct storage *s, const struct folder *f, const struct config *config,
                           struct error *error)
{
    *s = (struct storage){0};
    enum err e = choose_url(s, f, STR(""), error);
    return e ? e : take_options(s, f->database, config, error);
}

enum err storage_of_url(struct storage *s, const char *url, const struct config *config,
                        struct error *error)
{
    *s = (struct storage){0};
    if (!store_url_is_valid(str_from(url)) || strlen(url) > STORE_URL_MAX)
        return error_set(error, ERR_VALIDATION, "the store is not %s", STORE_URL_FORM);
    snprintf(s->url, sizeof(s->url), "%s", url);
    return take_options(s, NULL, config, error);
}

void storage_log(const struct storage *s)
{
    if (s->left_aside[0])
        log_event(LOG_INFO, "store_of_folder_left_aside", LOG_CSTR("folder", s->left_aside),
                  LOG_CSTR("instead", s->shown), LOG_CSTR("why", "the setting store wins"));
}

void storage_release(struct storage *s)
{
    secret_release(&s->password);
    wipe(s->url, sizeof(s->url));
}

enum err storage_write(const struct storage *s, const struct folder *f, struct error *error)
{
    char line[sizeof(s->url) + 1];
    int n = snprintf(line, sizeof(line), "%s\n", s->url);
    enum err e = file_replace(f->store, str_make(line, (size_t)n), 0600, error);
    wipe(line, sizeof(line));
    return e;
}
