/* curl multi on a libuv loop. curl says which sockets it watches (on_socket) and when it wants to
 * be called again (on_timeout); libuv tells it what happened (on_poll, on_timer); what is done is
 * then fetched in `collect`, outside of every callback of curl's, so that a callback of ours may
 * begin requests or close the client. */
#include "http/client.h"
#include "base/secret.h"
#include "http/network.h"

#include <assert.h>
#include <curl/curl.h>
#include <sys/socket.h>

struct http_client {
    uv_loop_t *loop;
    CURLM *multi;
    size_t connections_max;
    bool public_only, direct;
    char *ca_file; /* NULL: the system's */

    struct list running;   /* in the multi */
    struct list waiting;   /* for one of connections_max places */
    struct list stillborn; /* cannot be sent; answered on the loop's next turn */
    size_t n_running, n_waiting;
    struct list pollers;

    uv_timer_t timer; /* curl's */
    uv_timer_t soon;  /* for the stillborn */
    size_t n_handles; /* of libuv's, not yet closed; the client lives until there are none */
    bool closing;
};

struct poller { /* a socket that curl watches */
    struct list node;
    struct http_client *client;
    uv_poll_t poll;
    curl_socket_t fd;
};

struct transfer {
    struct list node; /* in one of the client's three lists */
    struct http_client *client;
    struct http_client_request request; /* its url, headers and body are those below */
    struct buf url;                     /* NUL-terminated */
    struct curl_slist *headers;
    struct buf body;
    enum http_client_outcome refused; /* of a stillborn one; else HTTP_CLIENT_OK */
    const char *why_refused;

    CURL *easy; /* from here on: of a running one */
    struct buf answer;
    bool cut_off;
    size_t header_bytes, header_lines;
    bool header_ended; /* of the latest answer: interim ones come before */
    bool was_sent;
    size_t n_public, n_not_public; /* addresses tried, addresses refused */
    int64_t begun_us;              /* monotonic */
    const char *gave_up;           /* why we ended it; else NULL */
    char why[CURL_ERROR_SIZE];
};

/* --- one transfer ------------------------------------------------------------------------- */

static void leave_multi(struct transfer *t)
{
    if (!t->easy)
        return;
    curl_multi_remove_handle(t->client->multi, t->easy);
    curl_easy_cleanup(t->easy);
    t->easy = NULL;
}

static void wipe_buf(struct buf *b)
{
    if (b->len)
        wipe(b->ptr, b->len);
    buf_release(b);
}

static void free_transfer(struct transfer *t)
{
    for (struct curl_slist *h = t->headers; h; h = h->next)
        wipe(h->data, strlen(h->data)); /* one of them may be a token */
    curl_slist_free_all(t->headers);
    wipe_buf(&t->url);
    wipe_buf(&t->body);
    wipe_buf(&t->answer);
    free(t);
}

/* The last thing that happens to a transfer, in no list any more. It has left the multi: the
 * callback may close the client. */
static void answer(struct transfer *t, struct http_client_answer *a)
{
    leave_multi(t);
    a->us = t->begun_us ? MAX(clock_monotonic_us() - t->begun_us, 1) : 0;
    a->was_sent = t->was_sent;
    t->request.done(t->request.arg, a);
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
    size_t room = t->answer.max - t->answer.len;
    bool fits = size * n <= room;
    buf_add(&t->answer, str_make(bytes, fits || !t->request.keep_first ? size * n : room));
    if (fits && buf_ok(&t->answer))
        return size * n;
    t->cut_off = t->request.keep_first && buf_ok(&t->answer);
    return give_up(t, "the answer is larger than we read");
}

static size_t on_header(char *bytes, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    struct str line = str_make(bytes, size * n);
    t->header_bytes += line.len;
    t->header_lines++;
    if (t->header_bytes > HTTP_CLIENT_HEADER_SIZE_MAX || t->header_lines > HTTP_CLIENT_HEADERS_MAX)
        return give_up(t, "the answer's headers are larger than we read");
    while (line.len && (line.ptr[line.len - 1] == '\r' || line.ptr[line.len - 1] == '\n'))
        line.len--;

    bool is_status_line = str_starts(line, STR("HTTP/"));
    t->header_ended = !is_status_line && (t->header_ended || line.len == 0);
    struct str value = line, name = str_split(&value, ':');
    bool is_header = !is_status_line && name.len < line.len;
    if (is_header && t->request.on_header)
        t->request.on_header(t->request.arg, name, str_trim(value));
    return size * n;
}

