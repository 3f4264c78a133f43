/* curl multi on a libuv loop. curl says which sockets it watches (on_socket) and when it wants to
 * be called again (on_timeout); libuv tells it what happened (on_poll, on_timer); what is done is
 * then fetched in `collect`, outside of every callback of curl's, so that a callback of ours may
 * begin requests or close the graph. */
#include "graph/transport.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/list.h"
#include "crypto/hex.h"
#include "crypto/hmac.h"
#include "graph/answer.h"

#include <curl/curl.h>

struct graph {
    uv_loop_t *loop;
    CURLM *multi;
    char *url;     /* with the version, no slash at its end */
    bool is_local; /* a loopback address: no proxy is in between */
    struct secret app_secret;
    struct hmac hmac;
    int timeout_ms;
    struct graph_learned learned;
    struct graph_stats *stats; /* NULL: nothing is counted */

    struct list running;   /* in the multi */
    struct list waiting;   /* for one of GRAPH_CONNECTIONS_MAX places */
    struct list stillborn; /* cannot be sent; answered on the loop's next turn */
    size_t n_running;
    struct list pollers;

    uv_timer_t timer; /* curl's */
    uv_timer_t soon;  /* for the stillborn */
    size_t n_handles; /* of libuv's, not yet closed; the graph lives until there are none */
    bool closing;
};

struct poller { /* a socket that curl watches */
    struct list node;
    struct graph *graph;
    uv_poll_t poll;
    curl_socket_t fd;
};

struct transfer {
    struct list node; /* in one of the graph's three lists */
    struct graph *graph;
    enum graph_method method;
    struct buf url;
    struct secret token;
    struct arena *arena;
    graph_cb *cb;
    void *arg;
    struct graph_answer stillborn; /* what a stillborn one is answered */

    CURL *easy; /* from here on: of a running one */
    struct curl_slist *headers;
    struct buf body;
    struct buf app_usage, business_usage;
    size_t header_bytes;
    bool was_sent;
    int64_t begun_us;    /* monotonic */
    const char *gave_up; /* why we ended it; else NULL */
    char why[CURL_ERROR_SIZE];
};

struct graph_learned *graph_learned(struct graph *g)
{
    return &g->learned;
}

struct str graph_path(char out[GRAPH_PATH_MAX], struct str id, const char *edge)
{
    if (!str_is_digits(id) || id.len > META_ID_MAX)
        return STR("");
    int len = snprintf(out, GRAPH_PATH_MAX, "/%.*s%s%s", STR_FMT(id), *edge ? "/" : "", edge);
    return str_make(out, (size_t)len);
}

/* --- one transfer ------------------------------------------------------------------------- */

static void leave_multi(struct transfer *t)
{
    if (!t->easy)
        return;
    curl_multi_remove_handle(t->graph->multi, t->easy);
    curl_easy_cleanup(t->easy);
    t->easy = NULL;
}

static void free_transfer(struct transfer *t)
{
    for (struct curl_slist *h = t->headers; h; h = h->next)
        wipe(h->data, strlen(h->data)); /* one of them is the token */
    curl_slist_free_all(t->headers);
    secret_release(&t->token);
    wipe(t->url.ptr, t->url.len); /* a query may hold a secret: a code, a token to look at */
    buf_release(&t->url);
    buf_release(&t->body);
    buf_release(&t->app_usage);
    buf_release(&t->business_usage);
    free(t);
}

static size_t list_length(const struct list *list)
{
    size_t n = 0;
    list_for_each (node, list)
        n++;
    return n;
}

static void show_load(struct graph *g)
{
    if (!g->stats)
        return;
    gauge_set(&g->stats->running, (int64_t)g->n_running);
    gauge_set(&g->stats->waiting, (int64_t)list_length(&g->waiting));
}

