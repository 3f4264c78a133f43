#include "http/connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct listener {
    struct list node;
    struct http_server *server;
    bool is_unix;
    char *path; /* of a unix socket */
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    };
};

/* --- time --------------------------------------------------------------------------------- */

static void expire_kind(struct http_server *s, struct list *connections, uint64_t now)
{
    while (!list_empty(connections)) {
        struct http_connection *c = CONTAINER_OF(connections->next, struct http_connection, node);
        if (c->expires_ms > now)
            return;
        http_connection_expire(c);
    }
}

static void on_tick(uv_timer_t *tick)
{
    struct http_server *s = tick->data;
    for (size_t kind = 0; kind < HTTP_DEADLINE_COUNT; kind++)
        expire_kind(s, &s->connections[kind], uv_now(s->loop));
}

static int or_default(int ms, int default_ms)
{
    return ms > 0 ? ms : default_ms;
}

static void set_times(struct http_server *s, const struct http_timeouts *t)
{
    static const struct http_timeouts defaults;
    if (!t)
        t = &defaults;
    s->after_ms[HTTP_DEADLINE_IDLE] = or_default(t->idle, HTTP_IDLE_TIMEOUT_MS);
    s->after_ms[HTTP_DEADLINE_HEADER] = or_default(t->header, HTTP_HEADER_TIMEOUT_MS);
    s->after_ms[HTTP_DEADLINE_BODY] = or_default(t->body, HTTP_BODY_TIMEOUT_MS);
    s->after_ms[HTTP_DEADLINE_WRITE] = or_default(t->write, HTTP_WRITE_TIMEOUT_MS);
    s->after_ms[HTTP_DEADLINE_LINGER] = HTTP_LINGER_MS;
}

/* Often enough for the shortest of the times. */
static int tick_ms(const struct http_server *s)
{
    int ms = HTTP_TICK_MS;
    for (size_t kind = 0; kind < HTTP_DEADLINE_COUNT; kind++)
        ms = MIN(ms, s->after_ms[kind] / 4 + 1);
    return ms;
}

void http_server_init(struct http_server *s, uv_loop_t *loop, const struct http_hooks *hooks,
                      void *arg, const struct http_timeouts *timeouts)
{
    *s = (struct http_server){.loop = loop, .hooks = *hooks, .arg = arg};
    set_times(s, timeouts);
    list_init(&s->listeners);
    list_init(&s->waiting);
    for (size_t kind = 0; kind < HTTP_DEADLINE_COUNT; kind++)
        list_init(&s->connections[kind]);
    signal(SIGPIPE, SIG_IGN); /* a client that left is an error of write(), not our death */
    uv_timer_init(loop, &s->tick);
    s->tick.data = s;
    uv_timer_start(&s->tick, on_tick, (uint64_t)tick_ms(s), (uint64_t)tick_ms(s));
}

/* --- listening ---------------------------------------------------------------------------- */

static void on_listener_closed(uv_handle_t *handle)
{
    struct listener *l = handle->data;
    struct http_server *s = l->server;
    list_remove(&l->node);
    free(l->path);
    free(l);
    http_server_check_drained(s);
}

static void listener_close(struct listener *l)
{
    if (uv_is_closing(&l->handle))
        return;
    if (l->path)
        unlink(l->path);
    uv_close(&l->handle, on_listener_closed);
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct listener *l = stream->data;
    if (status == 0)
        http_connection_accept(l->server, stream, l->is_unix);
}

/* Takes the bound socket `fd`, or closes it. */
static int listener_start(struct http_server *s, int fd, const char *path)
{
    struct listener *l = xcalloc(1, sizeof(*l));
    l->server = s;
    l->is_unix = path != NULL;
    int status;
    if (path) {
        uv_pipe_init(s->loop, &l->pipe, 0);
        status = uv_pipe_open(&l->pipe, fd);
    } else {
        uv_tcp_init(s->loop, &l->tcp);
        status = uv_tcp_open(&l->tcp, fd);
    }
    l->handle.data = l;
    list_add(&s->listeners, &l->node);
    if (status != 0)
        close(fd);
    else
        status = uv_listen(&l->stream, HTTP_LISTEN_BACKLOG, on_connection);
    if (status == 0 && path)
        l->path = xstrdup(path);
    if (status != 0)
        listener_close(l);
    return status;
}

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct str http_address_host(struct str address)
{
    size_t len = address.len;
    while (len && address.ptr[len - 1] != ':')
        len--;
    return str_make(address.ptr, len ? len - 1 : 0);
}

