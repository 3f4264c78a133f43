/* /admin/status, /admin/accounts and the checks: what an operator and `hudhud doctor` look at. */
#include "api/admin.h"
#include "api/handlers.h"
#include "api/numbers.h"
#include "base/clock.h"
#include "model/account_fact.h"
#include "store/migrations.h"

#include <sys/resource.h>
#include <unistd.h>

struct counts {
    int64_t workspaces, clients, numbers, accounts;
};

static enum err count_workspace(void *arg, const struct workspace *ws)
{
    struct counts *c = arg;
    c->workspaces++;
    c->clients += ws->n_clients;
    c->numbers += ws->n_numbers;
    return ERR_OK;
}

static enum err count_account(void *arg, const struct account *a)
{
    struct counts *c = arg;
    c->accounts++;
    return ERR_OK;
}

/* How many descriptors this process may have; 0: not known. */
static int64_t file_limit(void)
{
    struct rlimit files;
    return getrlimit(RLIMIT_NOFILE, &files) == 0 ? (int64_t)files.rlim_cur : 0;
}

static void write_server(struct json_writer *w, const struct store_server *server)
{
    json_key(w, "server");
    json_open(w, '{');
    json_member_i64(w, "version", server->version / 10000);
    json_member_bool(w, "encrypted", server->encrypted);
    json_member_bool(w, "local", server->local);
    json_member_i64(w, "clock_off_ms", server->clock_ms - clock_now_ms());
    json_close(w, '}');
}

static void write_store(struct call *call, const struct store_server *server)
{
    const struct api_shared *shared = call->api->shared;
    struct store_stats stats = store_stats(shared->store);
    struct json_writer *w = &call->out;
    json_key(w, "store");
    json_open(w, '{');
    json_member_cstr(w, "engine", store_engine_name(shared->store));
    json_member_cstr(w, "database", shared->database);
    json_member_i64(w, "replicas", store_replicas(shared->store));
    json_member_i64(w, "commits", (int64_t)stats.commits);
    json_member_i64(w, "writes", (int64_t)stats.writes);
    if (server->version)
        write_server(w, server);
    json_close(w, '}');
}

enum err status_get(struct call *call)
{
    const struct api_shared *shared = call->api->shared;
    struct counts counts = {0};
    struct store_server server;
    enum err e = workspace_each(call->tx, count_workspace, &counts);
    if (!e)
        e = account_each(call->tx, count_account, &counts);
    if (!e)
        e = tx_look_at_server(call->tx, &server);
    if (e)
        return e;
    struct json_writer *w = &call->out;
    call_begin(call);
    json_open(w, '{');
    json_member_cstr(w, "version", HUDHUD_VERSION);
    json_member_i64(w, "pid", getpid());
    json_member_time(w, "started_at", shared->started_at);
    json_member_cstr(w, "listen", shared->listen);
    json_member_cstr(w, "graph_url", shared->graph_url);
    json_member_cstr(w, "graph_version", shared->graph_version);
    json_member_i64(w, "schema_version", (int64_t)migrations_count);
    json_member_i64(w, "file_limit", file_limit());
    json_member_i64(w, "workspaces", counts.workspaces);
    json_member_i64(w, "clients", counts.clients);
    json_member_i64(w, "accounts", counts.accounts);
    json_member_i64(w, "numbers", counts.numbers);
    write_store(call, &server);
    json_close(w, '}');
    call_end(call);
    return ERR_OK;
}

static enum err write_account(void *arg, const struct account *a)
{
    struct call *call = arg;
    struct json_writer *w = &call->out;
    int64_t pulse = pulse_get(call->api->shared->pulse, a->id);
    json_open(w, '{');
    json_member_i64(w, "id", a->id);
    json_member_str(w, "domain", a->workspace_domain);
    json_member_str(w, "waba_id", a->waba_id);
    json_member_str(w, "name", a->name);
    json_member_str(w, "state", a->state);
    json_member_opt(w, "state_reason", a->state_reason);
    json_member_i64(w, "numbers", a->n_numbers);
    json_member_i64(w, "template_count", a->template_count);
    json_member_time(w, "confirmed_at", MAX(pulse, a->confirmed_at));
    json_member_time(w, "linked_at", a->linked_at);
    json_member_opt(w, "replica", a->replica);
    json_close(w, '}');
    return ERR_OK;
}