static void count_answer(const struct transfer *t, const struct graph_answer *a)
{
    struct graph_stats *stats = t->graph->stats;
    if (!stats)
        return;
    counter_add(&stats->answers[a->outcome], 1);
    if (t->begun_us)
        histogram_add(&stats->times, &histogram_times,
                      (uint64_t)(clock_monotonic_us() - t->begun_us));
}

/* The last thing that happens to a transfer, in no list any more. It leaves the multi first: the
 * callback may close the graph. */
static void answer(struct transfer *t, const struct graph_answer *a)
{
    leave_multi(t);
    count_answer(t, a);
    t->cb(t->arg, a);
    free_transfer(t);
}

static size_t give_up(struct transfer *t, const char *why)
{
    t->gave_up = why;
    return 0; /* fewer bytes than it was given: curl ends the transfer */
}

/* The text after decompression, so a small answer that unpacks into a large one is ended too. */
static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    buf_add(&t->body, str_make(bytes, size * n));
    return buf_ok(&t->body) ? size * n : give_up(t, "the answer is larger than we read");
}

static size_t on_header(char *bytes, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    struct str line = str_make(bytes, size * n);
    t->header_bytes += line.len;
    if (t->header_bytes > GRAPH_HEADERS_MAX)
        return give_up(t, "the answer's headers are larger than we read");
    while (line.len && (line.ptr[line.len - 1] == '\r' || line.ptr[line.len - 1] == '\n'))
        line.len--;

    struct str value = line, name = str_split(&value, ':');
    struct buf *keep = str_eq_nocase(name, STR("X-App-Usage"))                 ? &t->app_usage
                       : str_eq_nocase(name, STR("X-Business-Use-Case-Usage")) ? &t->business_usage
                                                                               : NULL;
    if (keep) {
        buf_clear(keep);
        buf_add(keep, str_trim(value));
    }
    return size * n;
}

/* Right before a request is written. curl sends it a second time by itself when a kept connection
 * turns out to be closed before an answer; the server may have acted on the first all the same. A
 * GET may be repeated, anything else must not be: its fate is for the caller to judge. */
static int on_send(void *arg, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
    struct transfer *t = arg;
    if (t->was_sent && t->method != GRAPH_GET) {
        t->gave_up = "the connection was closed before an answer came";
        return CURL_PREREQFUNC_ABORT;
    }
    t->was_sent = true;
    return CURL_PREREQFUNC_OK;
}

static void must(CURLcode code)
{
    if (code != CURLE_OK) /* options of ours, that this curl knows: only memory can fail */
        die(curl_easy_strerror(code));
}

static void add_header(struct transfer *t, const char *line)
{
    struct curl_slist *headers = curl_slist_append(t->headers, line);
    if (!headers)
        die("out of memory");
    t->headers = headers;
}

static void set_token(struct transfer *t)
{
    char line[sizeof("Authorization: Bearer ") + TOKEN_MAX];
    snprintf(line, sizeof(line), "Authorization: Bearer %.*s", STR_FMT(secret_reveal(&t->token)));
    add_header(t, line);
    wipe(line, sizeof(line));
}

static void set_headers(struct transfer *t)
{
    add_header(t, "Accept: application/json");
    if (t->token.len)
        set_token(t);
    must(curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers));
}

static void set_method(struct transfer *t)
{
    if (t->method == GRAPH_POST) {
        must(curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE, 0L));
        must(curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, ""));
    } else if (t->method == GRAPH_DELETE) {
        must(curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, "DELETE"));
    }
}