/* "127.0.0.1:8080", "[::1]:8080", ":8080". */
static bool address_parse(struct str text, union address *ret)
{
    struct str host = http_address_host(text);
    uint64_t port;
    if (host.len == text.len || text.ptr[host.len] != ':' ||
        !str_to_u64(str_skip(text, host.len + 1), &port) || port > UINT16_MAX)
        return false;
    char name[INET6_ADDRSTRLEN + 2];
    if (host.len >= sizeof(name))
        return false;
    memcpy(name, host.ptr, host.len);
    name[host.len] = '\0';
    *ret = (union address){.v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)}};
    if (host.len == 0)
        return true; /* in6addr_any, and IPv4 with it */
    if (name[0] == '[' && name[host.len - 1] == ']') {
        name[host.len - 1] = '\0';
        return inet_pton(AF_INET6, name + 1, &ret->v6.sin6_addr) == 1;
    }
    *ret = (union address){.v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)}};
    return inet_pton(AF_INET, name, &ret->v4.sin_addr) == 1;
}

bool http_address_is_valid(struct str address)
{
    union address a;
    return address_parse(address, &a);
}

static in_port_t *address_port(union address *a)
{
    return a->any.sa_family == AF_INET6 ? &a->v6.sin6_port : &a->v4.sin_port;
}

/* A machine without IPv6 has all addresses in 0.0.0.0. */
static int address_socket(union address *a, bool all)
{
    int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    int fd = socket(a->any.sa_family, type, 0);
    if (fd < 0 && errno == EAFNOSUPPORT && all) {
        in_port_t port = a->v6.sin6_port;
        *a = (union address){.v4 = {.sin_family = AF_INET, .sin_port = port}};
        fd = socket(AF_INET, type, 0);
    }
    return fd;
}

/* SO_REUSEADDR: connections of an earlier process that the kernel still keeps are in nobody's way.
 */
static int address_bind(union address *a, bool all, bool shared)
{
    int fd = address_socket(a, all);
    if (fd < 0)
        return -1;
    int on = 1, off = 0;
    bool v6 = a->any.sa_family == AF_INET6;
    socklen_t len = v6 ? sizeof(a->v6) : sizeof(a->v4);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, shared ? &on : &off, sizeof(on)) == 0 &&
        (!v6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, all ? &off : &on, sizeof(on)) == 0) &&
        bind(fd, &a->any, len) == 0 && getsockname(fd, &a->any, &len) == 0)
        return fd;
    closep(&fd);
    return -1;
}

/* With SO_REUSEPORT the kernel would let two servers of one user share a port, each with a part of
 * the requests. A socket without it cannot listen where another one does, so one that tries, and is
 * closed again, tells. Two servers that start within the same instant may both pass. */
static bool address_is_taken(union address a, bool all)
{
    _cleanup_(closep)
    int fd = address_bind(&a, all, false);
    return (fd < 0 || listen(fd, 1) != 0) && errno == EADDRINUSE;
}

static enum err refuse_taken(struct str address, struct error *error)
{
    return error_set(error, ERR_BUSY,
                     "%.*s is in use by another process; use another one: --listen ADDR:PORT",
                     STR_FMT(address));
}

/* By errno. */
static enum err refuse_address(struct str address, struct error *error)
{
    if (errno == EADDRINUSE)
        return refuse_taken(address, error);
    return error_set_errno(error, ERR_IO, "cannot listen on %.*s", STR_FMT(address));
}

static enum err listen_at(struct http_server *s, struct str address, union address *a,
                          struct error *error)
{
    int fd = address_bind(a, http_address_host(address).len == 0, true);
    if (fd < 0)
        return refuse_address(address, error);
    int status = listener_start(s, fd, NULL);
    if (status == 0)
        return ERR_OK;
    errno = -status; /* what libuv's codes are */
    return refuse_address(address, error);
}

static enum err refuse_text(struct str address, struct error *error)
{
    return error_set(error, ERR_USAGE,
                     "\"%.*s\" is not an address to listen on: give one such as "
                     "127.0.0.1:8080, [::1]:8080 or :8080",
                     STR_FMT(address));
}

