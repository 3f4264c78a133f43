#include "api/docs.h"
#include "api/route.h"
#include "base/clock.h"
#include "base/log.h"
#include "model/idempotency.h"
#include "model/rotation.h"
#include "serve/forms.h"
#include "serve/process.h"
#include "serve/secret_file.h"
#include "serve/server.h"
#include "serve/settings.h"

#include <errno.h>

/* --- starting ----------------------------------------------------------------------------- */

static enum err read_app_secret(struct serve *s, const struct config *config, struct error *error)
{
    const char *path = config_cstr(config, "app-secret-file");
    return path ? secret_file_read(path, "the app's secret", APP_SECRET_MAX, &s->app_secret, error)
                : ERR_OK;
}

static enum err apply_forget(struct store_write *w, struct tx *tx)
{
    return idempotency_forget_running(tx);
}

/* Should it fail, as on a full disk, they end by themselves after IDEMPOTENCY_RUNNING_S. In a
 * store that others use too they may be theirs, and end with the replica that made them. */
static void forget_running(struct store *store)
{
    struct store_write w = {.apply = apply_forget};
    if (store_write_now(store, &w))
        log_event(LOG_WARN, "claims_of_requests_left",
                  LOG_CSTR("effect", "requests cut by the last end are 409 for some minutes"));
}

/* On the store's watcher thread. */
static enum err on_directory_changed(void *arg, struct store_reader *reader)
{
    struct serve *s = arg;
    enum err e = directory_reload(&s->directory, reader);
    if (e && !s->directory_stale)
        log_event(LOG_ERROR, "directory_not_reloaded",
                  LOG_CSTR("effect", "clients are as they were; it is tried again at once"));
    else if (!e && s->directory_stale)
        log_event(LOG_INFO, "directory_reloaded");
    s->directory_stale = e != ERR_OK;
    return e;
}

static void watch_others(struct serve *s)
{
    s->watch = (struct store_watch){.directory_changed = on_directory_changed, .arg = s};
    store_watch(s->store, &s->watch);
}

static enum err open_store(struct serve *s, struct error *error)
{
    storage_log(&s->storage);
    storage_take_holder(&s->storage, &s->folder);
    enum err e = keyring_load(&s->keyring, s->folder.key, error);
    if (!e)
        e = store_open(&s->storage.options, &s->store, error);
    if (!e)
        e = store_reader_open(s->store, &s->reader, error);
    return e ? e : folder_test_key(s->reader, &s->keyring, s->folder.key, error);
}

/* A command without a server is its only caller. */
static enum err open_folder(struct serve *s, const char *data, const struct config *config,
                            bool public_listener, struct error *error)
{
    enum err e = storage_choose(&s->storage, &s->folder, config, error);
    s->storage.options.waits = !public_listener;
    if (!e)
        e = folder_find(&s->folder, data, !s->storage.url[0], error);
    if (!e)
        e = folder_lock(&s->folder, data, error);
    if (!e)
        e = open_store(s, error);
    if (e)
        return e;
    folder_tidy(&s->folder);
    rotation_finish(s->store, &s->keyring, s->folder.key, error);
    if (!store_is_shared(s->store))
        forget_running(s->store);
    pulse_init(&s->pulse);
    directory_hub_init(&s->directory, s->store, &s->keyring, s->endpoints);
    e = directory_reload(&s->directory, s->reader);
    if (e)
        return error_set(error, e, "cannot read the clients from the database");
    if (public_listener)
        watch_others(s);
    s->saved_counts = saved_counts_new(&s->directory, s->failures);
    e = saved_counts_load(s->saved_counts, s->reader, clock_now_ms());
    store_reader_close(s->reader); /* with PostgreSQL that is a process of the server's */
    s->reader = NULL;
    return e ? error_set(error, e, "cannot read the counts of the rate limits") : ERR_OK;
}

static struct jobs_webhooks read_webhooks(const struct config *config)
{
    struct jobs_webhooks w = {
        .allow_http = config_switch(config, "webhook-allow-http"),
        .allow_private = config_switch(config, "webhook-allow-private"),
        .ca_file = config_cstr(config, "webhook-ca-file"),
        .timeout_ms = (int)config_number(config, "webhook-timeout") * 1000,
        .disable_after_s = config_number(config, "webhook-disable-after"),
    };
    w.n_pauses = form_read_pauses(config_text(config, "webhook-retries"), w.pauses_ms);
    return w;
}