static void set_limits(struct transfer *t)
{
    const struct graph *g = t->graph;
    long connect_ms = MIN(g->timeout_ms, GRAPH_CONNECT_TIMEOUT_MS);
    must(curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)g->timeout_ms));
    must(curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms));
    must(curl_easy_setopt(t->easy, CURLOPT_MAXFILESIZE, (long)GRAPH_BODY_MAX));
    must(curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https"));
    must(curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 0L)); /* not with our token */
    must(curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYPEER, 1L));
    must(curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYHOST, 2L));
    must(curl_easy_setopt(t->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2));
    /* Not HTTP/2: there all accounts would share one connection, and one that silently died would
     * take each of their requests with it until the system gives the connection up. */
    must(curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1));
    must(curl_easy_setopt(t->easy, CURLOPT_TCP_KEEPALIVE, 1L));
    must(curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L)); /* the process ignores SIGPIPE */
    /* A name is looked up on a thread of curl's; ending a transfer must not wait for that thread,
     * which with a dead name server would stop the whole loop. */
    must(curl_easy_setopt(t->easy, CURLOPT_QUICK_EXIT, 1L));
    if (g->is_local)
        must(curl_easy_setopt(t->easy, CURLOPT_PROXY, ""));
}

static void set_callbacks(struct transfer *t)
{
    must(curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t));
    must(curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->why));
    must(curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body));
    must(curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t));
    must(curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header));
    must(curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t));
    must(curl_easy_setopt(t->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L)); /* a proxy's */
    must(curl_easy_setopt(t->easy, CURLOPT_PREREQFUNCTION, on_send));
    must(curl_easy_setopt(t->easy, CURLOPT_PREREQDATA, t));
}

static void start(struct transfer *t)
{
    struct graph *g = t->graph;
    t->begun_us = clock_monotonic_us();
    t->easy = curl_easy_init();
    if (!t->easy)
        die("out of memory");
    buf_add_char(&t->url, '\0');
    must(curl_easy_setopt(t->easy, CURLOPT_URL, t->url.ptr));
    must(curl_easy_setopt(t->easy, CURLOPT_USERAGENT, "hudhud/" HUDHUD_VERSION));
    must(curl_easy_setopt(t->easy, CURLOPT_ACCEPT_ENCODING, "gzip"));
    set_headers(t);
    set_method(t);
    set_limits(t);
    set_callbacks(t);
    list_add(&g->running, &t->node);
    g->n_running++;
    if (curl_multi_add_handle(g->multi, t->easy) != CURLM_OK)
        die("out of memory");
}

/* Those that waited begin in their order; their time-outs run from here. */
static void start_waiting(struct graph *g)
{
    while (!g->closing && g->n_running < GRAPH_CONNECTIONS_MAX && !list_empty(&g->waiting))
        start(CONTAINER_OF(list_take(&g->waiting), struct transfer, node));
    show_load(g);
}

/* --- the end of a transfer ---------------------------------------------------------------- */

/* Did something answer that we cannot use, or did nothing? Unusable are: what on_body or on_header
 * gave up; a Content-Length that is too large; gzip that is none; what is not HTTP, or HTTP/0.9; a
 * header longer than curl itself takes. */
static enum graph_outcome outcome_of(CURLcode code)
{
    switch (code) {
    case CURLE_WRITE_ERROR:
    case CURLE_FILESIZE_EXCEEDED:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
#if LIBCURL_VERSION_NUM >= 0x080600 /* a header too long; CURLE_OUT_OF_MEMORY before */
    case CURLE_TOO_LARGE:
#endif
    case CURLE_OUT_OF_MEMORY: return GRAPH_UNUSABLE;
    case CURLE_URL_MALFORMAT: return GRAPH_REFUSED; /* curl did not send it */
    default: return GRAPH_UNREACHABLE;
    }
}

static struct graph_answer broken(struct transfer *t, CURLcode code)
{
    struct str why = str_from(*t->why ? t->why : curl_easy_strerror(code));
    if (t->gave_up)
        why = str_from(t->gave_up);
    else if (code == CURLE_FILESIZE_EXCEEDED)
        why = STR("the answer is larger than we read");
    if (!str_is_utf8(why))
        why = str_from(curl_easy_strerror(code));
    return graph_answer_make(outcome_of(code), graph_text(why, &t->token, t->arena));
}

