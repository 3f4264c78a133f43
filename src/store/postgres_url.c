/* The address of a database on a server, as libpq reads it, and what of it people may see.
 *
 * libpq's own complaints about an address repeat parts of it. They are never shown: a password that
 * is not written as it should be would be among them. */
#include "store/store.h"

#include <libpq-fe.h>

bool store_is_url(struct str path)
{
    return str_starts(path, STR("postgres://")) || str_starts(path, STR("postgresql://"));
}

/* NULL when libpq does not take it. */
static PQconninfoOption *parse(struct str url)
{
    if (!store_is_url(url) || url.len > STORE_URL_MAX)
        return NULL;
    char text[STORE_URL_MAX + 1];
    memcpy(text, url.ptr, url.len);
    text[url.len] = '\0';
    PQconninfoOption *options = PQconninfoParse(text, NULL);
    wipe(text, sizeof(text));
    return options;
}

static struct str part(const PQconninfoOption *options, const char *name)
{
    for (; options->keyword; options++)
        if (strcmp(options->keyword, name) == 0)
            return str_from(options->val ? options->val : "");
    return STR("");
}

static bool has_any(struct str text, const char *characters)
{
    for (size_t i = 0; i < text.len; i++)
        if (strchr(characters, text.ptr[i]))
            return true;
    return false;
}

static bool is_ports(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!strchr("0123456789,", text.ptr[i]))
            return false;
    return true;
}

bool store_url_is_valid(struct str url)
{
    PQconninfoOption *o = parse(url);
    if (!o)
        return false;
    bool valid = !has_any(part(o, "host"), "@") && is_ports(part(o, "port")) &&
                 !has_any(part(o, "dbname"), "@/?");
    PQconninfoFree(o);
    return valid;
}

bool store_url_has_password(struct str url)
{
    PQconninfoOption *o = parse(url);
    if (!o)
        return false;
    bool has = part(o, "password").len || part(o, "sslpassword").len;
    PQconninfoFree(o);
    return has;
}

static struct str show_parts(const PQconninfoOption *o, struct arena *arena)
{
    struct str user = part(o, "user"), host = part(o, "host"), port = part(o, "port"),
               database = part(o, "dbname");
    return arena_printf(arena, "postgres://%.*s%s%.*s%s%.*s/%.*s", STR_FMT(user),
                        user.len ? "@" : "", STR_FMT(host), port.len ? ":" : "", STR_FMT(port),
                        STR_FMT(database));
}

struct str store_show(struct str path, struct arena *arena)
{
    if (!store_is_url(path))
        return path;
    PQconninfoOption *o = store_url_is_valid(path) ? parse(path) : NULL;
    if (!o)
        return STR("postgres://...");
    struct str shown = show_parts(o, arena);
    PQconninfoFree(o);
    return shown;
}