enum err http_server_listen(struct http_server *s, struct str address, int *ret_port,
                            struct error *error)
{
    union address a;
    if (!address_parse(address, &a))
        return refuse_text(address, error);
    if (*address_port(&a) && address_is_taken(a, http_address_host(address).len == 0))
        return refuse_taken(address, error);
    enum err e = listen_at(s, address, &a, error);
    if (!e && ret_port)
        *ret_port = ntohs(*address_port(&a));
    return e;
}

enum err http_server_join(struct http_server *s, struct str address, int port, struct error *error)
{
    union address a;
    if (!address_parse(address, &a))
        return refuse_text(address, error);
    *address_port(&a) = htons((uint16_t)port);
    return listen_at(s, address, &a, error);
}

/* A socket that nobody listens on any more may go; anything else at that path stays. */
static enum err remove_stale(const struct sockaddr_un *a, struct error *error)
{
    struct stat st;
    if (lstat(a->sun_path, &st) != 0)
        return errno == ENOENT ? ERR_OK
                               : error_set_errno(error, ERR_IO, "cannot look at %s", a->sun_path);
    if (!S_ISSOCK(st.st_mode))
        return error_set(error, ERR_CONFLICT, "%s is in the way: it is not a socket", a->sun_path);
    _cleanup_(closep)
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set_errno(error, ERR_IO, "cannot make a socket");
    if (connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0 || errno == EAGAIN)
        return error_set(error, ERR_BUSY, "another process listens on %s", a->sun_path);
    if (unlink(a->sun_path) != 0)
        return error_set_errno(error, ERR_IO, "cannot remove the stale socket %s", a->sun_path);
    return ERR_OK;
}

enum err http_server_listen_unix(struct http_server *s, const char *path, struct error *error)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(a.sun_path))
        return error_set(error, ERR_USAGE, "%s is too long for a socket: at most %zu bytes", path,
                         sizeof(a.sun_path) - 1);
    memcpy(a.sun_path, path, strlen(path));
    enum err e = remove_stale(&a, error);
    if (e)
        return e;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* The mode of the socket becomes that of the file: it is never open to others, not even for the
     * instant between bind and chmod. */
    if (fd < 0 || fchmod(fd, 0600) != 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
        e = error_set_errno(error, ERR_IO, "cannot listen on %s", path);
        closep(&fd);
        return e;
    }
    int status = listener_start(s, fd, path);
    if (status != 0)
        return error_set(error, ERR_IO, "cannot listen on %s: %s", path, uv_strerror(status));
    return ERR_OK;
}

/* --- the end ------------------------------------------------------------------------------ */

static void on_tick_closed(uv_handle_t *tick)
{
    struct http_server *s = tick->data;
    if (s->drained)
        s->drained(s->arg);
}

void http_server_check_drained(struct http_server *s)
{
    uv_handle_t *tick = (uv_handle_t *)&s->tick;
    if (!s->draining || s->n_connections || !list_empty(&s->listeners) || uv_is_closing(tick))
        return;
    uv_close(tick, on_tick_closed);
}

static void close_all(struct list *connections)
{
    list_for_each_safe (node, connections)
        http_connection_close(CONTAINER_OF(node, struct http_connection, node));
}

void http_server_drain(struct http_server *s, void (*drained)(void *arg))
{
    if (drained)
        s->drained = drained;
    s->draining = true;
    list_for_each_safe (node, &s->listeners)
        listener_close(CONTAINER_OF(node, struct listener, node));
    list_for_each_safe (node, &s->connections[HTTP_DEADLINE_IDLE])
        http_connection_drain(CONTAINER_OF(node, struct http_connection, node));
    http_server_check_drained(s);
}

void http_server_kill(struct http_server *s)
{
    http_server_drain(s, NULL);
    for (size_t kind = 0; kind < HTTP_DEADLINE_COUNT; kind++)
        close_all(&s->connections[kind]);
    close_all(&s->waiting);
}

static size_t list_count(const struct list *list)
{
    size_t n = 0;
    list_for_each (node, list)
        n++;
    return n;
}

size_t http_server_count_begun(const struct http_server *s)
{
    return list_count(&s->waiting) + list_count(&s->connections[HTTP_DEADLINE_HEADER]) +
           list_count(&s->connections[HTTP_DEADLINE_BODY]) +
           list_count(&s->connections[HTTP_DEADLINE_WRITE]);
}