enum err accounts_list(struct call *call)
{
    call_begin(call);
    json_open(&call->out, '[');
    enum err e = account_each(call->tx, write_account, call);
    json_close(&call->out, ']');
    call_end(call);
    return e;
}

static enum err find_account(struct call *call, struct account *ret)
{
    enum err e = account_find_waba(call->tx, call_param(call, 0), call->arena, ret);
    return e == ERR_NOT_FOUND ? error_set(&call->error, e, "Account not found") : e;
}

/* A task of this kind for the account in the path. */
static enum err begin_task(struct call *call, enum jobs_kind kind)
{
    struct account account;
    enum err e = call_expect_no_fields(call);
    if (!e)
        e = find_account(call, &account);
    if (e)
        return e;
    call->task.kind = kind;
    call->task.account_id = account.id;
    return ERR_OK;
}

static enum err write_fact(void *arg, const struct account_fact *f)
{
    struct json_writer *w = arg;
    json_open(w, '{');
    json_member_str(w, "field", f->field);
    json_member_str(w, "value", f->value);
    json_member_time(w, "known_at", f->known_at);
    json_close(w, '}');
    return ERR_OK;
}

/* What Meta's webhooks said of it, beside what it says when it is asked. */
enum err account_facts(struct call *call)
{
    struct account account;
    enum err e = find_account(call, &account);
    if (e)
        return e;
    call_begin(call);
    json_open(&call->out, '[');
    e = account_fact_each(call->tx, account.id, write_fact, &call->out);
    json_close(&call->out, ']');
    call_end(call);
    return e;
}

struct history {
    struct json_writer *w;
    int64_t position; /* of the next one: they have no gaps, and come newest first */
};

static enum err write_change(void *arg, const struct change_entry *c)
{
    struct history *h = arg;
    json_open(h->w, '{');
    json_member_i64(h->w, "id", h->position--);
    numbers_write_change_members(h->w, c);
    json_close(h->w, '}');
    return ERR_OK;
}

enum err account_history(struct call *call)
{
    struct older older;
    struct account account;
    int64_t newest;
    enum err e = call_older(call, OLDER_LIMIT_MAX, &older);
    if (!e)
        e = find_account(call, &account);
    if (!e)
        e = account_count_changes(call->tx, account.id, &newest);
    if (e)
        return e;
    if (older.before)
        newest = MIN(newest, older.before - 1);
    struct history h = {&call->out, newest};
    call_begin(call);
    json_open(&call->out, '[');
    e = account_each_change(call->tx, account.id, newest, older.limit, write_change, &h);
    json_close(&call->out, ']');
    call_end(call);
    return e;
}

enum err account_sync_check(struct call *call)
{
    return begin_task(call, JOBS_SYNC);
}

enum err account_sync_run(struct call *call)
{
    struct account account;
    enum err e = find_account(call, &account);
    if (e)
        return e;
    call_begin_message(call, "Account synced successfully");
    e = write_account(call, &account);
    call_end(call);
    return e;
}

enum err account_check_check(struct call *call)
{
    return begin_task(call, JOBS_CHECK_ACCOUNT);
}

static void write_apps(struct json_writer *w, const struct jobs_task *task)
{
    json_key(w, "subscribed_apps");
    if (task->has_apps) {
        json_open(w, '[');
        for (size_t i = 0; i < task->apps.n; i++)
            json_str(w, task->apps.ids[i]);
        json_close(w, ']');
    } else {
        json_null(w);
    }
    json_member_opt(w, "subscribed_apps_message", task->apps_message);
}

enum err account_check_run(struct call *call)
{
    struct json_writer *w = &call->out;
    call_begin(call);
    json_open(w, '{');
    json_member_str(w, "waba_id", call_param(call, 0));
    json_member_cstr(w, "outcome", graph_outcome_name(call->task.outcome));
    json_member_opt(w, "message", call->task.message);
    write_apps(w, &call->task);
    json_close(w, '}');
    call_end(call);
    return ERR_OK;
}

enum err graph_check_check(struct call *call)
{
    call->task.kind = JOBS_CHECK_GRAPH;
    return ERR_OK;
}

enum err graph_check_run(struct call *call)
{
    struct json_writer *w = &call->out;
    call_begin(call);
    json_open(w, '{');
    json_member_bool(w, "reachable", call->task.outcome == GRAPH_OK);
    json_member_opt(w, "message", call->task.message);
    json_close(w, '}');
    call_end(call);
    return ERR_OK;
}
