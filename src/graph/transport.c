/* Requests to Meta over http/client.h: this file adds the token, the proof of the app's secret, and
 * reads Meta's answers and its usage headers. */
#include "graph/transport.h"

#include "base/buf.h"
#include "base/list.h"
#include "crypto/hex.h"
#include "crypto/hmac.h"
#include "graph/answer.h"
#include "http/client.h"

#include <curl/curl.h>

struct graph {
    struct http_client *client;
    char *url; /* with the version, no slash at its end */
    struct secret app_secret;
    struct hmac hmac;
    int timeout_ms;
    struct graph_learned learned;
    struct graph_stats *stats; /* NULL: nothing is counted */

    struct list stillborn; /* cannot be sent; answered on the loop's next turn */
    uv_timer_t soon;       /* for them; the graph lives until it is closed */
    bool closing;
};

struct request {
    struct list node; /* of a stillborn one */
    struct graph *graph;
    struct secret token;
    struct arena *arena;
    graph_cb *cb;
    void *arg;
    struct graph_answer stillborn; /* what a stillborn one is answered */
    struct buf app_usage, business_usage;
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

/* --- answers ------------------------------------------------------------------------------ */

static void free_request(struct request *r)
{
    secret_release(&r->token);
    buf_release(&r->app_usage);
    buf_release(&r->business_usage);
    free(r);
}

static void show_load(struct graph *g)
{
    if (!g->stats)
        return;
    gauge_set(&g->stats->running, (int64_t)http_client_running(g->client));
    gauge_set(&g->stats->waiting, (int64_t)http_client_waiting(g->client));
}

/* The last thing that happens to a request, in no list any more: the callback may close the graph.
 */
static void answer(struct request *r, const struct graph_answer *a)
{
    if (r->graph->stats)
        counter_add(&r->graph->stats->answers[a->outcome], 1);
    r->cb(r->arg, a);
    free_request(r);
}

static void on_header(void *arg, struct str name, struct str value)
{
    struct request *r = arg;
    struct buf *keep = str_eq_nocase(name, STR("X-App-Usage"))                 ? &r->app_usage
                       : str_eq_nocase(name, STR("X-Business-Use-Case-Usage")) ? &r->business_usage
                                                                               : NULL;
    if (keep) {
        buf_clear(keep);
        buf_add(keep, value);
    }
}

static enum graph_outcome outcome_of(enum http_client_outcome o)
{
    switch (o) {
    case HTTP_CLIENT_OK: return GRAPH_OK;
    case HTTP_CLIENT_UNREACHABLE:
    case HTTP_CLIENT_FORBIDDEN: return GRAPH_UNREACHABLE;
    case HTTP_CLIENT_UNUSABLE: return GRAPH_UNUSABLE;
    case HTTP_CLIENT_BAD_URL: return GRAPH_REFUSED;
    case HTTP_CLIENT_CANCELLED: break;
    }
    return GRAPH_CANCELLED;
}

static void on_done(void *arg, const struct http_client_answer *got)
{
    struct request *r = arg;
    struct graph *g = r->graph;
    struct graph_answer a;
    if (got->outcome == HTTP_CLIENT_OK) {
        struct graph_raw raw = {
            .http_status = got->status,
            .app_usage = buf_str(&r->app_usage),
            .business_usage = buf_str(&r->business_usage),
            .body = got->body,
        };
        graph_answer_read(&raw, &r->token, r->arena, &a);
    } else {
        a = graph_answer_make(outcome_of(got->outcome), graph_text(got->why, &r->token, r->arena));
        a.http_status = got->status;
    }
    a.was_sent = got->was_sent;
    if (g->stats && got->us)
        histogram_add(&g->stats->times, &histogram_times, (uint64_t)got->us);
    show_load(g);
    answer(r, &a);
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
    struct request *r = CONTAINER_OF(node, struct request, node);
    answer(r, &r->stillborn);
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
static void add_proof(struct graph *g, struct str token, char before, struct buf *url)
{
    unsigned char mac[HMAC_LEN];
    char hex[2 * HMAC_LEN];
    hmac_sha256(&g->hmac, secret_reveal(&g->app_secret), &token, 1, mac);
    hex_encode(mac, sizeof(mac), hex);
    buf_printf(url, "%cappsecret_proof=", before);
    buf_add(url, str_make(hex, sizeof(hex)));
}

static void build_url(struct graph *g, struct str path, struct str query, struct str token,
                      struct buf *url)
{
    buf_init(url, GRAPH_URL_MAX);
    buf_printf(url, "%s%.*s", g->url, STR_FMT(path));
    if (query.len)
        buf_printf(url, "?%.*s", STR_FMT(query));
    if (g->app_secret.len && token.len)
        add_proof(g, token, query.len ? '&' : '?', url);
}

static struct graph_answer check(const struct graph *g, struct str path, struct str token,
                                 const struct buf *url)
{
    if (g->closing)
        return graph_answer_make(GRAPH_CANCELLED, STR("shutting down"));
    if (!is_token(token))
        return graph_answer_make(GRAPH_TOKEN_DEAD,
                                 STR("this is no access token: it is too long, or holds blanks "
                                     "or other characters that no token has"));
    if (!path.len)
        return graph_answer_make(GRAPH_REFUSED,
                                 STR("this is no id of Meta's: up to 32 digits are expected"));
    if (!buf_ok(url))
        return graph_answer_make(GRAPH_REFUSED, STR("the request is too long"));
    return graph_answer_make(GRAPH_OK, STR(""));
}

/* A GET may be repeated, anything else must not be: its fate is for the caller to judge. */
static void send_request(struct request *r, enum graph_method method, struct str url,
                         struct str json)
{
    static const enum http_method methods[] = {
        [GRAPH_GET] = HTTP_GET, [GRAPH_POST] = HTTP_POST, [GRAPH_DELETE] = HTTP_DELETE};
    char bearer[sizeof("Bearer ") + TOKEN_MAX];
    int len = snprintf(bearer, sizeof(bearer), "Bearer %.*s", STR_FMT(secret_reveal(&r->token)));
    struct http_header headers[3] = {{STR("Accept"), STR("application/json")}};
    size_t n = 1;
    if (r->token.len)
        headers[n++] = (struct http_header){STR("Authorization"), str_make(bearer, (size_t)len)};
    if (json.len)
        headers[n++] = (struct http_header){STR("Content-Type"), STR("application/json")};
    http_client_send(r->graph->client, &(struct http_client_request){
                                           .method = methods[method],
                                           .url = url,
                                           .headers = headers,
                                           .n_headers = n,
                                           .body = json,
                                           .timeout_ms = r->graph->timeout_ms,
                                           .connect_timeout_ms = GRAPH_CONNECT_TIMEOUT_MS,
                                           .answer_max = GRAPH_BODY_MAX,
                                           .once = method != GRAPH_GET,
                                           .on_header = on_header,
                                           .done = on_done,
                                           .arg = r,
                                       });
    wipe(bearer, sizeof(bearer));
    show_load(r->graph);
}

static struct request *make(struct graph *g, const struct secret *token, struct arena *arena,
                            graph_cb *cb, void *arg)
{
    struct request *r = xcalloc(1, sizeof(*r));
    r->graph = g;
    r->arena = arena;
    r->cb = cb;
    r->arg = arg;
    list_init(&r->node);
    secret_set(&r->token, secret_reveal(token));
    buf_init(&r->app_usage, GRAPH_HEADER_MAX);
    buf_init(&r->business_usage, GRAPH_HEADER_MAX);
    return r;
}

static void submit(struct request *r, enum graph_method method, struct str path, struct str query,
                   struct str json)
{
    struct graph *g = r->graph;
    struct str token = secret_reveal(&r->token);
    struct buf url;
    build_url(g, path, query, token, &url);
    r->stillborn = check(g, path, token, &url);
    if (r->stillborn.outcome == GRAPH_OK) {
        send_request(r, method, buf_str(&url), json);
    } else if (g->closing) {
        answer(r, &r->stillborn); /* there is no next turn */
    } else {
        list_add(&g->stillborn, &r->node);
        uv_timer_start(&g->soon, on_soon, 0, 1);
    }
    wipe(url.ptr, url.len); /* a query may hold a secret: a code, a token to look at */
    buf_release(&url);
}

void graph_request(struct graph *g, enum graph_method method, struct str path, struct str query,
                   const struct secret *token, struct arena *arena, graph_cb *cb, void *arg)
{
    submit(make(g, token, arena, cb, arg), method, path, query, STR(""));
}

void graph_post_json(struct graph *g, struct str path, struct str json, const struct secret *token,
                     struct arena *arena, graph_cb *cb, void *arg)
{
    submit(make(g, token, arena, cb, arg), GRAPH_POST, path, STR(""), json);
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

enum err graph_open(uv_loop_t *loop, const struct graph_options *options, struct graph **ret,
                    struct error *error)
{
    struct http_client_options client_options = {.connections_max = GRAPH_CONNECTIONS_MAX};
    if (!check_url(options->url, &client_options.direct))
        return error_set(error, ERR_VALIDATION,
                         "the Graph address \"%s\" is wrong: http:// or https://, a host and no "
                         "slash at the end are expected, such as https://graph.facebook.com",
                         options->url);
    if (!check_version(options->version))
        return error_set(error, ERR_VALIDATION,
                         "the Graph version \"%s\" is wrong: such as v25.0 is expected",
                         options->version);
    struct http_client *client;
    enum err e = http_client_open(loop, &client_options, &client, error);
    if (e)
        return e;

    struct graph *g = xcalloc(1, sizeof(*g));
    size_t size = strlen(options->url) + strlen(options->version) + 2;
    g->url = xmalloc(size);
    snprintf(g->url, size, "%s/%s", options->url, options->version);
    g->client = client;
    g->stats = options->stats;
    g->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : GRAPH_TIMEOUT_MS;
    if (options->app_secret && options->app_secret->len)
        secret_set(&g->app_secret, secret_reveal(options->app_secret));
    hmac_init(&g->hmac);
    list_init(&g->stillborn);
    uv_timer_init(loop, &g->soon); /* cannot fail */
    g->soon.data = g;
    *ret = g;
    return ERR_OK;
}

static void on_closed(uv_handle_t *timer)
{
    struct graph *g = timer->data;
    hmac_release(&g->hmac);
    secret_release(&g->app_secret);
    free(g->url);
    free(g);
}

void graph_close(struct graph *g)
{
    if (!g || g->closing)
        return;
    g->closing = true;
    http_client_close(g->client);
    struct graph_answer a = graph_answer_make(GRAPH_CANCELLED, STR("shutting down"));
    for (struct list *node; (node = list_take(&g->stillborn));)
        answer(CONTAINER_OF(node, struct request, node), &a);
    uv_close((uv_handle_t *)&g->soon, on_closed);
}
