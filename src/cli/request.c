#include "cli/request.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/secret.h"

#include <curl/curl.h>

void response_init(struct response *r)
{
    *r = (struct response){0};
    buf_init(&r->header, HTTP_OUT_MAX);
    buf_init(&r->body, CLI_ANSWER_MAX);
}

void response_release(struct response *r)
{
    if (r->body.ptr)
        wipe(r->body.ptr, r->body.len);
    buf_release(&r->header);
    buf_release(&r->body);
}

void header_add(struct curl_slist **headers, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*headers, line);
    if (!longer)
        die("no memory for a header");
    *headers = longer;
}

void headers_free(struct curl_slist **headers)
{
    curl_slist_free_all(*headers);
    *headers = NULL;
}

/* How a transfer ended that libcurl did not end by itself. */
enum ended {
    ENDED_NOT,
    ENDED_STOPPED, /* stop_fd, or the taker had enough */
    ENDED_SLOW,    /* the answer did not come in time */
    ENDED_SILENT,  /* the stream is dead */
};

struct transfer {
    const struct request *q;
    struct response *r;
    CURL *curl;
    int64_t heard_us; /* when something of the stream came last */
    enum ended ended;
};

static size_t receive_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    struct str part = str_make(bytes, size * n);
    if (!t->r->streamed) {
        buf_add(&t->r->body, part);
        return buf_ok(&t->r->body) ? part.len : 0;
    }
    t->heard_us = clock_monotonic_us();
    if (t->q->stream->take(t->q->stream->arg, part))
        return part.len;
    t->ended = ENDED_STOPPED;
    return 0;
}

static bool is_event_stream(const struct response *r)
{
    struct str type = response_header(r, STR("Content-Type"));
    return r->status >= 200 && r->status <= 299 &&
           str_eq_nocase(str_trim(str_split(&type, ';')), STR("text/event-stream"));
}

static void end_header(struct transfer *t)
{
    struct response *r = t->r;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &r->status);
    if (!t->q->stream || t->q->header_only || r->streamed || !is_event_stream(r))
        return;
    r->streamed = true;
    t->heard_us = clock_monotonic_us();
    t->q->stream->begin(t->q->stream->arg, r);
}

/* An interim answer (100 Continue) begins with its own status line: only the last one is kept. */
static size_t receive_header(char *bytes, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    struct buf *header = &t->r->header;
    struct str line = str_make(bytes, size * n);
    if (str_starts(line, STR("HTTP/")))
        buf_clear(header);
    buf_add(header, line);
    if (str_eq(line, STR("\r\n")) || str_eq(line, STR("\n")))
        end_header(t);
    return buf_ok(header) ? line.len : 0;
}

static int tick(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                curl_off_t up)
{
    const struct request *q = arg;
    q->tick(q->tick_arg);
    return 0;
}

/* The variable by which OpenSSL's programs, and curl, are told whom to trust. libcurl leaves it to
 * its caller. */
static void set_trust(CURL *curl)
{
    const char *file = getenv("SSL_CERT_FILE");
    if (file && *file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, file);
}

static void set_options(const struct transfer *t, char *why)
{
    CURL *curl = t->curl;
    const struct request *q = t->q;
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(curl, CURLOPT_URL, q->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L); /* the path that was signed, byte for byte */
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    set_trust(curl);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CLI_CONNECT_TIMEOUT_MS);
    if (!q->stream)
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, q->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, q->headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, receive_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
    if (q->unix_socket) {
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, q->unix_socket);
        curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* http_proxy is not for this machine's socket */
    }
    if (q->tick) {
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, tick);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, q);
    }
    if (q->has_body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, q->body.ptr);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.len);
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, q->method);
    curl_easy_setopt(curl, CURLOPT_NOBODY, q->header_only ? 1L : 0L);
}

/* NULL where it is not TLS that failed. */
static const char *mend_tls(CURLcode code)
{
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        return "this machine has to trust the certificate, for this name: update-ca-certificates, or "
               "SSL_CERT_FILE";
    if (code == CURLE_SSL_CONNECT_ERROR)
        return "if the server does not speak TLS, its address begins with http://";
    return NULL;
}

/* --- streams ------------------------------------------------------------------------------ */

