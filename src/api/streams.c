#include "api/streams.h"
#include "api/respond.h"
#include "api/run.h"
#include "base/clock.h"
#include "base/log.h"

/* One stream; lives until it has ended and no page is being read for it. */
struct event_stream {
    struct list node;     /* of the loop's streams */
    struct list due_node; /* of those that are due */
    struct api *api;
    struct http_stream *http; /* NULL: it has ended */
    int64_t workspace_id, client_row_id;
    char client_id[CLIENT_ID_MAX + 1];
    uint64_t secret_mark; /* of the secret that signed */
    char request_id[HTTP_REQUEST_ID_LEN];
    int64_t begun_us; /* monotonic */
    int64_t told;     /* events */
    uint64_t wanted;
    int64_t after;              /* all up to this event has been told, or is not wanted */
    char last_id[EVENT_ID_LEN]; /* of the same event */
    bool untold;                /* the client does not know last_id */
    uint64_t told_ms;           /* by uv_now; when it was last written to */
    bool reading;               /* a page is being read */
    bool again;                 /* there may be more than what was read, or is being read */
    int64_t rows;               /* of the next page, at most */
    struct store_read read;
    struct {
        struct buf text;
        int64_t after;
        char last_id[EVENT_ID_LEN];
        bool untold;
        bool more;          /* there are more */
        int64_t rows, told; /* of them, those that were wanted */
    } page;                 /* while it is read, of the thread that reads it */
};

_Static_assert(EVENT_PAGE_MAX + KIB < HTTP_STREAM_MAX, "a page fits, behind a heartbeat");

/* --- who has how many ---------------------------------------------------------------------- */

struct client_count {
    struct list node;
    int64_t client_row_id;
    size_t n;
};

void stream_counts_init(struct stream_counts *c)
{
    *c = (struct stream_counts){0};
    if (pthread_mutex_init(&c->mutex, NULL) != 0)
        die("cannot make a mutex");
    list_init(&c->clients);
}

void stream_counts_release(struct stream_counts *c)
{
    pthread_mutex_destroy(&c->mutex);
}

static struct client_count *find_count(const struct stream_counts *c, int64_t client_row_id)
{
    list_for_each (node, &c->clients) {
        struct client_count *count = CONTAINER_OF(node, struct client_count, node);
        if (count->client_row_id == client_row_id)
            return count;
    }
    return NULL;
}

/* False: it has as many as it may. */
static bool count_in(struct stream_counts *c, int64_t client_row_id)
{
    pthread_mutex_lock(&c->mutex);
    struct client_count *count = find_count(c, client_row_id);
    if (!count) {
        count = xcalloc(1, sizeof(*count));
        count->client_row_id = client_row_id;
        list_add(&c->clients, &count->node);
    }
    bool fits = count->n < EVENT_STREAMS_MAX;
    if (fits) {
        count->n++;
        gauge_add(&c->all, 1);
    }
    pthread_mutex_unlock(&c->mutex);
    return fits;
}

static void count_out(struct stream_counts *c, int64_t client_row_id)
{
    pthread_mutex_lock(&c->mutex);
    struct client_count *count = find_count(c, client_row_id);
    gauge_add(&c->all, -1);
    if (--count->n == 0) {
        list_remove(&count->node);
        free(count);
    }
    pthread_mutex_unlock(&c->mutex);
}

/* --- the end of one ------------------------------------------------------------------------ */

static void free_if_unused(struct event_stream *es)
{
    if (es->http || es->reading)
        return;
    buf_release(&es->page.text);
    free(es);
}

static void let_go(struct event_stream *es, const char *why)
{
    struct streams *s = &es->api->streams;
    bool logs = es->api->gate.policy->log_requests == POLICY_LOG_ALL;
    log_event(logs ? LOG_INFO : LOG_DEBUG, "stream_ended",
              LOG_STR("id", str_make(es->request_id, HTTP_REQUEST_ID_LEN)),
              LOG_CSTR("client", es->client_id), LOG_CSTR("why", why), LOG_INT("events", es->told),
              LOG_INT("us", clock_monotonic_us() - es->begun_us));
    list_remove(&es->node);
    list_remove(&es->due_node);
    count_out(es->api->shared->stream_counts, es->client_row_id);
    es->http = NULL;
    if (--s->n == 0) {
        atomic_store(&s->any, false);
        uv_timer_stop(&s->tick);
    }
    free_if_unused(es);
}