/* Right before a request is written. curl sends it a second time by itself when a kept connection
 * turns out to be closed before an answer; the server may have acted on the first all the same. */
static int on_send(void *arg, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
    struct transfer *t = arg;
    if (t->was_sent && t->request.once) {
        t->gave_up = "the connection was closed before an answer came";
        return CURL_PREREQFUNC_ABORT;
    }
    t->was_sent = true;
    return CURL_PREREQFUNC_OK;
}

static bool is_public(const struct curl_sockaddr *where)
{
    struct sockaddr_storage a = {0};
    if (where->family != AF_INET && where->family != AF_INET6)
        return false;
    memcpy(&a, &where->addr, MIN(where->addrlen, sizeof(a)));
    struct http_address address = http_address_of(&a);
    return http_address_is_public(&address);
}

/* curl is about to connect to this very address. It tries the next, if there is one, when this one
 * gets no socket. */
static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *where)
{
    struct transfer *t = arg;
    if (!is_public(where)) {
        t->n_not_public++;
        return CURL_SOCKET_BAD;
    }
    t->n_public++;
    return socket(where->family, where->socktype | SOCK_CLOEXEC, where->protocol);
}

static void must(CURLcode code)
{
    if (code != CURLE_OK) /* options of ours, that this curl knows: only memory can fail */
        die(curl_easy_strerror(code));
}

static void set_method(struct transfer *t)
{
    enum http_method method = t->request.method;
    bool has_body =
        t->body.len || method == HTTP_POST || method == HTTP_PUT || method == HTTP_PATCH;
    if (has_body) {
        must(curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.len));
        must(curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->body.len ? t->body.ptr : ""));
    }
    if (method == HTTP_HEAD)
        must(curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L));
    else if (method != (has_body ? HTTP_POST : HTTP_GET))
        must(curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, http_method_name(method)));
}

static void set_limits(struct transfer *t)
{
    const struct http_client_request *r = &t->request;
    long connect_ms = MIN(r->timeout_ms, r->connect_timeout_ms);
    must(curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms));
    must(curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms));
    if (!r->keep_first && r->method != HTTP_HEAD) /* a length that is too much ends it at once */
        must(curl_easy_setopt(t->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)r->answer_max));
    must(curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https"));
    must(curl_easy_setopt(t->easy, CURLOPT_PATH_AS_IS, 1L));     /* the path may be signed */
    must(curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 0L)); /* not with our token */
    must(curl_easy_setopt(t->easy, CURLOPT_TCP_KEEPALIVE, 1L));
    must(curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L)); /* the process ignores SIGPIPE */
    /* A name is looked up on a thread of curl's; ending a transfer must not wait for that thread,
     * which with a dead name server would stop the whole loop. */
    must(curl_easy_setopt(t->easy, CURLOPT_QUICK_EXIT, 1L));
    /* Not HTTP/2: there all requests to a host would share one connection, and one that silently
     * died would take each of them with it until the system gives the connection up. */
    must(curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1));
}

static void set_trust(struct transfer *t)
{
    const struct http_client *c = t->client;
    must(curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYPEER, 1L));
    must(curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYHOST, 2L));
    must(curl_easy_setopt(t->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2));
    if (c->ca_file) {
        must(curl_easy_setopt(t->easy, CURLOPT_CAINFO, c->ca_file));
        must(curl_easy_setopt(t->easy, CURLOPT_CAPATH, NULL)); /* the system's */
    }
    if (c->direct)
        must(curl_easy_setopt(t->easy, CURLOPT_PROXY, ""));
    if (c->public_only) {
        must(curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket));
        must(curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETDATA, t));
    }
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
    struct http_client *c = t->client;
    t->begun_us = clock_monotonic_us();
    t->easy = curl_easy_init();
    if (!t->easy)
        die("out of memory");
    must(curl_easy_setopt(t->easy, CURLOPT_URL, t->url.ptr));
    must(curl_easy_setopt(t->easy, CURLOPT_USERAGENT, "hudhud/" HUDHUD_VERSION));
    must(curl_easy_setopt(t->easy, CURLOPT_ACCEPT_ENCODING, "gzip"));
    must(curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers));
    set_method(t);
    set_limits(t);
    set_trust(t);
    set_callbacks(t);
    list_add(&c->running, &t->node);
    c->n_running++;
    if (curl_multi_add_handle(c->multi, t->easy) != CURLM_OK)
        die("out of memory");
}

