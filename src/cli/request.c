#include "cli/request.h"

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

static size_t receive_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct response *r = arg;
    buf_add(&r->body, str_make(bytes, size * n));
    return buf_ok(&r->body) ? size * n : 0;
}

/* An interim answer (100 Continue) begins with its own status line: only the last one is kept. */
static size_t receive_header(char *bytes, size_t size, size_t n, void *arg)
{
    struct response *r = arg;
    struct str line = str_make(bytes, size * n);
    if (str_starts(line, STR("HTTP/")))
        buf_clear(&r->header);
    buf_add(&r->header, line);
    return buf_ok(&r->header) ? line.len : 0;
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

static void set_options(CURL *curl, const struct request *q, struct response *r, char *why)
{
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(curl, CURLOPT_URL, q->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L); /* the path that was signed, byte for byte */
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    set_trust(curl);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CLI_CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, q->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, q->headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, receive_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, r);
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

enum err request_run(const struct request *request, struct response *response, struct error *error)
{
    CURL *curl = curl_easy_init();
    if (!curl)
        return error_set(error, ERR_NO_MEMORY, "no memory for a request");
    char why[CURL_ERROR_SIZE] = "";
    set_options(curl, request, response, why);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &response->status);
    curl_easy_cleanup(curl);
    if (code == CURLE_OK)
        return ERR_OK;
    if (code == CURLE_WRITE_ERROR)
        return error_set(error, ERR_LIMIT, "the answer is larger than %d bytes", CLI_ANSWER_MAX);
    if (mend_tls(code))
        return error_set(error, ERR_UPSTREAM, "%s; %s", why, mend_tls(code));
    return error_set(error, ERR_UNAVAILABLE, "%s", why[0] ? why : curl_easy_strerror(code));
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