static void on_gone(void *arg, enum http_stream_end why)
{
    static const char *const whys[] = {
        [HTTP_STREAM_LEFT] = "the client left",
        [HTTP_STREAM_STUCK] = "the client took nothing for too long",
        [HTTP_STREAM_DRAINED] = "the server stops",
    };
    let_go(arg, whys[why]);
}

static void end(struct event_stream *es, const char *why)
{
    struct http_stream *http = es->http;
    let_go(es, why);
    http_stream_end(http);
}

/* --- a page -------------------------------------------------------------------------------- */

static bool is_wanted(const struct event_stream *es, struct str name)
{
    int index = event_index(name);
    if (index < 0)
        return es->wanted == UINT64_MAX && !str_eq(name, STR(EVENT_TEST));
    return es->wanted >> index & 1;
}

/* JSON that came from elsewhere may have line ends between its values; never within them. */
static void add_on_one_line(struct buf *out, struct str json)
{
    size_t from = out->len;
    buf_add(out, json);
    for (size_t i = from; i < out->len; i++)
        if (out->ptr[i] == '\n' || out->ptr[i] == '\r')
            out->ptr[i] = ' ';
}

static enum err add_event(void *arg, const struct event *e)
{
    struct event_stream *es = arg;
    struct buf *out = &es->page.text;
    if (out->len >= EVENT_PAGE_SIZE) {
        es->page.more = true;
        return ERR_LIMIT;
    }
    es->page.untold = !is_wanted(es, e->name);
    if (!es->page.untold) {
        buf_printf(out, "id: %.*s\nevent: %.*s\ndata: ", STR_FMT(e->event_id), STR_FMT(e->name));
        add_on_one_line(out, e->body);
        buf_add(out, STR("\n\n"));
    }
    es->page.rows++;
    es->page.told += !es->page.untold;
    es->page.after = e->id;
    memcpy(es->page.last_id, e->event_id.ptr, MIN(e->event_id.len, (size_t)EVENT_ID_LEN));
    return buf_ok(out) ? ERR_OK : ERR_NO_MEMORY;
}

/* On a thread of the store's, or on the loop. */
static enum err read_page(struct store_read *read, struct tx *tx)
{
    struct event_stream *es = CONTAINER_OF(read, struct event_stream, read);
    buf_clear(&es->page.text);
    es->page.after = es->after;
    es->page.rows = es->page.told = 0;
    es->page.more = es->page.untold = false;
    enum err e = event_each_after(tx, es->workspace_id, es->after, es->rows, add_event, es);
    if (es->page.rows == es->rows)
        es->page.more = true;
    return e == ERR_LIMIT ? ERR_OK : e;
}

/* `took` goes on when it is read. */
static enum err begin_read(struct api *api, struct store_read *read,
                           enum err (*run)(struct store_read *r, struct tx *tx),
                           void (*took)(struct store_read *read))
{
    read->run = run;
    read->reply_to = &api->streams.reads;
    if (!store_reads_inline(api->shared->store)) {
        enum err e = store_submit_read(api->shared->store, read);
        api->n_pending += !e;
        return e;
    }
    struct tx *tx;
    read->err = store_read_begin(api->reader, &tx);
    if (!read->err)
        read->err = run(read, tx);
    took(read);
    return ERR_OK;
}

/* In the next turn: who has much to catch up with leaves time for the others. */
static void set_due(struct event_stream *es)
{
    struct streams *s = &es->api->streams;
    list_remove(&es->due_node);
    list_add(&s->due, &es->due_node);
    uv_async_send(&es->api->wake);
}

