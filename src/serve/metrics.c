#include "serve/metrics.h"
#include "api/metrics.h"
#include "base/err.h"
#include "serve/exposition.h"
#include "serve/process.h"
#include "serve/server.h"

#include <sys/stat.h>

static void one(struct buf *out, const char *name, const char *type, const char *help,
                uint64_t value)
{
    exposition_family(out, name, type, help);
    exposition_u64(out, name, NO_LABELS, value);
}

/* --- the process -------------------------------------------------------------------------- */

static void write_process(const struct serve *s, struct buf *out)
{
    struct process_stats p = process_stats();
    exposition_family(out, "hudhud_build_info", "gauge", "Always 1; the labels tell the build.");
    exposition_u64(out, "hudhud_build_info", LABELS({"version", STR(HUDHUD_VERSION)}), 1);
    exposition_family(out, "hudhud_reloads_total", "counter",
                      "SIGHUPs, by what became of the configuration.");
    exposition_u64(out, "hudhud_reloads_total", LABELS({"result", STR("taken")}),
                   counter_read(&s->reloads_taken));
    exposition_u64(out, "hudhud_reloads_total", LABELS({"result", STR("refused")}),
                   counter_read(&s->reloads_refused));
    one(out, "hudhud_reload_failed", "gauge", "1 when the last SIGHUP found a wrong configuration.",
        (uint64_t)gauge_read(&s->reload_failed));
    one(out, "hudhud_loops", "gauge", "Event loops.", s->n_loops);
    exposition_family(out, "process_start_time_seconds", "gauge", "When it started, Unix time.");
    exposition_double(out, "process_start_time_seconds", NO_LABELS,
                      (double)s->shared.started_at / 1000);
    exposition_family(out, "process_cpu_seconds_total", "counter", "CPU time, user and system.");
    exposition_double(out, "process_cpu_seconds_total", NO_LABELS, p.cpu_s);
    one(out, "process_resident_memory_bytes", "gauge", "Memory in RAM.", p.resident_bytes);
    one(out, "process_open_fds", "gauge", "Open file descriptors.", p.open_files);
    one(out, "process_max_fds", "gauge", "How many it may have.", p.max_files);
}

/* --- requests ----------------------------------------------------------------------------- */

static const struct api_metrics *metrics_of(const struct serve *s, size_t loop)
{
    return &s->loops[loop].api.metrics;
}

static uint64_t sum_answers(const struct serve *s, size_t row, size_t column)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s->n_loops; i++)
        n += counter_read(&metrics_of(s, i)->by_route[row].answers[column]);
    return n;
}

static void write_answers(const struct serve *s, struct buf *out)
{
    static const char name[] = "hudhud_requests_total";
    exposition_family(out, name, "counter",
                      "Answered requests by route, method and status; route is empty when none "
                      "took the request.");
    for (size_t row = 0; row < api_metrics_rows(metrics_of(s, 0)); row++) {
        struct api_metrics_row r = api_metrics_row(metrics_of(s, 0), row);
        for (size_t column = 0; column < API_STATUSES_MAX; column++) {
            uint64_t n = sum_answers(s, row, column);
            char status[8] = "other";
            if (n == 0)
                continue;
            if (api_statuses[column])
                snprintf(status, sizeof(status), "%d", api_statuses[column]);
            exposition_u64(out, name,
                           LABELS({"listener", str_from(r.listener)},
                                  {"method", str_from(r.method)}, {"route", str_from(r.pattern)},
                                  {"status", str_from(status)}),
                           n);
        }
    }
}

static uint64_t count_of(const struct histogram_values *v)
{
    uint64_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(v->buckets); i++)
        n += v->buckets[i];
    return n;
}

