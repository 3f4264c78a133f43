/* `hudhud serve` itself: signals, and what the service manager is told. */
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "serve/process.h"
#include "serve/server.h"
#include "serve/settings.h"

#include <signal.h>

/* --- signals ------------------------------------------------------------------------------ */

static sigset_t watched_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    return signals;
}

struct watcher {
    pthread_t thread;
    struct serve *serve;
    _Atomic bool ends;
};

/* The first one begins the drain, a second one ends it. */
static void on_stop_signal(struct serve *s, const char *name)
{
    log_event(LOG_INFO, atomic_load(&s->n_stop_asked) ? "drain_ended" : "draining",
              LOG_CSTR("signal", name));
    systemd_notify("STOPPING=1");
    serve_request_stop(s);
}

/* They are blocked in every thread, and this one waits for them; now and then it looks whether the
 * certificate is still the one in force. */
static void *watch_signals(void *arg)
{
    struct watcher *w = arg;
    sigset_t signals = watched_signals();
    for (;;) {
        const struct timespec look = {.tv_sec = SERVE_TLS_LOOK_S};
        int caught = sigtimedwait(&signals, NULL, &look);
        if (atomic_load(&w->ends))
            return NULL;
        if (caught == SIGHUP)
            serve_reload(w->serve);
        else if (caught < 0)
            serve_refresh_tls(w->serve);
        else
            on_stop_signal(w->serve, caught == SIGTERM ? "TERM" : "INT");
    }
}

static void watcher_start(struct watcher *w, struct serve *s)
{
    w->serve = s;
    if (pthread_create(&w->thread, NULL, watch_signals, w) != 0)
        die("cannot start a thread");
}

static void watcher_end(struct watcher *w)
{
    atomic_store(&w->ends, true);
    /* Blocked everywhere, so that sigwait takes it and nothing is killed. */
    pthread_kill(w->thread, SIGTERM); /* NOLINT(bugprone-bad-signal-to-kill-thread) */
    pthread_join(w->thread, NULL);
}

/* --- hudhud serve ------------------------------------------------------------------------- */

static void say_ready(const struct serve *s, const char *data)
{
    if (s->has_ops)
        log_event(LOG_INFO, "ops_listening", LOG_INT("port", s->ops_port),
                  LOG_CSTR("paths", "/healthz /readyz /metrics"));
    bool on_server = s->storage.url[0];
    fprintf(stderr, "hudhud %s: ready on %s://%s (data folder %s%s%s, %zu loops)\n", HUDHUD_VERSION,
            s->tls ? "https" : "http", s->address, data, on_server ? ", store " : "",
            on_server ? s->storage.shown : "", s->n_loops);
}

/* A command without a server has the folder for some milliseconds; that is waited out. */
static enum err start_patiently(const char *data, const struct config *config,
                                struct systemd_sockets sockets, struct serve **ret,
                                struct error *error)
{
    const struct timespec pause = {.tv_nsec = 50 * 1000000};
    int64_t deadline = clock_monotonic_us() + SERVE_BUSY_WAIT_MS * INT64_C(1000);
    enum err e = serve_start_on(data, config, true, sockets, ret, error);
    while (e == ERR_BUSY && clock_monotonic_us() < deadline) {
        nanosleep(&pause, NULL);
        e = serve_start_on(data, config, true, sockets, ret, error);
    }
    return e;
}

/* Each connection is a descriptor. */
static void warn_if_few_files(const struct config *config)
{
    uint64_t files = process_raise_file_limit();
    int64_t connections = config_number(config, "connections");
    if (files && files < (uint64_t)connections + SERVE_FILES_RESERVED)
        log_event(LOG_WARN, "file_limit_low", LOG_INT("files", (int64_t)files),
                  LOG_INT("connections", connections),
                  LOG_CSTR("effect", "not so many connections can be open at once"),
                  LOG_CSTR("mend", "raise LimitNOFILE or ulimit -n, or lower connections"));
}

static void run(struct serve *s, const char *data)
{
    say_ready(s, data);
    systemd_notify("READY=1");
    struct watcher watcher = {0};
    watcher_start(&watcher, s);
    serve_drain(s);
    watcher_end(&watcher);
    serve_end(s);
    log_event(LOG_INFO, "stopped");
}

enum err serve_run(const char *data, const struct config *config, struct error *error)
{
    /* Blocked before any thread starts, so that every thread inherits it. */
    sigset_t signals = watched_signals();
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    settings_apply_log(config);
    warn_if_few_files(config);
    struct systemd_sockets sockets = systemd_take_sockets();
    struct serve *s;
    enum err e = start_patiently(data, config, sockets, &s, error);
    if (!e)
        run(s, data);
    closep(&sockets.api);
    closep(&sockets.ops);
    return e;
}