/* It may be gone afterwards. */
static void tell(struct event_stream *es, struct str text)
{
    es->told_ms = uv_now(es->api->wake.loop);
    if (http_stream_write(es->http, text))
        http_stream_flush(es->http);
    else
        end(es, "no memory"); /* the client comes again */
}

/* What a page does not use was read for nothing, perhaps from another machine. */
static void choose_rows(struct event_stream *es)
{
    if (es->page.rows == es->rows)
        es->rows = MIN(2 * es->rows, (int64_t)EVENT_PAGE_ROWS);
    else if (es->page.more)
        es->rows = es->page.rows + 1;
}

static void take_page(struct store_read *read)
{
    struct event_stream *es = CONTAINER_OF(read, struct event_stream, read);
    es->reading = false;
    if (!es->http) {
        free_if_unused(es);
        return;
    }
    if (read->err) {
        es->again = true; /* the next tick tries it once more */
        return;
    }
    choose_rows(es);
    if (es->page.rows) {
        es->told += es->page.told;
        es->after = es->page.after;
        es->untold = es->page.untold;
        memcpy(es->last_id, es->page.last_id, EVENT_ID_LEN);
    }
    if (es->page.more || es->again)
        set_due(es);
    es->again = false;
    struct buf text = es->page.text;
    buf_init(&es->page.text, EVENT_PAGE_MAX);
    if (text.len)
        tell(es, buf_str(&text));
    buf_release(&text);
}

/* Reads on, unless it is reading, or the client has not taken the last page yet. */
static void read_on(struct event_stream *es)
{
    if (es->reading || !http_stream_is_ready(es->http)) {
        es->again = true;
        return;
    }
    es->again = false;
    es->reading = true;
    if (begin_read(es->api, &es->read, read_page, take_page)) {
        es->reading = false;
        es->again = true;
    }
}

static void on_writable(void *arg)
{
    struct event_stream *es = arg;
    if (es->again)
        read_on(es);
}

static void read_on_all_due(struct streams *s)
{
    struct list due;
    list_init(&due);
    list_move_all(&due, &s->due);
    for (struct list *node; (node = list_take(&due));)
        read_on(CONTAINER_OF(node, struct event_stream, due_node));
}

/* --- what is new --------------------------------------------------------------------------- */

static enum err note_workspace(void *arg, int64_t workspace_id)
{
    struct stream_look *look = arg;
    if (look->n_workspaces < EVENT_LOOK_SPACES)
        look->workspaces[look->n_workspaces++] = workspace_id;
    else
        look->all = true;
    return ERR_OK;
}

/* On a thread of the store's, or on the loop. */
static enum err run_look(struct store_read *read, struct tx *tx)
{
    struct stream_look *look = CONTAINER_OF(read, struct stream_look, read);
    int64_t newest, n = 0;
    look->n_workspaces = 0;
    look->next = look->cursor;
    look->all = look->back = look->more = false;
    enum err e = event_newest(tx, &newest);
    if (e || newest == look->cursor)
        return e;
    if (look->cursor < 0 || newest < look->cursor) {
        look->all = true;
        look->back = newest < look->cursor; /* the newest of all is never swept */
        look->next = newest;
        return ERR_OK;
    }
    e = event_each_new(tx, &look->next, &n, note_workspace, look);
    look->more = n == EVENT_LOOK_ROWS;
    return e;
}

static bool concerns(const struct stream_look *look, const struct event_stream *es)
{
    for (size_t i = 0; i < look->n_workspaces; i++)
        if (look->workspaces[i] == es->workspace_id)
            return true;
    return look->all;
}

/* Each stream, once; `each` may end any of them. */
static void for_each_stream(struct streams *s, void (*each)(struct event_stream *es))
{
    struct list left;
    list_init(&left);
    list_move_all(&left, &s->all);
    for (struct list *node; (node = list_take(&left));) {
        list_add(&s->all, node);
        each(CONTAINER_OF(node, struct event_stream, node));
    }
}

static void end_of_restore(struct event_stream *es)
{
    end(es, "a backup was restored");
}