/* Routes of the signed API are there from the start; the others once they were called. */
static void write_times(const struct serve *s, struct buf *out)
{
    static const char name[] = "hudhud_request_seconds";
    exposition_family(out, name, "histogram",
                      "From the end of a request's header to its answer, by route and method.");
    for (size_t row = 0; row < api_metrics_rows(metrics_of(s, 0)); row++) {
        struct api_metrics_row r = api_metrics_row(metrics_of(s, 0), row);
        struct histogram_values v = {0};
        for (size_t i = 0; i < s->n_loops; i++)
            histogram_read(&metrics_of(s, i)->by_route[row].times, &v);
        if (strcmp(r.listener, "api") == 0 || count_of(&v))
            exposition_histogram(out, name,
                                 LABELS({"listener", str_from(r.listener)},
                                        {"method", str_from(r.method)},
                                        {"route", str_from(r.pattern)}),
                                 &histogram_times, &v);
    }
}

/* Several errors have one code: each code has its line where its first one stands. */
static bool is_first_of_code(enum err e)
{
    for (int before = 0; before < (int)e; before++)
        if (strcmp(err_code((enum err)before), err_code(e)) == 0)
            return false;
    return true;
}

static uint64_t sum_errors(const struct serve *s, enum err e, bool refused)
{
    uint64_t n = 0;
    for (int other = 0; other < ERR_COUNT; other++) {
        if (strcmp(err_code((enum err)other), err_code(e)) != 0)
            continue;
        for (size_t i = 0; i < s->n_loops; i++)
            n += counter_read(refused ? &metrics_of(s, i)->refused[other]
                                      : &metrics_of(s, i)->errors[other]);
    }
    return n;
}

static void write_errors(const struct serve *s, struct buf *out, const char *name, bool refused,
                         const char *help)
{
    exposition_family(out, name, "counter", help);
    for (int e = ERR_OK + 1; e < ERR_COUNT; e++)
        if (is_first_of_code((enum err)e))
            exposition_u64(out, name, LABELS({"error", str_from(err_code((enum err)e))}),
                           sum_errors(s, (enum err)e, refused));
}

static void write_requests(const struct serve *s, struct buf *out)
{
    int64_t in_flight = 0;
    uint64_t limited = 0;
    for (size_t i = 0; i < s->n_loops; i++) {
        in_flight += gauge_read(&metrics_of(s, i)->in_flight);
        limited += counter_read(&metrics_of(s, i)->failures_limited);
    }
    write_answers(s, out);
    write_times(s, out);
    one(out, "hudhud_requests_in_flight", "gauge", "Requests that are being answered now.",
        (uint64_t)MAX(in_flight, INT64_C(0)));
    one(out, "hudhud_event_streams", "gauge", "Streams of events that are open (GET /events).",
        (uint64_t)MAX(gauge_read(&s->stream_counts.all), INT64_C(0)));
    write_errors(s, out, "hudhud_request_errors_total", false,
                 "Answers that were errors, by their code.");
    write_errors(s, out, "hudhud_requests_refused_total", true,
                 "Requests that HTTP itself refused, before any route, by code.");
    one(out, "hudhud_authentication_limited_total", "counter",
        "Of the rate_limit_exceeded: addresses that failed to authenticate too often.", limited);
}

/* --- connections -------------------------------------------------------------------------- */

static void write_connections(const struct serve *s, struct buf *out)
{
    static const char refused[] = "hudhud_connections_refused_total";
    struct http_ledger_stats l = http_ledger_stats(s->ledger);
    one(out, "hudhud_connections", "gauge", "Open connections to the signed API.", l.open);
    one(out, "hudhud_connections_max", "gauge", "How many there may be.",
        (uint64_t)gauge_read(&s->connections_max));
    exposition_family(out, refused, "counter", "Connections that were closed at once, by reason.");
    exposition_u64(out, refused, LABELS({"reason", STR("full")}), l.refused_full);
    exposition_u64(out, refused, LABELS({"reason", STR("address")}), l.refused_greedy);
    one(out, "hudhud_connections_evicted_total", "counter",
        "Idle connections that were closed for a new one.", l.evicted);
    exposition_family(out, "hudhud_tls_certificate_expires_seconds", "gauge",
                      "When the certificate ends, Unix time; 0 without TLS.");
    exposition_u64(out, "hudhud_tls_certificate_expires_seconds", NO_LABELS,
                   (uint64_t)MAX(gauge_read(&s->certificate_expires_s), INT64_C(0)));
}