static enum err start_jobs(struct serve *s, const struct config *config, bool periodic,
                           struct error *error)
{
    struct jobs_options options = {
        .store = s->store,
        .keyring = &s->keyring,
        .pulse = &s->pulse,
        .graph.url = config_cstr(config, "graph-url"),
        .graph.version = config_cstr(config, "graph-version"),
        .graph.app_secret = &s->app_secret,
        .graph.timeout_ms = (int)config_number(config, "graph-timeout") * 1000,
        .webhooks = read_webhooks(config),
        .app_id = config_text(config, "app-id"),
        .sync_interval_s = periodic ? config_number(config, "sync-interval") : 0,
    };
    return jobs_start(&options, &s->jobs, error);
}

static void share(struct serve *s, const struct config *config)
{
    s->shared = (struct api_shared){
        .store = s->store,
        .jobs = s->jobs,
        .directory = &s->directory,
        .keyring = &s->keyring,
        .data = s->folder.data,
        .database = s->storage.shown,
        .key_path = s->folder.key,
        .folder_taken = &s->folder_taken,
        .routes = api_routes,
        .endpoints = s->endpoints,
        .docs = s->docs,
        .pulse = &s->pulse,
        .webhooks_allow_http = config_switch(config, "webhook-allow-http"),
        .sync_interval_s = config_number(config, "sync-interval"),
        .policy = s->policy,
        .failures = s->failures,
        .left_claims = &s->left_claims,
        .stream_counts = &s->stream_counts,
        .started_at = clock_now_ms(),
        .graph_url = config_cstr(config, "graph-url"),
        .graph_version = config_cstr(config, "graph-version"),
    };
}

static size_t count_loops(const struct config *config, bool public_listener)
{
    size_t wanted = (size_t)config_number(config, "threads");
    if (!public_listener)
        wanted = 1;
    else if (wanted == 0)
        wanted = uv_available_parallelism();
    return MIN(MAX(wanted, (size_t)1), (size_t)SERVE_LOOPS_MAX);
}

/* What all requests and unread answers may hold, over all loops. */
static void share_memory(struct serve *s, const struct config *config)
{
    size_t all = (size_t)config_number(config, "request-memory") * MIB;
    size_t each = MAX(all / s->n_loops, (size_t)HTTP_MEMORY_MIN);
    for (size_t i = 0; i < s->n_loops; i++)
        if (s->loops[i].has_public)
            http_server_set_memory(&s->loops[i].public_server, each);
}

static enum err start_loops(struct serve *s, const struct config *config, bool public_listener,
                            struct error *error)
{
    size_t wanted = count_loops(config, public_listener);
    s->loops = xcalloc(wanted, sizeof(*s->loops));
    for (size_t i = 0; i < wanted; i++) {
        enum err e = serve_open_loop(s, config, public_listener, error);
        if (e)
            return e;
    }
    if (public_listener)
        serve_name_address(s, config_text(config, "listen"));
    share_memory(s, config);
    for (; s->n_running < s->n_loops; s->n_running++)
        serve_loop_start(&s->loops[s->n_running]);
    return ERR_OK;
}

/* Nobody counts any more. */
static void write_last_counts(struct serve *s)
{
    if (s->n_running && saved_counts_finish(s->saved_counts, s->store, clock_now_ms()))
        log_event(LOG_WARN, "counts_not_written",
                  LOG_CSTR("effect", "rate limits begin with those of a second ago"));
}

/* Until they have returned the loops take requests, and hand some of them to the jobs. */
static void end_threads(struct serve *s)
{
    jobs_stop(s->jobs); /* its tasks come back to loops that still run */
    for (size_t i = 0; i < s->n_running; i++)
        serve_loop_order(&s->loops[i], LOOP_END);
    for (size_t i = 0; i < s->n_running; i++)
        serve_loop_join(&s->loops[i]);
    write_last_counts(s);
}

static void release(struct serve *s)
{
    for (size_t i = 0; i < s->n_loops; i++)
        serve_loop_release(&s->loops[i]);
    free(s->loops);
    if (s->has_upkeep)
        upkeep_release(&s->upkeep);
    http_ledger_free(s->ledger);
    http_tls_context_release(s->tls);
    jobs_free(s->jobs);
    saved_counts_free(s->saved_counts);
    policy_release(s->policy);
    failures_free(s->failures);
    left_claims_release(&s->left_claims);
    stream_counts_release(&s->stream_counts);
    docs_free(s->docs);
    free(s->endpoints);
    if (s->store)
        store_unwatch(s->store);
    if (s->directory.store)
        directory_hub_release(&s->directory);
    pulse_release(&s->pulse);
    store_reader_close(s->reader);
    store_close(s->store);
    if (s->has_ops)
        ops_release(&s->ops);
    secret_release(&s->app_secret);
    keyring_release(&s->keyring);
    storage_release(&s->storage);
    folder_unlock(&s->folder);
    sem_destroy(&s->stop_asked);
    sem_destroy(&s->drained);
    serve_forget_config(s);
    free(s);
}

