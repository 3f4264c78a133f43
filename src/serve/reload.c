/* SIGHUP: the configuration once more, while the server runs. */
#include "base/limits.h"
#include "base/log.h"
#include "serve/server.h"
#include "serve/settings.h"

#include <sys/stat.h>

/* A line for each complaint; the one about the whole only where it stands alone. */
static void report_refusal(const struct error *error)
{
    for (const struct error_detail *d = error->details; d; d = d->next)
        log_event(LOG_ERROR, "setting_refused", LOG_STR("where", d->field),
                  LOG_STR("why", d->problem));
    log_event(LOG_ERROR, "reload_refused", LOG_STR("why", error->message),
              LOG_CSTR("effect", "every setting stays as it was"));
}

/* What is live, against the settings in force; what is not, against those of the start, as often as
 * it differs: it waits for the restart. */
static size_t report_changes(const struct serve *s, const struct config *next)
{
    size_t n = 0;
    for (size_t i = 0; i < next->n; i++) {
        bool live = next->table[i].live;
        const struct config *before = live ? s->config : s->started;
        if (str_eq(next->values[i].text, before->values[i].text))
            continue;
        n++;
        log_event(live ? LOG_INFO : LOG_WARN, "setting_changed",
                  LOG_CSTR("name", next->table[i].name), LOG_STR("from", config_shown(before, i)),
                  LOG_STR("to", config_shown(next, i)),
                  LOG_CSTR("effect", live ? "now" : "at the next restart"));
    }
    return n;
}

static void tell_loops(struct serve *s, const struct serve_news *news)
{
    for (size_t i = 0; i < s->n_running; i++)
        serve_loop_tell(&s->loops[i], news);
}

static struct timespec changed_at(const char *path)
{
    struct stat st;
    return path && stat(path, &st) == 0 ? st.st_mtim : (struct timespec){0};
}

struct tls_files serve_look_at_certificate(const struct config *config)
{
    return (struct tls_files){changed_at(config_cstr(config, "tls-certificate-file")),
                              changed_at(config_cstr(config, "tls-key-file"))};
}

static void take_tls(struct serve *s, struct http_tls_context *tls, struct tls_files files)
{
    http_tls_context_release(s->tls);
    s->tls = tls ? http_tls_context_retain(tls) : NULL;
    s->tls_files = files;
    gauge_set(&s->certificate_expires_s, tls ? http_tls_context_expires_at(tls) : 0);
}

static void take_policy(struct serve *s, struct policy *policy)
{
    policy_release(s->policy);
    s->policy = policy_retain(policy);
}

/* Nothing here can fail: what could was made before. */
static void apply(struct serve *s, const struct config *config, const struct serve_news *news,
                  struct tls_files files)
{
    settings_apply_log(config);
    atomic_store(&s->drain_timeout_s, config_number(config, "drain-timeout"));
    struct http_ledger_limits limits = settings_ledger_limits(config, news->policy);
    http_ledger_set_limits(s->ledger, &limits);
    gauge_set(&s->connections_max, (int64_t)limits.connections);
    take_tls(s, news->tls, files);
    take_policy(s, news->policy);
    tell_loops(s, news);
}

static enum err make_news(const struct config *config, struct serve_news *news, struct error *error)
{
    enum err e = settings_make_policy(config, &news->policy, error);
    return e ? e : settings_load_tls(config, &news->tls, error);
}

static void release_news(struct serve_news *news)
{
    policy_release(news->policy);
    http_tls_context_release(news->tls);
}

static struct arena *new_arena(void)
{
    struct arena *arena = xmalloc(sizeof(*arena));
    arena_init(arena, SERVE_CONFIG_ARENA_MAX);
    return arena;
}

static void free_arena(struct arena *arena)
{
    if (arena)
        arena_release(arena);
    free(arena);
}

static bool is_same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_same_pair(struct tls_files a, struct tls_files b)
{
    return is_same_time(a.certificate, b.certificate) && is_same_time(a.key, b.key);
}

/* One of the two may be written a moment before the other: what does not fit together is looked at
 * again the next time, and the old certificate stays. */
void serve_refresh_tls(struct serve *s)
{
    struct tls_files files = serve_look_at_certificate(s->config);
    if (!s->tls || is_same_pair(files, s->tls_files))
        return;
    struct arena *arena = new_arena();
    struct serve_news news = {.policy = policy_retain(s->policy)};
    struct error error;
    error_init(&error, arena);
    if (settings_load_tls(s->config, &news.tls, &error)) {
        log_event(LOG_ERROR, "certificate_refused", LOG_STR("why", error.message),
                  LOG_CSTR("effect", "the old one stays"));
    } else {
        take_tls(s, news.tls, files);
        tell_loops(s, &news);
        log_event(LOG_INFO, "certificate_reloaded");
    }
    release_news(&news);
    free_arena(arena);
}

void serve_forget_config(struct serve *s)
{
    free_arena(s->config_arena);
    s->config_arena = NULL;
}

void serve_reload(struct serve *s)
{
    systemd_notify_reloading();
    struct arena *arena = new_arena();
    struct config *next = ARENA_NEW(arena, struct config);
    struct serve_news news = {0};
    struct error error;
    error_init(&error, arena);
    struct tls_files files = {0};
    enum err e = next ? config_reload(next, s->config, arena, &error) : ERR_NO_MEMORY;
    if (!e) {
        files = serve_look_at_certificate(next); /* before they are read: they may change after */
        e = make_news(next, &news, &error);
    }
    if (e) {
        report_refusal(&error);
        counter_add(&s->reloads_refused, 1);
        gauge_set(&s->reload_failed, 1);
        release_news(&news);
        free_arena(arena);
        systemd_notify("READY=1");
        return;
    }
    size_t n = report_changes(s, next);
    if (news.tls && !is_same_pair(files, s->tls_files))
        log_event(LOG_INFO, "certificate_reloaded");
    apply(s, next, &news, files);
    systemd_notify("READY=1");
    counter_add(&s->reloads_taken, 1);
    gauge_set(&s->reload_failed, 0);
    log_event(LOG_INFO, "reloaded", LOG_INT("changes", (int64_t)n));
    release_news(&news);
    serve_forget_config(s);
    s->config = next;
    s->config_arena = arena;
}
