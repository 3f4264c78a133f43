/* SIGHUP: the configuration once more, while the server runs. */
#include "base/limits.h"
#include "base/log.h"
#include "serve/server.h"
#include "serve/settings.h"

/* A line for each complaint; the one about the whole only where it stands alone. */
static void report_refusal(const struct error *error)
{
    for (const struct error_detail *d = error->details; d; d = d->next)
        log_event(LOG_ERROR, "setting_refused", LOG_STR("where", d->field),
                  LOG_STR("why", d->problem));
    log_event(LOG_ERROR, "reload_refused", LOG_STR("why", error->message),
              LOG_CSTR("effect", "every setting stays as it was"));
}

static struct str shown(const struct config *c, size_t i)
{
    struct str text = c->values[i].text;
    return c->table[i].secret && text.len ? STR("(set)") : text;
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
                  LOG_CSTR("name", next->table[i].name), LOG_STR("from", shown(before, i)),
                  LOG_STR("to", shown(next, i)),
                  LOG_CSTR("effect", live ? "now" : "at the next restart"));
    }
    return n;
}

static void tell_loops(struct serve *s, const struct serve_news *news)
{
    for (size_t i = 0; i < s->n_running; i++)
        serve_loop_tell(&s->loops[i], news);
}

/* Nothing here can fail: what could was made before. */
static void apply(struct serve *s, const struct config *config, const struct serve_news *news)
{
    settings_apply_log(config);
    atomic_store(&s->drain_timeout_s, config_number(config, "drain-timeout"));
    tell_loops(s, news);
}

static enum err make_news(const struct config *config, struct serve_news *news, struct error *error)
{
    return settings_make_policy(config, &news->policy, error);
}

static void release_news(struct serve_news *news)
{
    policy_release(news->policy);
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

void serve_forget_config(struct serve *s)
{
    free_arena(s->config_arena);
    s->config_arena = NULL;
}

void serve_reload(struct serve *s)
{
    struct arena *arena = new_arena();
    struct config *next = ARENA_NEW(arena, struct config);
    struct serve_news news = {0};
    struct error error;
    error_init(&error, arena);
    enum err e = next ? config_reload(next, s->config, arena, &error) : ERR_NO_MEMORY;
    if (!e)
        e = make_news(next, &news, &error);
    if (e) {
        report_refusal(&error);
        free_arena(arena);
        return;
    }
    size_t n = report_changes(s, next);
    apply(s, next, &news);
    log_event(LOG_INFO, "reloaded", LOG_INT("changes", (int64_t)n));
    release_news(&news);
    serve_forget_config(s);
    s->config = next;
    s->config_arena = arena;
}
