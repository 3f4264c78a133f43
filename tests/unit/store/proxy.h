/* A proxy before PostgreSQL's socket that loses things on demand, at a commit it sees go by. The
 * store must send its statements as text (store_options.unprepared). */
#pragma once

#include "unit/store/server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>

#define PROXY_PAIRS 64

enum proxy_mode {
    PROXY_PASS,
    PROXY_LOSE_ANSWER,   /* the next commit reaches the server; then the connection breaks */
    PROXY_LOSE_QUESTION, /* the connection breaks before the next commit reaches it */
    PROXY_LOSE_ALL,      /* the same as the first, and nobody comes through any more */
    PROXY_HOLD,          /* from the next commit on nothing moves, and nothing breaks */
    PROXY_DOWN,          /* what LOSE_ALL leads to */
    PROXY_HELD,          /* what HOLD leads to */
};

struct proxy_pair {
    int client, server; /* -1: none */
    bool drains;        /* what the server says is dropped, and its end ends both */
};

struct proxy {
    char folder[64], path[108];
    char target[108]; /* the server's socket */
    int listener;
    pthread_t thread;
    _Atomic int mode;
    _Atomic bool ends;
    struct proxy_pair pairs[PROXY_PAIRS];
};

static inline struct sockaddr_un proxy_address(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    return address;
}

static inline void proxy_close(struct proxy_pair *pair)
{
    if (pair->client >= 0)
        close(pair->client);
    if (pair->server >= 0)
        close(pair->server);
    *pair = (struct proxy_pair){-1, -1, false};
}

static inline void proxy_accept(struct proxy *p)
{
    struct proxy_pair pair = {accept(p->listener, NULL, NULL), -1, false};
    if (pair.client < 0)
        return;
    struct sockaddr_un address = proxy_address(p->target);
    pair.server = socket(AF_UNIX, SOCK_STREAM, 0);
    if (atomic_load(&p->mode) == PROXY_DOWN ||
        connect(pair.server, (struct sockaddr *)&address, sizeof(address)) != 0) {
        proxy_close(&pair);
        return;
    }
    for (size_t i = 0; i < PROXY_PAIRS; i++) {
        if (p->pairs[i].client >= 0)
            continue;
        p->pairs[i] = pair;
        return;
    }
    proxy_close(&pair);
}

static inline void proxy_write(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t done = send(fd, bytes, n, MSG_NOSIGNAL);
        if (done <= 0)
            return;
        bytes += done;
        n -= (size_t)done;
    }
}

/* What is done about a commit that is in these bytes. */
static inline void proxy_commit(struct proxy *p, struct proxy_pair *pair, const char *bytes,
                                size_t n)
{
    int mode = atomic_load(&p->mode);
    if (mode == PROXY_HOLD) {
        atomic_store(&p->mode, PROXY_HELD);
        return;
    }
    atomic_store(&p->mode, mode == PROXY_LOSE_ALL ? PROXY_DOWN : PROXY_PASS);
    if (mode != PROXY_LOSE_QUESTION)
        proxy_write(pair->server, bytes, n);
    pair->drains = mode != PROXY_LOSE_QUESTION;
    if (!pair->drains)
        proxy_close(pair);
}

static inline void proxy_from_client(struct proxy *p, struct proxy_pair *pair)
{
    static char bytes[65536];
    ssize_t n = read(pair->client, bytes, sizeof(bytes));
    int mode = atomic_load(&p->mode);
    if (n <= 0) {
        proxy_close(pair);
        return;
    }
    bool acts = mode != PROXY_PASS && mode != PROXY_DOWN && mode != PROXY_HELD;
    if (acts && memmem(bytes, (size_t)n, "replicas SET batch", 18))
        proxy_commit(p, pair, bytes, (size_t)n);
    else
        proxy_write(pair->server, bytes, (size_t)n);
}

/* The server has said that it committed: then the client hears that it is gone. */
static inline void proxy_from_server(struct proxy_pair *pair)
{
    static char bytes[65536];
    ssize_t n = read(pair->server, bytes, sizeof(bytes));
    if (n > 0 && !pair->drains) {
        proxy_write(pair->client, bytes, (size_t)n);
        return;
    }
    if (n <= 0 || memmem(bytes, (size_t)n, "COMMIT", 6))
        proxy_close(pair);
}

static inline void *proxy_main(void *arg)
{
    struct proxy *p = arg;
    while (!atomic_load(&p->ends)) {
        struct pollfd fds[1 + 2 * PROXY_PAIRS] = {{.fd = p->listener, .events = POLLIN}};
        bool held = atomic_load(&p->mode) == PROXY_HELD;
        for (size_t i = 0; i < PROXY_PAIRS; i++) {
            fds[1 + 2 * i] = (struct pollfd){.fd = p->pairs[i].client, .events = POLLIN};
            fds[2 + 2 * i] = (struct pollfd){.fd = p->pairs[i].server, .events = POLLIN};
        }
        if (held || poll(fds, ARRAY_LEN(fds), 20) <= 0) {
            usleep(held ? 5000 : 0);
            continue;
        }
        for (size_t i = 0; i < PROXY_PAIRS; i++) {
            struct proxy_pair *pair = &p->pairs[i];
            if (pair->client >= 0 && fds[1 + 2 * i].revents)
                proxy_from_client(p, pair);
            if (pair->server >= 0 && fds[2 + 2 * i].revents && atomic_load(&p->mode) != PROXY_HELD)
                proxy_from_server(pair);
            if (atomic_load(&p->mode) == PROXY_DOWN && !pair->drains)
                proxy_close(pair);
        }
        if (fds[0].revents)
            proxy_accept(p);
    }
    return NULL;
}

/* Before the server of this URL, which must name the folder of its socket. */
static inline void proxy_start(struct proxy *p, const char *url)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    const char *host = NULL, *port = "5432";
    *p = (struct proxy){.folder = "/tmp/proxy-test-XXXXXX"};
    assert_non_null(options);
    for (PQconninfoOption *o = options; o->keyword; o++) {
        host = strcmp(o->keyword, "host") == 0 ? o->val : host;
        port = strcmp(o->keyword, "port") == 0 && o->val ? o->val : port;
    }
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->path, sizeof(p->path), "%s/.s.PGSQL.%s", p->folder, port);
    snprintf(p->target, sizeof(p->target), "%s/.s.PGSQL.%s", host, port);
    PQconninfoFree(options);
    for (size_t i = 0; i < PROXY_PAIRS; i++)
        p->pairs[i] = (struct proxy_pair){-1, -1, false};
    struct sockaddr_un address = proxy_address(p->path);
    p->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(p->listener, 64), 0);
    assert_int_equal(pthread_create(&p->thread, NULL, proxy_main, p), 0);
}

static inline void proxy_on_commit(struct proxy *p, enum proxy_mode mode)
{
    atomic_store(&p->mode, mode);
}

static inline void proxy_heal(struct proxy *p)
{
    atomic_store(&p->mode, PROXY_PASS);
}

static inline void proxy_stop(struct proxy *p)
{
    atomic_store(&p->ends, true);
    pthread_join(p->thread, NULL);
    for (size_t i = 0; i < PROXY_PAIRS; i++)
        proxy_close(&p->pairs[i]);
    close(p->listener);
    unlink(p->path);
    rmdir(p->folder);
}