static void take_look(struct store_read *read)
{
    struct stream_look *look = CONTAINER_OF(read, struct stream_look, read);
    struct streams *s = CONTAINER_OF(look, struct streams, look);
    look->runs = false;
    if (read->err) {
        look->due_ms = 0; /* the next tick tries it once more */
        return;
    }
    look->cursor = look->next;
    if (look->back) {
        for_each_stream(s, end_of_restore);
        return;
    }
    list_for_each (node, &s->all) {
        struct event_stream *es = CONTAINER_OF(node, struct event_stream, node);
        if (concerns(look, es))
            set_due(es);
    }
    if (look->more) {
        atomic_store(&s->announced, true);
        uv_async_send(&((struct api *)s->tick.data)->wake);
    }
}

static void begin_look(struct api *api)
{
    struct streams *s = &api->streams;
    if (s->look.runs) {
        atomic_store(&s->announced, true); /* once it is back */
        return;
    }
    s->look.runs = true;
    s->look.due_ms = uv_now(api->wake.loop) + EVENT_LOOK_MS;
    if (begin_read(api, &s->look.read, run_look, take_look)) {
        s->look.runs = false;
        s->look.due_ms = 0;
    }
}

/* On a thread of the store's. */
static void on_announced(void *arg)
{
    struct api *api = arg;
    if (!atomic_load(&api->streams.any))
        return; /* who begins now begins behind this commit */
    atomic_store(&api->streams.announced, true);
    uv_async_send(&api->wake);
}

static void take_reads(struct api *api)
{
    struct streams *s = &api->streams;
    struct list done;
    list_init(&done);
    queue_take_all(&s->reads, &done);
    for (struct list *node; (node = list_take(&done));) {
        struct store_read *read = CONTAINER_OF(node, struct store_read, node);
        if (read == &s->look.read)
            take_look(read);
        else
            take_page(read);
        run_end_pending(api);
    }
}

void streams_wake(struct api *api)
{
    struct streams *s = &api->streams;
    take_reads(api);
    if (!s->look.runs && atomic_exchange(&s->announced, false) && s->n)
        begin_look(api);
    read_on_all_due(s);
}

/* --- now and then -------------------------------------------------------------------------- */

/* Its client may have been disabled meanwhile, may no longer read this, or has another secret. */
static bool is_permitted(struct event_stream *es)
{
    struct arena arena;
    struct error error;
    const struct directory_client *client =
        directory_find(&es->api->gate.view, str_from(es->client_id));
    if (!client || !client->enabled || client->id != es->client_row_id ||
        client->workspace->id != es->workspace_id || !client->permissions->all_numbers ||
        !directory_client_has(client, es->secret_mark, clock_now_ms()))
        return false;
    arena_init(&arena, ARENA_BLOCK_SIZE);
    error_init(&error, &arena);
    enum err e = permissions_check(client->permissions, false, STR("events"), &error);
    arena_release(&arena);
    return !e;
}

/* So that proxies do not take it for dead, and who is dead is noticed. A client whose last events
 * were none that it wanted hears where it is, also while there is much of that to read. */
static void beat(struct event_stream *es)
{
    char text[64];
    if (!http_stream_is_ready(es->http))
        return;
    int n = es->untold ? snprintf(text, sizeof(text), ": \nid: %.*s\n\n", EVENT_ID_LEN, es->last_id)
                       : snprintf(text, sizeof(text), ": \n\n");
    es->untold = false;
    tell(es, str_make(text, (size_t)n));
}

static void on_tick_of(struct event_stream *es)
{
    if (!is_permitted(es)) {
        end(es, "the client may not read it any more");
        return;
    }
    if (es->again && !es->reading)
        set_due(es);
    if (uv_now(es->api->wake.loop) - es->told_ms >= EVENT_HEARTBEAT_MS)
        beat(es);
}

static void on_tick(uv_timer_t *tick)
{
    struct api *api = tick->data;
    struct streams *s = &api->streams;
    if (s->n && uv_now(tick->loop) >= s->look.due_ms)
        begin_look(api);
    for_each_stream(s, on_tick_of);
}

