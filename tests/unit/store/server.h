/* A PostgreSQL for tests of the store: its URL is in HUDHUD_TEST_POSTGRES, any database of it, by a
 * user who may make others. Each test has a database of its own. */
#pragma once

#include "unit/store/fixture.h"

#include <libpq-fe.h>

static inline const char *server_url(void)
{
    return getenv("HUDHUD_TEST_POSTGRES");
}

/* For main: says so and is false where there is no server. */
static inline bool server_is_there(void)
{
    if (server_url())
        return true;
    puts("HUDHUD_TEST_POSTGRES names no PostgreSQL: nothing of this was tested");
    return false;
}

static inline PGconn *server_connect(const char *url)
{
    PGconn *c = PQconnectdb(url);
    if (PQstatus(c) != CONNECTION_OK)
        fail_msg("%s: %s", url, PQerrorMessage(c));
    return c;
}

/* The first value of the answer, as a number; 0 when there is none. */
static inline int64_t server_i64(const char *url, const char *sql)
{
    PGconn *c = server_connect(url);
    PGresult *result = PQexec(c, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(c));
    int64_t value = PQntuples(result) ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    PQclear(result);
    PQfinish(c);
    return value;
}

struct served {
    struct fixture f;
    char name[40];
    char url[512];
};

/* The server's URL with another database, and another folder of its socket unless that is NULL. */
static inline void name_database(const char *database, const char *socket_folder, char *out,
                                 size_t size)
{
    PQconninfoOption *options = PQconninfoParse(server_url(), NULL);
    const char *user = "", *host = "", *port = "";
    assert_non_null(options);
    for (PQconninfoOption *o = options; o->keyword; o++) {
        const char *value = o->val ? o->val : "";
        user = strcmp(o->keyword, "user") == 0 ? value : user;
        host = strcmp(o->keyword, "host") == 0 ? value : host;
        port = strcmp(o->keyword, "port") == 0 ? value : port;
    }
    snprintf(out, size, "postgres://%s@/%s?host=%s%s%s", user, database,
             socket_folder ? socket_folder : host, *port ? "&port=" : "", port);
    PQconninfoFree(options);
}

/* A database without anything in it, and no store yet. */
static inline void served_init(struct served *s)
{
    static int n;
    char sql[80];
    *s = (struct served){0};
    log_set_level(LOG_OFF);
    snprintf(s->name, sizeof(s->name), "unit_%ld_%d", (long)getpid(), n++);
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s", s->name);
    server_i64(server_url(), sql);
    name_database(s->name, NULL, s->url, sizeof(s->url));
    arena_init(&s->f.arena, 1 * MIB);
    error_init(&s->f.error, &s->f.arena);
}

static inline struct store *served_open(struct served *s, const struct store_options *options)
{
    struct store *store;
    error_init(&s->f.error, &s->f.arena);
    if (store_open(options, &store, &s->f.error))
        fail_msg("%.*s", STR_FMT(s->f.error.message));
    return store;
}

static inline void served_release(struct served *s)
{
    char sql[80];
    store_close(s->f.store);
    snprintf(sql, sizeof(sql), "DROP DATABASE %s WITH (FORCE)", s->name);
    server_i64(server_url(), sql);
    arena_release(&s->f.arena);
}

static inline int served_setup(void **state)
{
    struct served *s = xcalloc(1, sizeof(*s));
    served_init(s);
    s->f.store = served_open(s, &(struct store_options){.path = s->url, .create = true});
    *state = s;
    return 0;
}

static inline int served_teardown(void **state)
{
    served_release(*state);
    free(*state);
    return 0;
}