static void finish(struct transfer *t, CURLcode code)
{
    long http_status = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &http_status);
    struct graph_raw raw = {
        .http_status = (int)http_status,
        .app_usage = buf_str(&t->app_usage),
        .business_usage = buf_str(&t->business_usage),
        .body = buf_str(&t->body),
    };
    struct graph_answer a;
    if (code == CURLE_OK) {
        graph_answer_read(&raw, &t->token, t->arena, &a);
    } else {
        a = broken(t, code);
        a.http_status = raw.http_status;
    }
    list_remove(&t->node);
    t->graph->n_running--;
    answer(t, &a);
}

static void collect(struct graph *g)
{
    int left;
    CURLMsg *message;
    while (!g->closing && (message = curl_multi_info_read(g->multi, &left))) {
        struct transfer *t = NULL;
        CURLcode code = message->data.result; /* the message dies with its transfer */
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t) == CURLE_OK)
            finish(t, code);
    }
    start_waiting(g);
}

/* --- curl and libuv ----------------------------------------------------------------------- */

static void on_handle_closed(struct graph *g)
{
    if (--g->n_handles > 0 || !g->closing)
        return;
    curl_global_cleanup();
    hmac_release(&g->hmac);
    secret_release(&g->app_secret);
    free(g->url);
    free(g);
}

static void on_timer_closed(uv_handle_t *handle)
{
    on_handle_closed(handle->data);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct poller *p = handle->data;
    struct graph *g = p->graph;
    free(p);
    on_handle_closed(g);
}

static void close_poller(struct poller *p)
{
    list_remove(&p->node);
    uv_poll_stop(&p->poll);
    uv_close((uv_handle_t *)&p->poll, on_poll_closed);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    const struct poller *p = poll->data;
    struct graph *g = p->graph; /* the poller may be gone after curl is called */
    int running, what = status < 0 ? CURL_CSELECT_ERR : 0;
    if (events & UV_READABLE)
        what |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        what |= CURL_CSELECT_OUT;
    curl_multi_socket_action(g->multi, p->fd, what, &running);
    collect(g);
}

static struct poller *open_poller(struct graph *g, curl_socket_t fd)
{
    struct poller *p = xcalloc(1, sizeof(*p));
    p->graph = g;
    p->fd = fd;
    if (uv_poll_init_socket(g->loop, &p->poll, fd) != 0) {
        free(p);
        return NULL;
    }
    p->poll.data = p;
    g->n_handles++;
    list_add(&g->pollers, &p->node);
    curl_multi_assign(g->multi, fd, p);
    return p;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct graph *g = arg;
    struct poller *p = socket_arg;
    if (what == CURL_POLL_REMOVE) {
        if (p)
            close_poller(p);
        curl_multi_assign(g->multi, fd, NULL);
        return 0;
    }
    if (!p && !(p = open_poller(g, fd)))
        return -1; /* curl ends its transfers */
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    return uv_poll_start(&p->poll, events, on_poll) == 0 ? 0 : -1;
}

static void on_timer(uv_timer_t *timer)
{
    struct graph *g = timer->data;
    int running;
    long again = -1;
    curl_multi_socket_action(g->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(g);
    /* libuv counts whole milliseconds and may have been early; curl does not ask a second time for
     * a moment that it asked for before, and would sleep for ever. */
    if (!g->closing && !uv_is_active((uv_handle_t *)timer) &&
        curl_multi_timeout(g->multi, &again) == CURLM_OK && again >= 0)
        uv_timer_start(timer, on_timer, (uint64_t)again + 1, 0);
}

static int on_timeout(CURLM *multi, long ms, void *arg)
{
    struct graph *g = arg;
    if (g->closing)
        return 0;
    uv_update_time(g->loop); /* libuv counts from its last turn, which may be long ago */
    if (ms < 0)
        uv_timer_stop(&g->timer);
    else
        uv_timer_start(&g->timer, on_timer, (uint64_t)ms, 0);
    return 0;
}

/* --- requests ----------------------------------------------------------------------------- */

/* One at a time: its callback may add another, or close the graph. */
static void on_soon(uv_timer_t *timer)
{
    struct graph *g = timer->data;
    struct list *node = list_take(&g->stillborn);
    if (!node) {
        uv_timer_stop(timer);
        return;
    }
    struct transfer *t = CONTAINER_OF(node, struct transfer, node);
    answer(t, &t->stillborn);
}

/* Visible ASCII: nothing that could end the header it travels in. An empty one is fine: the request
 * then goes without that header, as some of Meta's do. */
static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~')
            return false;
    }
    return s.len <= TOKEN_MAX;
}