/* --- the beginning of one ------------------------------------------------------------------ */

static struct event_stream *stream_new(const struct call *call, const struct stream_wish *wish)
{
    struct event_stream *es = xcalloc(1, sizeof(*es));
    list_init(&es->node);
    list_init(&es->due_node);
    es->api = call->api;
    es->workspace_id = call->caller.workspace_id;
    es->client_row_id = call->caller.client_row_id;
    snprintf(es->client_id, sizeof(es->client_id), "%.*s", STR_FMT(call->caller.client_id));
    es->secret_mark = call->caller.secret_mark;
    memcpy(es->request_id, call->request->id, HTTP_REQUEST_ID_LEN);
    es->begun_us = clock_monotonic_us();
    es->rows = EVENT_PAGE_FIRST;
    es->wanted = wish->wanted;
    es->after = wish->after;
    memcpy(es->last_id, wish->last_id, EVENT_ID_LEN);
    buf_init(&es->page.text, EVENT_PAGE_MAX);
    return es;
}

/* Where a page is read later it sees what was committed meanwhile: only now may the loop miss
 * nothing more. The first look is at once, so that what goes back from here on is noticed; one that
 * is still under way, from before, is as good. */
static void let_in(struct event_stream *es)
{
    struct streams *s = &es->api->streams;
    list_add(&s->all, &es->node);
    set_due(es);
    if (s->n++ > 0)
        return;
    atomic_store(&s->any, true);
    uv_timer_start(&s->tick, on_tick, EVENT_TICK_MS, EVENT_TICK_MS);
    if (!s->look.runs)
        s->look.cursor = -1;
    begin_look(es->api);
}

/* Its id is said at once, so that also a client that is cut before its first event misses none. */
static void greet(struct event_stream *es)
{
    char text[128];
    int n = snprintf(text, sizeof(text), "retry: %d\nid: %.*s\n\n", EVENT_RETRY_MS, EVENT_ID_LEN,
                     es->last_id);
    tell(es, str_make(text, (size_t)n));
}

static enum err admit(struct call *call, struct event_stream *es)
{
    if (!is_permitted(es))
        return error_set(&call->error, ERR_PERMISSION_DENIED,
                         "This client may not read the events any more");
    if (count_in(call->api->shared->stream_counts, es->client_row_id))
        return ERR_OK;
    call->error.retry_after = EVENT_HEARTBEAT_MS / 1000;
    return error_set(&call->error, ERR_RATE_LIMIT,
                     "This client has %d streams open, and may have no more: end one first",
                     EVENT_STREAMS_MAX);
}

void streams_begin(struct call *call, const struct stream_wish *wish)
{
    static const struct http_stream_hooks hooks = {on_writable, on_gone};
    struct event_stream *es = stream_new(call, wish);
    enum err e = admit(call, es);
    if (e) {
        free_if_unused(es);
        respond(call, e);
        return;
    }
    es->http = respond_stream(call, STR("text/event-stream"), &hooks, es);
    if (!es->http) {
        count_out(es->api->shared->stream_counts, es->client_row_id);
        free_if_unused(es);
        return;
    }
    let_in(es);
    greet(es);
}

/* --- life ---------------------------------------------------------------------------------- */

void streams_open(struct api *api, uv_loop_t *loop)
{
    struct streams *s = &api->streams;
    list_init(&s->all);
    list_init(&s->due);
    queue_init(&s->reads, run_wake, &api->wake);
    uv_timer_init(loop, &s->tick);
    s->tick.data = api;
    s->listener.announced = on_announced;
    s->listener.arg = api;
    store_listen(api->shared->store, &s->listener);
}

void streams_close(struct api *api)
{
    store_unlisten(api->shared->store, &api->streams.listener);
    uv_close((uv_handle_t *)&api->streams.tick, NULL);
}

void streams_release(struct api *api)
{
    queue_release(&api->streams.reads);
}
