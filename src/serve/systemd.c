#include "serve/systemd.h"
#include "base/clock.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_SOCKET 3
#define SOCKETS_MAX  16 /* more than two are a mistake, and closed */
#define STATE_MAX    128

static uint64_t read_number(const char *variable)
{
    uint64_t n = 0;
    return str_to_u64(str_from(getenv(variable)), &n) ? n : 0;
}

/* By its name, else by its place. */
static int *place_of(struct systemd_sockets *s, struct str name, size_t i)
{
    if (str_eq(name, STR("api")))
        return &s->api;
    if (str_eq(name, STR("ops")))
        return &s->ops;
    return i == 0 ? &s->api : &s->ops;
}

struct systemd_sockets systemd_take_sockets(void)
{
    struct systemd_sockets sockets = {-1, -1};
    bool is_ours = read_number("LISTEN_PID") == (uint64_t)getpid();
    size_t n = is_ours ? (size_t)MIN(read_number("LISTEN_FDS"), (uint64_t)SOCKETS_MAX) : 0;
    struct str names = str_from(getenv("LISTEN_FDNAMES"));
    for (size_t i = 0; i < n; i++) {
        int fd = FIRST_SOCKET + (int)i;
        int *place = place_of(&sockets, str_split(&names, ':'), i);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        if (*place < 0)
            *place = fd;
        else
            close(fd);
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return sockets;
}

/* A path, or with '@' in front a name in the abstract namespace. */
static socklen_t read_address(const char *text, struct sockaddr_un *ret)
{
    size_t len = strlen(text);
    if (len < 2 || len >= sizeof(ret->sun_path) || (text[0] != '/' && text[0] != '@'))
        return 0;
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret->sun_path, text, len);
    if (text[0] == '@')
        ret->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

void systemd_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    socklen_t len = path ? read_address(path, &address) : 0;
    if (len == 0)
        return;
    _cleanup_(closep)
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    /* Nobody to tell is no fault of the service. */
    ssize_t sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, len);
    (void)sent;
}

void systemd_notify_reloading(void)
{
    char state[STATE_MAX];
    snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)clock_monotonic_us());
    systemd_notify(state);
}

void systemd_feed_watchdog(void)
{
    if (read_number("WATCHDOG_USEC"))
        systemd_notify("WATCHDOG=1");
}