/* Lower-case hex of HMAC-SHA256 over the token, keyed with the app's secret (meta-graph.md §8). */
static void add_proof(struct transfer *t, bool first)
{
    struct graph *g = t->graph;
    unsigned char mac[HMAC_LEN];
    char hex[2 * HMAC_LEN];
    struct str token = secret_reveal(&t->token);
    hmac_sha256(&g->hmac, secret_reveal(&g->app_secret), &token, 1, mac);
    hex_encode(mac, sizeof(mac), hex);
    buf_printf(&t->url, "%cappsecret_proof=", first ? '?' : '&');
    buf_add(&t->url, str_make(hex, sizeof(hex)));
}

static void build_url(struct transfer *t, struct str path, struct str query)
{
    buf_init(&t->url, GRAPH_URL_MAX);
    buf_printf(&t->url, "%s%.*s", t->graph->url, STR_FMT(path));
    if (query.len)
        buf_printf(&t->url, "?%.*s", STR_FMT(query));
    if (t->graph->app_secret.len && t->token.len)
        add_proof(t, !query.len);
}

static struct graph_answer check(const struct transfer *t, struct str path)
{
    if (t->graph->closing)
        return graph_answer_make(GRAPH_CANCELLED, STR("shutting down"));
    if (!is_token(secret_reveal(&t->token)))
        return graph_answer_make(GRAPH_TOKEN_DEAD,
                                 STR("this is no access token: it is too long, or holds blanks "
                                     "or other characters that no token has"));
    if (!path.len)
        return graph_answer_make(GRAPH_REFUSED,
                                 STR("this is no id of Meta's: up to 32 digits are expected"));
    if (!buf_ok(&t->url))
        return graph_answer_make(GRAPH_REFUSED, STR("the request is too long"));
    return graph_answer_make(GRAPH_OK, STR(""));
}

void graph_request(struct graph *g, enum graph_method method, struct str path, struct str query,
                   const struct secret *token, struct arena *arena, graph_cb *cb, void *arg)
{
    struct transfer *t = xcalloc(1, sizeof(*t));
    t->graph = g;
    t->method = method;
    t->arena = arena;
    t->cb = cb;
    t->arg = arg;
    list_init(&t->node);
    secret_set(&t->token, secret_reveal(token));
    build_url(t, path, query);
    buf_init(&t->body, GRAPH_BODY_MAX);
    buf_init(&t->app_usage, GRAPH_HEADER_MAX);
    buf_init(&t->business_usage, GRAPH_HEADER_MAX);

    t->stillborn = check(t, path);
    if (t->stillborn.outcome == GRAPH_OK) {
        list_add(&g->waiting, &t->node);
        start_waiting(g);
    } else if (g->closing) {
        answer(t, &t->stillborn); /* there is no next turn */
    } else {
        list_add(&g->stillborn, &t->node);
        uv_timer_start(&g->soon, on_soon, 0, 1);
    }
}

/* --- opening and closing ------------------------------------------------------------------ */

static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           strncmp(host, "127.", 4) == 0;
}

static bool url_part_is_empty(CURLU *u, CURLUPart part)
{
    char *text = NULL;
    bool is_empty = curl_url_get(u, part, &text, 0) != CURLUE_OK;
    curl_free(text);
    return is_empty;
}

