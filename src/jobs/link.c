/* Linking an account: a code becomes a token, Meta is asked for the account, the app is subscribed
 * to its webhooks, and only then is anything written, all in one transaction. */
#include "base/clock.h"
#include "base/log.h"
#include "http/http.h"
#include "jobs/runner.h"
#include "model/idempotency.h"

struct link {
    struct job_write write; /* first */
    struct jobs *jobs;
    struct jobs_task *task;
    struct arena *arena; /* the task's */
    struct account_facts facts;
    int64_t asked_at; /* wall time: Meta confirmed at least what was true then */
};

static void link_finish(struct link *l, enum err e)
{
    struct jobs *j = l->jobs;
    struct jobs_task *task = l->task;
    int64_t asked_at = l->asked_at;
    j->n_pending--;
    free(l);
    if (!e)
        job_sync_linked(j, task->account_id, asked_at);
    job_task_done(task, e);
}

static void link_fail(struct link *l, const struct graph_answer *answer)
{
    struct jobs_task *task = l->task;
    l->jobs->n_pending--;
    free(l);
    job_task_answered(task, answer);
}

static void link_fail_full(struct link *l)
{
    link_finish(l,
                error_set(&l->task->error, ERR_NO_MEMORY, "The account is too large to be linked"));
}

/* --- writing (store thread) --------------------------------------------------------------- */

static enum err conflict(struct jobs_task *task)
{
    return error_set(&task->error, ERR_CONFLICT,
                     "This account is linked already, and its token works; to replace the token, "
                     "send \"replace\": true");
}

/* Here, on the store's thread, so that no rotation of the key comes between (model/sealed.h). */
static struct str seal_token(struct link *l)
{
    struct str context = arena_printf(l->arena, ACCOUNT_SEAL_CONTEXT, STR_FMT(l->task->waba_id));
    return context.ptr
               ? seal(l->jobs->options.keyring, context, secret_reveal(&l->task->token), l->arena)
               : (struct str){NULL, 0};
}

/* The account's row: a new one, or the linked one with the new token. *ret_known: it was linked,
 * and nothing asks for its token to be replaced. */
static enum err find_or_insert(struct link *l, struct tx *tx, int64_t now, struct account *ret,
                               bool *ret_known)
{
    struct jobs_task *task = l->task;
    int64_t id;
    struct str token = seal_token(l);
    if (!token.ptr)
        return ERR_NO_MEMORY;
    enum err e = account_find_waba(tx, task->waba_id, l->arena, ret);
    *ret_known = !e && !task->replace && str_eq(ret->state, STR(ACCOUNT_OK));
    if (!e && ret->workspace_id != task->workspace_id)
        return error_set(&task->error, ERR_CONFLICT,
                         "This account is linked already, in another workspace");
    if (!e)
        return account_replace_token(tx, ret->id, token);
    if (e != ERR_NOT_FOUND)
        return e;
    e = account_insert(tx, task->workspace_id, task->waba_id, l->facts.name, token, now, &id);
    return e ? e : account_find(tx, id, l->arena, ret);
}

/* The request that asked for it is known to have had its effect (developer-api.md §1.3). */
static enum err note_applied(struct jobs_task *task, struct tx *tx)
{
    if (!task->idempotency_id)
        return ERR_OK;
    enum err e = idempotency_set_applied(tx, task->idempotency_id, task->account_id);
    if (e == ERR_IN_PROGRESS)
        return error_set(&task->error, e, "Another request with this key is being carried out");
    return e;
}

static enum err link_apply(struct store_write *w, struct tx *tx)
{
    struct link *l = CONTAINER_OF(w, struct link, write.write);
    struct account account;
    struct account_outcome outcome;
    struct account_cause cause = {
        .source = "api", .linking = true, .asked_at = l->asked_at, .now = clock_now_ms()};
    bool known;
    enum err e = find_or_insert(l, tx, cause.now, &account, &known);
    if (e)
        return e;
    e = account_apply_facts(tx, &account, &l->facts, &cause, l->arena, &outcome);
    if (e)
        return e;
    if (outcome.elsewhere)
        return error_set(&l->task->error, ERR_CONFLICT,
                         "A number of this account is linked already, in another workspace");
    /* A known account is linked again for the numbers of it that were unlinked; else for nothing.
     */
    if (known && !outcome.added)
        return conflict(l->task);
    l->task->account_id = account.id;
    if (store_is_shared(l->jobs->options.store)) /* whose memory of it is fresh: ours */
        e = lease_take(tx, account.id, job_leases_replica(l->jobs));
    if (e)
        return e;
    return note_applied(l->task, tx);
}

static void on_written(struct job_write *w)
{
    struct link *l = CONTAINER_OF(w, struct link, write);
    enum err e = w->write.err;
    if (e && !l->task->error.err)
        error_set(&l->task->error, e, "The account could not be saved");
    if (!e)
        log_event(LOG_INFO, "account_linked", LOG_STR("waba_id", l->task->waba_id),
                  LOG_INT("numbers", (int64_t)l->facts.n_numbers));
    link_finish(l, e);
}

/* --- asking Meta -------------------------------------------------------------------------- */