/* Those that waited begin in their order; their time-outs run from here. */
static void start_waiting(struct http_client *c)
{
    while (!c->closing && c->n_running < c->connections_max && !list_empty(&c->waiting)) {
        c->n_waiting--;
        start(CONTAINER_OF(list_take(&c->waiting), struct transfer, node));
    }
}

/* --- the end of a transfer ---------------------------------------------------------------- */

/* Did something answer that we cannot use, or did nothing? Unusable are: what on_body or on_header
 * gave up; a Content-Length that is too large; gzip that is none; what is not HTTP, or HTTP/0.9; a
 * header longer than curl itself takes. */
static enum http_client_outcome outcome_of(const struct transfer *t, CURLcode code)
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
    case CURLE_OUT_OF_MEMORY: return HTTP_CLIENT_UNUSABLE;
    case CURLE_URL_MALFORMAT: return HTTP_CLIENT_BAD_URL; /* curl did not send it */
    default:
        return t->n_not_public && !t->n_public && !t->was_sent ? HTTP_CLIENT_FORBIDDEN
                                                               : HTTP_CLIENT_UNREACHABLE;
    }
}

static struct str why_of(const struct transfer *t, CURLcode code, enum http_client_outcome outcome)
{
    if (outcome == HTTP_CLIENT_FORBIDDEN)
        return STR("the address is not a public one");
    if (t->gave_up)
        return str_from(t->gave_up);
    if (code == CURLE_FILESIZE_EXCEEDED)
        return STR("the answer is larger than we read");
    struct str why = str_from(*t->why ? t->why : curl_easy_strerror(code));
    return str_is_utf8(why) ? why : str_from(curl_easy_strerror(code));
}

/* What curl makes of it, but for two things: our cutting it off is no failure, and an answer whose
 * header was cut is none, which curl takes for a whole one without a body. */
static CURLcode judge(struct transfer *t, CURLcode code)
{
    if (code == CURLE_WRITE_ERROR && t->cut_off)
        return CURLE_OK;
    if (code != CURLE_OK || t->header_ended)
        return code;
    t->gave_up = "the connection was closed within the header of an answer";
    return CURLE_PARTIAL_FILE;
}

static void finish(struct transfer *t, CURLcode code)
{
    struct http_client *c = t->client;
    long status = 0;
    code = judge(t, code);
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    struct http_client_answer a = {
        .status = (int)status,
        .body = buf_str(&t->answer),
        .cut_off = t->cut_off,
    };
    if (code != CURLE_OK) {
        a.outcome = outcome_of(t, code);
        a.why = why_of(t, code, a.outcome);
    }
    list_remove(&t->node);
    leave_multi(t);
    c->n_running--;
    start_waiting(c);
    answer(t, &a);
}

static void collect(struct http_client *c)
{
    int left;
    CURLMsg *message;
    while (!c->closing && (message = curl_multi_info_read(c->multi, &left))) {
        struct transfer *t = NULL;
        CURLcode code = message->data.result; /* the message dies with its transfer */
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t) == CURLE_OK)
            finish(t, code);
    }
}

/* --- curl and libuv ----------------------------------------------------------------------- */

static void on_handle_closed(struct http_client *c)
{
    if (--c->n_handles > 0 || !c->closing)
        return;
    curl_global_cleanup();
    free(c->ca_file);
    free(c);
}