/* An address as graph_options want it; also says whether it is this machine's own. */
static bool check_url(const char *url, bool *ret_local)
{
    CURLU *u = curl_url();
    if (!u)
        die("out of memory");
    char *host = NULL;
    size_t len = strlen(url);
    bool is_web = strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;
    bool ok = is_web && len < GRAPH_URL_MAX / 2 && url[len - 1] != '/' &&
              curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
              url_part_is_empty(u, CURLUPART_QUERY) && url_part_is_empty(u, CURLUPART_FRAGMENT) &&
              url_part_is_empty(u, CURLUPART_USER);
    if (ok)
        *ret_local = is_loopback(host);
    curl_free(host);
    curl_url_cleanup(u);
    return ok;
}

/* "v25.0" */
static bool check_version(const char *version)
{
    struct str rest = str_from(version);
    if (!rest.len || rest.ptr[0] != 'v')
        return false;
    rest = str_skip(rest, 1);
    struct str major = str_split(&rest, '.');
    return str_is_digits(major) && str_is_digits(rest) && major.len <= 4 && rest.len <= 4;
}

static void open_multi(struct graph *g)
{
    g->multi = curl_multi_init();
    if (!g->multi)
        die("out of memory");
    curl_multi_setopt(g->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(g->multi, CURLMOPT_SOCKETDATA, g);
    curl_multi_setopt(g->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(g->multi, CURLMOPT_TIMERDATA, g);
    curl_multi_setopt(g->multi, CURLMOPT_MAXCONNECTS, (long)GRAPH_CONNECTIONS_MAX);
}

static void open_timer(struct graph *g, uv_timer_t *timer)
{
    uv_timer_init(g->loop, timer); /* cannot fail */
    timer->data = g;
    g->n_handles++;
}

enum err graph_open(uv_loop_t *loop, const struct graph_options *options, struct graph **ret,
                    struct error *error)
{
    bool is_local = false;
    if (!check_url(options->url, &is_local))
        return error_set(error, ERR_VALIDATION,
                         "the Graph address \"%s\" is wrong: http:// or https://, a host and no "
                         "slash at the end are expected, such as https://graph.facebook.com",
                         options->url);
    if (!check_version(options->version))
        return error_set(error, ERR_VALIDATION,
                         "the Graph version \"%s\" is wrong: such as v25.0 is expected",
                         options->version);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) /* counts its callers; any thread */
        return error_set(error, ERR_INTERNAL, "libcurl does not start");

    struct graph *g = xcalloc(1, sizeof(*g));
    size_t size = strlen(options->url) + strlen(options->version) + 2;
    g->url = xmalloc(size);
    snprintf(g->url, size, "%s/%s", options->url, options->version);
    g->loop = loop;
    g->stats = options->stats;
    g->is_local = is_local;
    g->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : GRAPH_TIMEOUT_MS;
    if (options->app_secret && options->app_secret->len)
        secret_set(&g->app_secret, secret_reveal(options->app_secret));
    hmac_init(&g->hmac);
    list_init(&g->running);
    list_init(&g->waiting);
    list_init(&g->stillborn);
    list_init(&g->pollers);
    open_timer(g, &g->timer);
    open_timer(g, &g->soon);
    open_multi(g);
    *ret = g;
    return ERR_OK;
}

void graph_close(struct graph *g)
{
    if (!g || g->closing)
        return;
    g->closing = true;
    struct list cancelled;
    list_init(&cancelled);
    list_move_all(&cancelled, &g->running);
    list_move_all(&cancelled, &g->waiting);
    list_move_all(&cancelled, &g->stillborn);
    struct graph_answer a = graph_answer_make(GRAPH_CANCELLED, STR("shutting down"));
    for (struct list *node; (node = list_take(&cancelled));)
        answer(CONTAINER_OF(node, struct transfer, node), &a);

    curl_multi_cleanup(g->multi);
    list_for_each_safe (node, &g->pollers)
        close_poller(CONTAINER_OF(node, struct poller, node));
    uv_close((uv_handle_t *)&g->timer, on_timer_closed);
    uv_close((uv_handle_t *)&g->soon, on_timer_closed);
}