static void on_subscribed(void *arg, const struct graph_answer *answer)
{
    struct link *l = arg;
    if (answer->outcome != GRAPH_OK) {
        link_fail(l, answer);
        return;
    }
    l->write.write.apply = link_apply;
    l->write.done = on_written;
    job_write_submit(l->jobs, &l->write);
}

static void on_fetched(void *arg, const struct graph_account *fetched)
{
    struct link *l = arg;
    struct jobs_task *task = l->task;
    if (fetched->failure.outcome != GRAPH_OK) {
        link_fail(l, &fetched->failure);
        return;
    }
    if (fetched->n_numbers == 0) {
        error_detail(&task->error, "waba_id", "has no phone number: add one in WhatsApp Manager");
        link_finish(
            l, error_set(&task->error, ERR_VALIDATION, "This account has no phone number yet"));
        return;
    }
    if (!job_read_facts(fetched, l->arena, &l->facts)) {
        link_fail_full(l);
        return;
    }
    graph_subscribe_app(l->jobs->graph, task->waba_id, &task->token, l->arena, on_subscribed, l);
}

static void link_fetch(struct link *l)
{
    l->asked_at = clock_now_ms();
    graph_fetch_account(l->jobs->graph, l->task->waba_id, &l->task->token, l->arena, on_fetched, l);
}

/* --- a code of embedded signup ------------------------------------------------------------ */

/* The token's own account: granular_scopes of debug_token name it (meta-graph.md §3.3). */
static void on_debugged(void *arg, const struct graph_answer *answer)
{
    struct link *l = arg;
    struct jobs_task *task = l->task;
    if (answer->outcome != GRAPH_OK) {
        link_fail(l, answer);
        return;
    }
    struct str found = {NULL, 0};
    size_t n = 0;
    struct json scopes = json_get(json_get(answer->json, "data"), "granular_scopes");
    json_for_each (scope, scopes) {
        if (!str_eq(json_as_str(json_get(scope, "scope"), STR("")),
                    STR("whatsapp_business_management")))
            continue;
        struct json targets = json_get(scope, "target_ids");
        n = json_len(targets);
        found = json_as_id(json_at(targets, 0), l->arena);
    }
    if (n != 1 || found.len == 0) {
        error_detail(&task->error, "waba_id", "must be sent: the code gives access to %zu accounts",
                     n);
        link_finish(l,
                    error_set(&task->error, ERR_VALIDATION, "Which account is meant is not clear"));
        return;
    }
    task->waba_id = found;
    link_fetch(l);
}

static struct str query_of(struct link *l, const struct str pairs[][2], size_t n)
{
    _cleanup_(buf_release)
    struct buf query;
    buf_init(&query, 4 * TOKEN_MAX);
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_add_char(&query, '&');
        buf_add(&query, pairs[i][0]);
        buf_add_char(&query, '=');
        http_url_encode(pairs[i][1], &query);
    }
    struct str copy = buf_ok(&query) ? arena_dup(l->arena, buf_str(&query)) : (struct str){NULL, 0};
    wipe(query.ptr, query.len);
    return copy;
}

static void on_exchanged(void *arg, const struct graph_answer *answer)
{
    struct link *l = arg;
    struct jobs_task *task = l->task;
    if (answer->outcome != GRAPH_OK) {
        link_fail(l, answer);
        return;
    }
    struct str token = json_as_str(json_get(answer->json, "access_token"), STR(""));
    if (token.len == 0 || token.len > TOKEN_MAX) {
        link_finish(
            l, error_set(&task->error, ERR_UPSTREAM, "Meta gave no access token for the code"));
        return;
    }
    secret_set(&task->token, token);
    if (task->waba_id.len) {
        link_fetch(l);
        return;
    }
    const struct str pairs[][2] = {{STR("input_token"), token}};
    struct str query = query_of(l, pairs, ARRAY_LEN(pairs));
    if (!query.ptr)
        link_fail_full(l);
    else
        graph_request(l->jobs->graph, GRAPH_GET, STR("/debug_token"), query, &task->token, l->arena,
                      on_debugged, l);
}

static void exchange_code(struct link *l)
{
    const struct jobs_options *o = &l->jobs->options;
    const struct secret *app_secret = o->graph.app_secret;
    if (!o->app_id.len || !app_secret || !app_secret->len) {
        error_detail(&l->task->error, "code", "needs the settings app-id and app-secret-file");
        link_finish(l, error_set(&l->task->error, ERR_VALIDATION,
                                 "This server has no Meta app to exchange a code with"));
        return;
    }
    const struct secret none = {0};
    const struct str pairs[][2] = {{STR("client_id"), o->app_id},
                                   {STR("client_secret"), secret_reveal(app_secret)},
                                   {STR("code"), l->task->code}};
    struct str query = query_of(l, pairs, ARRAY_LEN(pairs));
    if (!query.ptr)
        link_fail_full(l);
    else
        graph_request(l->jobs->graph, GRAPH_GET, STR("/oauth/access_token"), query, &none, l->arena,
                      on_exchanged, l);
}

void job_link(struct jobs *j, struct jobs_task *task)
{
    struct link *l = xcalloc(1, sizeof(*l));
    l->jobs = j;
    l->task = task;
    l->arena = task->arena;
    j->n_pending++;
    if (task->token.len)
        link_fetch(l);
    else
        exchange_code(l);
}