/* Without a public listener there are no connections to be counted, and no certificate is needed.
 */
static enum err prepare_listening(struct serve *s, const struct config *config,
                                  bool public_listener, struct error *error)
{
    struct http_ledger_limits limits = settings_ledger_limits(config, s->policy);
    s->ledger = http_ledger_new(&limits);
    gauge_set(&s->connections_max, (int64_t)limits.connections);
    s->tls_files = serve_look_at_certificate(config);
    enum err e = public_listener ? settings_load_tls(config, &s->tls, error) : ERR_OK;
    if (!e && s->tls)
        gauge_set(&s->certificate_expires_s, http_tls_context_expires_at(s->tls));
    return e;
}

enum err serve_start_on(const char *data, const struct config *config, bool public_listener,
                        struct systemd_sockets sockets, struct serve **ret, struct error *error)
{
    struct serve *s = xcalloc(1, sizeof(*s));
    process_keep_secrets();
    sem_init(&s->stop_asked, 0, 0);
    sem_init(&s->drained, 0, 0);
    s->endpoints = route_endpoints_new(api_routes);
    s->failures = failures_new();
    left_claims_init(&s->left_claims);
    stream_counts_init(&s->stream_counts);
    s->started = s->config = config;
    s->sockets = sockets;
    atomic_store(&s->drain_timeout_s, config_number(config, "drain-timeout"));
    enum err e = settings_make_policy(config, &s->policy, error);
    if (!e)
        e = prepare_listening(s, config, public_listener, error);
    if (!e)
        e = folder_name(&s->folder, data, error);
    if (!e)
        e = read_app_secret(s, config, error);
    if (!e)
        e = open_folder(s, data, config, public_listener, error);
    if (!e)
        e = start_jobs(s, config, public_listener, error);
    if (!e) {
        if (public_listener)
            s->docs = docs_new(api_routes, s->endpoints);
        share(s, config);
        e = start_loops(s, config, public_listener, error);
    }
    if (!e) {
        *ret = s;
        return ERR_OK;
    }
    end_threads(s); /* as far as they were started */
    release(s);
    return e;
}

enum err serve_start(const char *data, const struct config *config, bool public_listener,
                     struct serve **ret, struct error *error)
{
    return serve_start_on(data, config, public_listener, (struct systemd_sockets){-1, -1}, ret,
                          error);
}

/* --- stopping ----------------------------------------------------------------------------- */

void serve_request_stop(struct serve *s)
{
    /* All of it async-signal-safe. */
    sem_post(atomic_fetch_add(&s->n_stop_asked, 1) == 0 ? &s->stop_asked : &s->drained);
}

static void wait_for(sem_t *sem)
{
    while (sem_wait(sem) != 0 && errno == EINTR)
        ;
}

static bool wait_until(sem_t *sem, const struct timespec *deadline)
{
    while (sem_timedwait(sem, deadline) != 0)
        if (errno != EINTR)
            return false;
    return true;
}

/* Until every loop has drained, the time is over, or somebody asks a second time. */
static void drain(struct serve *s)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += atomic_load(&s->drain_timeout_s);
    for (size_t i = 0; i < s->n_running; i++)
        serve_loop_order(&s->loops[i], LOOP_DRAIN);
    for (size_t i = 0; i < s->n_running; i++) {
        if (!wait_until(&s->drained, &deadline) || atomic_load(&s->n_stop_asked) > 1)
            break;
    }
    for (size_t i = 0; i < s->n_running; i++)
        serve_loop_order(&s->loops[i], LOOP_COUNT);
}

static void report_late(const struct serve *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_running; i++)
        n += s->loops[i].n_late;
    if (n)
        log_event(LOG_WARN, "drain_cut", LOG_INT("requests", (int64_t)n),
                  LOG_CSTR("effect", "they were begun, and are cut or refused"));
}

void serve_drain(struct serve *s)
{
    wait_for(&s->stop_asked);
    atomic_store(&s->draining, true);
    drain(s);
}

void serve_end(struct serve *s)
{
    end_threads(s);
    report_late(s);
    release(s);
}

void serve_finish(struct serve *s)
{
    serve_drain(s);
    serve_end(s);
}
