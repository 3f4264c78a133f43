#include "gate/directory_apps.h"
#include "base/log.h"
#include "model/app.h"

struct loading {
    const struct keyring *keyring;
    struct arena *arena;
    struct directory_app **end; /* where the next one goes */
};

static bool open_one(const struct loading *l, const char *prefix, const struct app *a,
                     struct str record, struct secret *ret)
{
    struct str context = arena_printf(l->arena, "%s%.*s", prefix, STR_FMT(a->app_id));
    return context.ptr && seal_open(l->keyring, context, record, ret) == ERR_OK;
}

static bool open_secrets(const struct loading *l, const struct app *a, struct directory_app *to)
{
    return open_one(l, APP_SECRET_PREFIX, a, a->sealed_secret, &to->secret) &&
           (!a->sealed_previous.len ||
            open_one(l, APP_SECRET_PREFIX, a, a->sealed_previous, &to->previous)) &&
           open_one(l, APP_TOKEN_PREFIX, a, a->sealed_token, &to->token);
}

/* One that does not open is left out: nothing passes for its. */
static enum err load_app(void *arg, const struct app *a)
{
    struct loading *l = arg;
    struct directory_app *to = xcalloc(1, sizeof(*to));
    *to = (struct directory_app){.id = a->id,
                                 .workspace_id = a->workspace_id,
                                 .domain = arena_dup(l->arena, a->workspace_domain),
                                 .previous_until = a->previous_until};
    if (to->domain.ptr && open_secrets(l, a, to)) {
        *l->end = to;
        l->end = &to->next;
        return ERR_OK;
    }
    bool full = !to->domain.ptr;
    directory_apps_free(to);
    if (!full)
        log_event(LOG_ERROR, "app_secret_unreadable", LOG_STR("app_id", a->app_id),
                  LOG_CSTR("mend", "remove the app and add it again, or restore the key file"));
    return full ? ERR_NO_MEMORY : ERR_OK;
}

enum err directory_apps_load(struct tx *tx, const struct keyring *keyring, struct arena *arena,
                             struct directory_app **ret)
{
    struct loading l = {keyring, arena, ret};
    return app_each(tx, load_app, &l);
}

void directory_apps_free(struct directory_app *apps)
{
    while (apps) {
        struct directory_app *next = apps->next;
        secret_release(&apps->secret);
        secret_release(&apps->previous);
        secret_release(&apps->token);
        free(apps);
        apps = next;
    }
}
