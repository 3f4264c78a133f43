#include "http/listen.h"
#include "http/connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Polled, and accepted from by ourselves: so that a flood is taken in portions, and none that waits
 * is lost when the listener closes. */
struct listener {
    struct list node;
    struct http_server *server;
    uv_poll_t poll;
    int fd;
    bool is_unix;
    bool adopted; /* others hold this socket too */
    bool paused;  /* until the next tick: the process may open no more files */
    char *path;   /* of a unix socket that is ours */
};

/* --- accepting ---------------------------------------------------------------------------- */

/* The process may open no more files. The kernel says so before it looks whether anybody waits.
 * True when an idle connection has made room. */
static bool make_room(struct listener *l)
{
    struct pollfd waiting = {.fd = l->fd, .events = POLLIN};
    if (poll(&waiting, 1, 0) != 1)
        return false;
    l->paused = !http_connection_evict(l->server);
    return !l->paused;
}

/* False when none waits, or none can be taken. */
static bool accept_one(struct listener *l)
{
    struct sockaddr_storage peer = {0};
    socklen_t len = sizeof(peer);
    int fd = accept4(l->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        http_connection_open(l->server, fd, l->is_unix ? NULL : &peer);
        return true;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        return make_room(l);
    return errno == ECONNABORTED || errno == EINTR; /* it has left again */
}

static void on_waiting(uv_poll_t *poll, int status, int events)
{
    struct listener *l = poll->data;
    for (int i = 0; i < HTTP_ACCEPTS_MAX && accept_one(l); i++)
        ;
    if (l->paused)
        uv_poll_stop(&l->poll);
}

void http_listeners_resume(struct http_server *s)
{
    list_for_each (node, &s->listeners) {
        struct listener *l = CONTAINER_OF(node, struct listener, node);
        if (l->paused && !uv_is_closing((uv_handle_t *)&l->poll)) {
            l->paused = false;
            uv_poll_start(&l->poll, UV_READABLE, on_waiting);
        }
    }
}

/* --- closing ------------------------------------------------------------------------------ */

/* From now on the kernel drops what would begin another connection: who tries, tries again a second
 * later, and finds the next server or none. */
static void refuse_newcomers(int fd)
{
    struct sock_filter drop_syn[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13), /* the flags of the TCP header */
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x02, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    struct sock_fprog program = {.len = ARRAY_LEN(drop_syn), .filter = drop_syn};
    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

/* Connections that the kernel has made and nobody has accepted would be reset by close(). */
static void accept_the_rest(struct listener *l)
{
    if (l->path)
        unlink(l->path);
    else
        refuse_newcomers(l->fd);
    while (accept_one(l))
        ;
}

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
    if (uv_is_closing((uv_handle_t *)&l->poll))
        return;
    if (!l->adopted) /* else they wait for the next server */
        accept_the_rest(l);
    uv_close((uv_handle_t *)&l->poll, on_listener_closed);
    closep(&l->fd);
}

void http_listeners_close(struct http_server *s)
{
    list_for_each_safe (node, &s->listeners)
        listener_close(CONTAINER_OF(node, struct listener, node));
}

/* --- opening ------------------------------------------------------------------------------ */

/* Takes the bound socket `fd`, or closes it; 0, or what libuv says. */
static int listener_start(struct http_server *s, int fd, bool is_unix, struct listener **ret)
{
    int listens = 0;
    socklen_t len = sizeof(listens);
    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len);
    struct listener *l = xcalloc(1, sizeof(*l));
    l->server = s;
    l->fd = fd;
    l->is_unix = is_unix;
    int status = listens || listen(fd, HTTP_LISTEN_BACKLOG) == 0 ? 0 : -errno;
    if (status == 0)
        status = uv_poll_init(s->loop, &l->poll, fd);
    if (status != 0) {
        close(fd);
        free(l);
        return status;
    }
    l->poll.data = l;
    list_add(&s->listeners, &l->node);
    uv_poll_start(&l->poll, UV_READABLE, on_waiting);
    *ret = l;
    return 0;
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
                     "%.*s is in use by another process; use another one, or stop that",
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
    struct listener *l;
    int status = listener_start(s, fd, false, &l);
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
    struct listener *l;
    int status = listener_start(s, fd, true, &l);
    if (status != 0)
        return error_set(error, ERR_IO, "cannot listen on %s: %s", path, uv_strerror(status));
    l->path = xstrdup(path);
    return ERR_OK;
}

enum err http_server_adopt(struct http_server *s, int fd, int *ret_port, struct error *error)
{
    union address a = {0};
    struct listener *l;
    int type = 0;
    socklen_t len = sizeof(a), type_len = sizeof(type);
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) != 0 || type != SOCK_STREAM ||
        getsockname(fd, &a.any, &len) != 0 ||
        (a.any.sa_family != AF_INET && a.any.sa_family != AF_INET6)) {
        closep(&fd);
        return error_set(error, ERR_USAGE, "the descriptor handed over is not a TCP socket");
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    int status = listener_start(s, fd, false, &l);
    if (status != 0)
        return error_set(error, ERR_IO, "cannot listen on the socket handed over: %s",
                         uv_strerror(status));
    l->adopted = true;
    if (ret_port)
        *ret_port = ntohs(*address_port(&a));
    return ERR_OK;
}