/* --- the store ---------------------------------------------------------------------------- */

static uint64_t file_size(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void write_store(const struct serve *s, struct buf *out)
{
    struct store_stats st = store_stats(s->store);
    bool is_file = !s->storage.url[0];
    char log_path[sizeof(s->folder.database) + 8];
    snprintf(log_path, sizeof(log_path), "%s-wal", s->folder.database);
    one(out, "hudhud_store_commits_total", "counter", "Commits that changed something.",
        st.commits);
    one(out, "hudhud_store_writes_total", "counter", "Writes that were committed.", st.writes);
    one(out, "hudhud_store_commit_failures_total", "counter",
        "Commits that failed; all their writes were refused.", st.failed_commits);
    one(out, "hudhud_store_failing", "gauge", "1 when the last commit failed.", st.failing);
    one(out, "hudhud_store_queue_writes", "gauge", "Writes that wait for a commit.", st.waiting);
    one(out, "hudhud_store_checkpoints_total", "counter", "Checkpoints of the log.",
        st.checkpoints);
    exposition_family(out, "hudhud_store_commit_seconds", "histogram", "How long a commit takes.");
    exposition_histogram(out, "hudhud_store_commit_seconds", NO_LABELS, &histogram_times,
                         &st.times);
    exposition_family(out, "hudhud_store_commit_writes", "histogram",
                      "How many writes shared a commit.");
    exposition_histogram(out, "hudhud_store_commit_writes", NO_LABELS, &histogram_sizes,
                         &st.batches);
    one(out, "hudhud_store_database_bytes", "gauge", "Size of the database file; 0: there is none.",
        is_file ? file_size(s->folder.database) : 0);
    one(out, "hudhud_store_log_bytes", "gauge", "Size of the write-ahead log's file.",
        is_file ? file_size(log_path) : 0);
    one(out, "hudhud_store_connects_total", "counter",
        "Connections to PostgreSQL that were made, the first ones too.", st.connects);
    one(out, "hudhud_store_replicas", "gauge", "Processes that use the store, this one too.",
        (uint64_t)store_replicas(s->store));
}

/* --- Meta --------------------------------------------------------------------------------- */

static void write_outcomes(struct buf *out, const char *name, const char *help,
                           const struct counter counters[GRAPH_OUTCOMES])
{
    exposition_family(out, name, "counter", help);
    for (int i = 0; i < GRAPH_OUTCOMES; i++)
        exposition_u64(out, name,
                       LABELS({"outcome", str_from(graph_outcome_name((enum graph_outcome)i))}),
                       counter_read(&counters[i]));
}

static void write_gauge(struct buf *out, const char *name, const char *help,
                        const struct gauge *gauge)
{
    one(out, name, "gauge", help, (uint64_t)MAX(gauge_read(gauge), INT64_C(0)));
}

static void write_jobs(const struct serve *s, struct buf *out)
{
    const struct jobs_stats *j = jobs_stats(s->jobs);
    struct histogram_values times = {0};
    histogram_read(&j->graph.times, &times);
    write_outcomes(out, "hudhud_graph_requests_total", "Requests to Meta, by how they ended.",
                   j->graph.answers);
    exposition_family(out, "hudhud_graph_request_seconds", "histogram",
                      "How long a request to Meta takes.");
    exposition_histogram(out, "hudhud_graph_request_seconds", NO_LABELS, &histogram_times, &times);
    write_gauge(out, "hudhud_graph_requests_running", "Requests to Meta under way.",
                &j->graph.running);
    write_gauge(out, "hudhud_graph_requests_waiting", "Requests to Meta that wait for a place.",
                &j->graph.waiting);
    write_outcomes(out, "hudhud_syncs_total", "Syncs of accounts, by what Meta answered.",
                   j->syncs);
    one(out, "hudhud_syncs_unwritten_total", "counter",
        "Syncs whose outcome the store did not take.", counter_read(&j->syncs_unwritten));
    write_gauge(out, "hudhud_syncs_running", "Syncs under way.", &j->syncs_running);
    write_gauge(out, "hudhud_jobs_pending", "Runs of any job that are not over.", &j->runs_pending);
    write_gauge(out, "hudhud_accounts", "Linked accounts that this process keeps in sync.",
                &j->accounts);
    write_gauge(out, "hudhud_accounts_failing", "Accounts whose last sync failed.",
                &j->accounts_failing);
    one(out, "hudhud_accounts_claimed_total", "counter", "Accounts taken over from nobody.",
        counter_read(&j->leases_claimed));
    one(out, "hudhud_accounts_given_back_total", "counter", "Accounts left to another replica.",
        counter_read(&j->leases_given));
    one(out, "hudhud_accounts_lost_total", "counter", "Accounts that another replica took.",
        counter_read(&j->leases_lost));
}

/* --- webhooks, in and out ----------------------------------------------------------------- */

static void write_inbound(const struct serve *s, struct buf *out)
{
    uint64_t deliveries = 0, known = 0, changes = 0, changed = 0, unapplied = 0;
    for (size_t i = 0; i < s->n_loops; i++) {
        const struct inbound_metrics *m = &s->loops[i].api.inbound;
        deliveries += counter_read(&m->deliveries);
        known += counter_read(&m->known);
        changes += counter_read(&m->changes);
        changed += counter_read(&m->changed);
        unapplied += counter_read(&m->unapplied);
    }
    one(out, "hudhud_inbound_total", "counter", "Webhooks of Meta's that were taken.", deliveries);
    one(out, "hudhud_inbound_known_total", "counter",
        "Of them, those that had come before and were applied.", known);
    one(out, "hudhud_inbound_changes_total", "counter", "Changes in Meta's webhooks.", changes);
    one(out, "hudhud_inbound_changed_total", "counter", "Of them, those that were news.", changed);
    one(out, "hudhud_inbound_unapplied_total", "counter",
        "What of Meta's webhooks could not be applied, and is kept.", unapplied);
}

static void write_deliveries(const struct serve *s, struct buf *out)
{
    static const char *const outcomes[DELIVERY_OUTCOMES] = {
        [DELIVERY_DONE] = "done",
        [DELIVERY_RETRIED] = "retried",
        [DELIVERY_DEAD] = "dead",
    };
    static const char tries[] = "hudhud_deliveries_total", times[] = "hudhud_delivery_seconds";
    const struct jobs_stats *j = jobs_stats(s->jobs);
    struct histogram_values v = {0};
    histogram_read(&j->delivery_times, &v);
    exposition_family(out, tries, "counter", "Tries to deliver an event, by how they ended.");
    for (int i = 0; i < DELIVERY_OUTCOMES; i++)
        exposition_u64(out, tries, LABELS({"outcome", str_from(outcomes[i])}),
                       counter_read(&j->deliveries[i]));
    exposition_family(out, times, "histogram",
                      "From an event to the answer that took it, the retries between them too.");
    exposition_histogram(out, times, NO_LABELS, &histogram_times, &v);
    write_gauge(out, "hudhud_deliveries_running", "Deliveries under way.", &j->deliveries_running);
    write_gauge(out, "hudhud_delivery_lanes",
                "Webhooks that have deliveries, or rest after failures.", &j->lanes);
}

void metrics_write(const struct serve *s, struct buf *out)
{
    write_process(s, out);
    write_requests(s, out);
    write_connections(s, out);
    write_store(s, out);
    write_jobs(s, out);
    write_inbound(s, out);
    write_deliveries(s, out);
}