static void on_timer_closed(uv_handle_t *handle)
{
    on_handle_closed(handle->data);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct poller *p = handle->data;
    struct http_client *c = p->client;
    free(p);
    on_handle_closed(c);
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
    struct http_client *c = p->client; /* the poller may be gone after curl is called */
    int running, what = status < 0 ? CURL_CSELECT_ERR : 0;
    if (events & UV_READABLE)
        what |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        what |= CURL_CSELECT_OUT;
    curl_multi_socket_action(c->multi, p->fd, what, &running);
    collect(c);
}

static struct poller *open_poller(struct http_client *c, curl_socket_t fd)
{
    struct poller *p = xcalloc(1, sizeof(*p));
    p->client = c;
    p->fd = fd;
    if (uv_poll_init_socket(c->loop, &p->poll, fd) != 0) {
        free(p);
        return NULL;
    }
    p->poll.data = p;
    c->n_handles++;
    list_add(&c->pollers, &p->node);
    curl_multi_assign(c->multi, fd, p);
    return p;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct http_client *c = arg;
    struct poller *p = socket_arg;
    if (what == CURL_POLL_REMOVE) {
        if (p)
            close_poller(p);
        curl_multi_assign(c->multi, fd, NULL);
        return 0;
    }
    if (!p && !(p = open_poller(c, fd)))
        return -1; /* curl ends its transfers */
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    return uv_poll_start(&p->poll, events, on_poll) == 0 ? 0 : -1;
}

static void on_timer(uv_timer_t *timer)
{
    struct http_client *c = timer->data;
    int running;
    long again = -1;
    curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(c);
    /* libuv counts whole milliseconds and may have been early; curl does not ask a second time for
     * a moment that it asked for before, and would sleep for ever. */
    if (!c->closing && !uv_is_active((uv_handle_t *)timer) &&
        curl_multi_timeout(c->multi, &again) == CURLM_OK && again >= 0)
        uv_timer_start(timer, on_timer, (uint64_t)again + 1, 0);
}

static int on_timeout(CURLM *multi, long ms, void *arg)
{
    struct http_client *c = arg;
    if (c->closing)
        return 0;
    uv_update_time(c->loop); /* libuv counts from its last turn, which may be long ago */
    if (ms < 0)
        uv_timer_stop(&c->timer);
    else
        uv_timer_start(&c->timer, on_timer, (uint64_t)ms, 0);
    return 0;
}

/* --- requests ----------------------------------------------------------------------------- */

/* One at a time: its callback may add another, or close the client. */
static void on_soon(uv_timer_t *timer)
{
    struct http_client *c = timer->data;
    struct list *node = list_take(&c->stillborn);
    if (!node) {
        uv_timer_stop(timer);
        return;
    }
    struct transfer *t = CONTAINER_OF(node, struct transfer, node);
    struct http_client_answer a = {.outcome = t->refused, .why = str_from(t->why_refused)};
    answer(t, &a);
}

/* Why it is none, or NULL. curl would read some that are no whole address its own way:
 * "example.com" as HTTP, say. */
static const char *refuse_url(const struct buf *url)
{
    if (!buf_ok(url))
        return "the address is too long";
    if (strlen(url->ptr) + 1 != url->len)
        return "the address has a NUL in it";
    CURLU *u = curl_url();
    if (!u)
        die("out of memory");
    char *scheme = NULL;
    bool is_whole = curl_url_set(u, CURLUPART_URL, url->ptr, 0) == CURLUE_OK &&
                    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK;
    bool is_web = is_whole && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    curl_free(scheme);
    curl_url_cleanup(u);
    if (!is_whole)
        return "the address is no URL with a scheme and a host";
    return is_web ? NULL : "the address is neither http:// nor https://";
}

static void add_header(struct transfer *t, const char *line)
{
    struct curl_slist *headers = curl_slist_append(t->headers, line);
    if (!headers)
        die("out of memory");
    t->headers = headers;
}

static bool is_visible(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f)
            return false;
    }
    return true;
}

/* curl wants "Name;" for a header without a value: "Name:" would take one of its own away. */
static void copy_header(struct transfer *t, const struct http_header *h)
{
    assert(h->name.len && is_visible(h->name) && is_visible(h->value));
    size_t size = h->name.len + h->value.len + sizeof(": ");
    char *line = xmalloc(size);
    snprintf(line, size, "%.*s%s%.*s", STR_FMT(h->name), h->value.len ? ": " : ";",
             STR_FMT(h->value));
    add_header(t, line);
    wipe(line, size);
    free(line);
}