/* ms until the transfer is too late; not more than a second, as libcurl has timers of its own. */
static int left_ms(const struct transfer *t, int64_t begun_us)
{
    bool streamed = t->r->streamed;
    int64_t limit_ms = streamed ? t->q->stream->silence_ms : t->q->timeout_ms;
    int64_t since_us = clock_monotonic_us() - (streamed ? t->heard_us : begun_us);
    int64_t left = limit_ms - since_us / 1000;
    return left < 0 ? 0 : (int)MIN(left, (int64_t)1000);
}

static void wait_for_more(struct transfer *t, CURLM *multi, int left)
{
    struct curl_waitfd stop = {.fd = t->q->stream->stop_fd, .events = CURL_WAIT_POLLIN};
    curl_multi_poll(multi, &stop, stop.fd >= 0, left, NULL);
    if (stop.revents)
        t->ended = ENDED_STOPPED;
}

static CURLcode result_of(CURLM *multi)
{
    int queued;
    const CURLMsg *m = curl_multi_info_read(multi, &queued);
    return m && m->msg == CURLMSG_DONE ? m->data.result : CURLE_OK;
}

/* As curl_easy_perform, with an eye on the time and on stop_fd. */
static CURLcode perform_stream(struct transfer *t)
{
    int running = 1;
    int64_t begun_us = clock_monotonic_us();
    CURLM *multi = curl_multi_init();
    if (!multi || curl_multi_add_handle(multi, t->curl)) {
        curl_multi_cleanup(multi);
        return CURLE_OUT_OF_MEMORY;
    }
    while (!t->ended) {
        if (curl_multi_perform(multi, &running) || !running)
            break;
        int left = left_ms(t, begun_us);
        if (!left)
            t->ended = t->r->streamed ? ENDED_SILENT : ENDED_SLOW;
        else
            wait_for_more(t, multi, left);
    }
    CURLcode code = result_of(multi);
    curl_multi_remove_handle(multi, t->curl);
    curl_multi_cleanup(multi);
    return code;
}

static enum err end_early(const struct transfer *t, struct error *error)
{
    if (t->ended == ENDED_STOPPED)
        return ERR_CLOSED;
    if (t->ended == ENDED_SILENT && t->q->stream)
        return error_set(error, ERR_UNAVAILABLE, "nothing came for %ld seconds, not even a comment",
                         t->q->stream->silence_ms / 1000);
    return error_set(error, ERR_UNAVAILABLE, "no answer came within %ld seconds",
                     t->q->timeout_ms / 1000);
}

/* --- requests ----------------------------------------------------------------------------- */

static enum err perform(struct transfer *t, struct error *error)
{
    char why[CURL_ERROR_SIZE] = "";
    set_options(t, why);
    CURLcode code = t->q->stream ? perform_stream(t) : curl_easy_perform(t->curl);
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &t->r->status);
    curl_easy_setopt(t->curl, CURLOPT_ERRORBUFFER, NULL);
    if (t->ended)
        return end_early(t, error);
    if (code == CURLE_OK)
        return ERR_OK;
    if (code == CURLE_WRITE_ERROR)
        return error_set(error, ERR_LIMIT, "the answer is larger than %d bytes", CLI_ANSWER_MAX);
    if (mend_tls(code))
        return error_set(error, ERR_UPSTREAM, "%s; %s", why, mend_tls(code));
    return error_set(error, ERR_UNAVAILABLE, "%s", why[0] ? why : curl_easy_strerror(code));
}

enum err request_run(const struct request *request, struct response *response, struct error *error)
{
    struct transfer t = {.q = request, .r = response, .curl = curl_easy_init()};
    if (!t.curl)
        return error_set(error, ERR_NO_MEMORY, "no memory for a request");
    enum err e = perform(&t, error);
    curl_easy_cleanup(t.curl);
    return e;
}

struct str response_header(const struct response *r, struct str name)
{
    struct str rest = buf_str(&r->header);
    while (rest.len) {
        struct str value = str_split(&rest, '\n');
        struct str found = str_split(&value, ':');
        if (str_eq_nocase(found, name)) {
            if (str_ends(value, STR("\r")))
                value.len--;
            return str_trim(value);
        }
    }
    return STR("");
}
