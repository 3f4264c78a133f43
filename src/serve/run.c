/* `hudhud serve` itself: signals, and what the service manager is told. */
#include "base/clock.h"
#include "base/log.h"
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
    serve_request_stop(s);
}

/* They are blocked in every thread, and this one waits for them. */
static void *watch_signals(void *arg)
{
    struct watcher *w = arg;
    sigset_t signals = watched_signals();
    for (;;) {
        int caught;
        sigwait(&signals, &caught);
        if (atomic_load(&w->ends))
            return NULL;
        if (caught == SIGHUP)
            serve_reload(w->serve);
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
    fprintf(stderr, "hudhud %s: ready on http://%s (data folder %s, %zu loops)\n", HUDHUD_VERSION,
            s->address, data, s->n_loops);
}

/* A command without a server has the folder for some milliseconds; that is waited out. */
static enum err start_patiently(const char *data, const struct config *config, struct serve **ret,
                                struct error *error)
{
    const struct timespec pause = {.tv_nsec = 50 * 1000000};
    int64_t deadline = clock_monotonic_us() + SERVE_BUSY_WAIT_MS * INT64_C(1000);
    enum err e = serve_start(data, config, true, ret, error);
    while (e == ERR_BUSY && clock_monotonic_us() < deadline) {
        nanosleep(&pause, NULL);
        e = serve_start(data, config, true, ret, error);
    }
    return e;
}

enum err serve_run(const char *data, const struct config *config, struct error *error)
{
    /* Blocked before any thread starts, so that every thread inherits it. */
    sigset_t signals = watched_signals();
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    settings_apply_log(config);
    struct serve *s;
    enum err e = start_patiently(data, config, &s, error);
    if (e)
        return e;
    say_ready(s, data);
    struct watcher watcher = {0};
    watcher_start(&watcher, s);
    serve_drain(s);
    watcher_end(&watcher);
    serve_end(s);
    log_event(LOG_INFO, "stopped");
    return ERR_OK;
}