static void refuse(struct transfer *t)
{
    t->why_refused = refuse_url(&t->url);
    if (t->why_refused) {
        t->refused = HTTP_CLIENT_BAD_URL;
    } else if (!buf_ok(&t->body)) {
        t->refused = HTTP_CLIENT_UNREACHABLE;
        t->why_refused = "there is no memory to send it";
    }
}

static struct transfer *make_transfer(struct http_client *c, const struct http_client_request *r)
{
    struct transfer *t = xcalloc(1, sizeof(*t));
    t->client = c;
    t->request = *r;
    list_init(&t->node);
    buf_init(&t->url, HTTP_CLIENT_URL_MAX + 1);
    buf_add(&t->url, r->url);
    buf_add_char(&t->url, '\0');
    buf_init(&t->body, r->body.len);
    buf_add(&t->body, r->body);
    buf_init(&t->answer, r->answer_max);
    for (size_t i = 0; i < r->n_headers; i++)
        copy_header(t, &r->headers[i]);
    /* curl asks before it sends a large body, and loses a second where nobody answers that. */
    add_header(t, "Expect:");
    refuse(t);
    return t;
}

void http_client_send(struct http_client *c, const struct http_client_request *r)
{
    struct transfer *t = make_transfer(c, r);
    if (c->closing) { /* there is no next turn */
        struct http_client_answer a = {.outcome = HTTP_CLIENT_CANCELLED,
                                       .why = STR("shutting down")};
        answer(t, &a);
    } else if (t->refused) {
        list_add(&c->stillborn, &t->node);
        uv_timer_start(&c->soon, on_soon, 0, 1);
    } else {
        list_add(&c->waiting, &t->node);
        c->n_waiting++;
        start_waiting(c);
    }
}

size_t http_client_running(const struct http_client *c)
{
    return c->n_running;
}

size_t http_client_waiting(const struct http_client *c)
{
    return c->n_waiting;
}

/* --- opening and closing ------------------------------------------------------------------ */

static void open_multi(struct http_client *c)
{
    c->multi = curl_multi_init();
    if (!c->multi)
        die("out of memory");
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)c->connections_max);
}

static void open_timer(struct http_client *c, uv_timer_t *timer)
{
    uv_timer_init(c->loop, timer); /* cannot fail */
    timer->data = c;
    c->n_handles++;
}

enum err http_client_open(uv_loop_t *loop, const struct http_client_options *options,
                          struct http_client **ret, struct error *error)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) /* counts its callers; any thread */
        return error_set(error, ERR_INTERNAL, "libcurl does not start");

    struct http_client *c = xcalloc(1, sizeof(*c));
    c->loop = loop;
    c->connections_max = options->connections_max;
    c->public_only = options->public_only;
    c->direct = options->direct || options->public_only;
    c->ca_file = options->ca_file ? xstrdup(options->ca_file) : NULL;
    list_init(&c->running);
    list_init(&c->waiting);
    list_init(&c->stillborn);
    list_init(&c->pollers);
    open_timer(c, &c->timer);
    open_timer(c, &c->soon);
    open_multi(c);
    *ret = c;
    return ERR_OK;
}

void http_client_close(struct http_client *c)
{
    if (!c || c->closing)
        return;
    c->closing = true;
    struct list cancelled;
    list_init(&cancelled);
    list_move_all(&cancelled, &c->running);
    list_move_all(&cancelled, &c->waiting);
    list_move_all(&cancelled, &c->stillborn);
    c->n_running = c->n_waiting = 0;
    for (struct list *node; (node = list_take(&cancelled));) {
        struct http_client_answer a = {.outcome = HTTP_CLIENT_CANCELLED,
                                       .why = STR("shutting down")};
        answer(CONTAINER_OF(node, struct transfer, node), &a);
    }

    curl_multi_cleanup(c->multi);
    list_for_each_safe (node, &c->pollers)
        close_poller(CONTAINER_OF(node, struct poller, node));
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
    uv_close((uv_handle_t *)&c->soon, on_timer_closed);
}
