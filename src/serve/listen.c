/* Where the loops listen. */
#include "base/limits.h"
#include "base/log.h"
#include "serve/server.h"

#include <fcntl.h>
#include <unistd.h>

/* Says which setting an address is from, and where that is set. */
static enum err name_setting(const struct config *config, const char *name, enum err e,
                             struct error *error)
{
    if (!e)
        return ERR_OK;
    struct str origin = config_origin(config, name, error->arena);
    struct str message = error->message;
    return error_set(error, e, "%.*s (%s is set by %.*s)", STR_FMT(message), name, STR_FMT(origin));
}

/* Each loop has a descriptor of its own for the socket that was handed over: they take connections
 * from one queue. */
static enum err adopt(struct http_server *server, int fd, int *ret_port, struct error *error)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return error_set_errno(error, ERR_IO, "cannot copy the socket handed over");
    return http_server_adopt(server, copy, ret_port, error);
}

/* The first loop makes sure that the port is free, or with port 0 finds one; the others join it. */
static enum err listen_public(struct serve *s, struct serve_loop *l, const struct config *config,
                              struct error *error)
{
    struct str address = config_text(config, "listen");
    http_server_init(&l->public_server, &l->loop, &api_hooks, &l->api, NULL);
    http_server_set_ledger(&l->public_server, s->ledger);
    http_server_set_tls(&l->public_server, s->tls);
    l->has_public = true;
    if (s->sockets.api >= 0)
        return adopt(&l->public_server, s->sockets.api, &s->port, error);
    enum err e = s->port ? http_server_join(&l->public_server, address, s->port, error)
                         : http_server_listen(&l->public_server, address, &s->port, error);
    return name_setting(config, "listen", e, error);
}

static enum err listen_ops(struct serve *s, struct serve_loop *l, const struct config *config,
                           struct error *error)
{
    struct str address = config_text(config, "ops-listen");
    if (!address.len && s->sockets.ops < 0)
        return ERR_OK;
    s->has_ops = true;
    l->ops = &s->ops;
    ops_open(&s->ops, s, &l->loop);
    if (s->sockets.ops >= 0)
        return adopt(&s->ops.server, s->sockets.ops, &s->ops_port, error);
    enum err e = http_server_listen(&s->ops.server, address, &s->ops_port, error);
    return name_setting(config, "ops-listen", e, error);
}

static enum err furnish_first(struct serve *s, struct serve_loop *l, const struct config *config,
                              bool public_listener, struct error *error)
{
    http_server_init(&l->control_server, &l->loop, &api_hooks, &l->api, NULL);
    l->has_control = true;
    enum err e = http_server_listen_unix(&l->control_server, s->folder.socket, error);
    if (e || !public_listener)
        return e;
    s->has_upkeep = true;
    l->upkeep = &s->upkeep;
    const struct upkeep_keep keep = {.events = config_number(config, "events-keep") * 1000,
                                     .inbound = config_number(config, "inbound-keep") * 1000,
                                     .unapplied =
                                         config_number(config, "inbound-keep-unapplied") * 1000};
    upkeep_open(&s->upkeep, &l->loop, s->store, &s->directory, s->saved_counts, &s->left_claims,
                keep);
    return listen_ops(s, l, config, error);
}

enum err serve_open_loop(struct serve *s, const struct config *config, bool public_listener,
                         struct error *error)
{
    struct serve_loop *l = &s->loops[s->n_loops];
    enum err e = serve_loop_open(l, &s->shared, &s->drained, error);
    if (e)
        return e;
    s->n_loops++;
    if (l == s->loops)
        e = furnish_first(s, l, config, public_listener, error);
    if (!e && public_listener)
        e = listen_public(s, l, config, error);
    return e;
}

void serve_name_address(struct serve *s, struct str listen)
{
    struct sockaddr_storage bound;
    socklen_t len = sizeof(bound);
    char text[HTTP_ADDRESS_TEXT_MAX];
    struct str host = http_address_host(listen);
    if (s->sockets.api >= 0 && getsockname(s->sockets.api, (struct sockaddr *)&bound, &len) == 0) {
        struct http_address a = http_address_of(&bound);
        host = str_make(text, http_address_format(&a, text));
    }
    if (!host.len)
        host = STR("0.0.0.0");
    bool bare_v6 = host.ptr[0] != '[' && str_find(host, ':') < host.len;
    snprintf(s->address, sizeof(s->address), bare_v6 ? "[%.*s]:%d" : "%.*s:%d", STR_FMT(host),
             s->port);
    s->shared.listen = s->address;
}
