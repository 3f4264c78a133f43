#include "api/docs.h"
#include "api/docs_page.h"
#include "api/etag.h"
#include "api/openapi.h"
#include "crypto/base64.h"
#include "crypto/sha256.h"
#include "http/gzip.h"

#define POLICY_FORMAT                                                                              \
    "default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'; "             \
    "frame-ancestors 'none'"
#define POLICY_SIZE 256

/* A page in one of its two codings. */
struct docs_body {
    struct buf bytes; /* empty: it has no such coding */
    char etag[ETAG_LEN];
};

struct docs_page {
    struct str path, type;
    struct docs_body plain, gzip;
    const char *policy; /* Content-Security-Policy, NULL: it needs none */
};

struct docs {
    struct docs_page openapi, page;
    char policy[POLICY_SIZE];
};

typedef void docs_writer(struct buf *out, const struct route *routes,
                         const struct endpoints *endpoints);

static void tag_body(struct docs_body *body)
{
    etag_make(buf_str(&body->bytes), body->etag);
}

static void init_page(struct docs_page *page, docs_writer *write, const struct route *routes,
                      const struct endpoints *endpoints)
{
    buf_init(&page->plain.bytes, DOCS_MAX);
    buf_init(&page->gzip.bytes, DOCS_MAX);
    write(&page->plain.bytes, routes, endpoints);
    if (!buf_ok(&page->plain.bytes))
        die("the description of the API is larger than DOCS_MAX");
    tag_body(&page->plain);
    struct http_gzip gzip;
    http_gzip_init(&gzip);
    if (http_gzip_compress(&gzip, buf_str(&page->plain.bytes), &page->gzip.bytes))
        tag_body(&page->gzip);
    http_gzip_release(&gzip);
}

/* Content-Security-Policy names the page's style by its hash, and allows nothing else. */
static void write_policy(char out[POLICY_SIZE])
{
    unsigned char digest[SHA256_LEN];
    char text[BASE64_SIZE(SHA256_LEN)];
    struct sha256 hash;
    sha256_begin(&hash);
    sha256_add(&hash, str_from(docs_page_style));
    sha256_end(&hash, digest);
    base64_encode(digest, sizeof(digest), text);
    snprintf(out, POLICY_SIZE, POLICY_FORMAT, text);
}

struct docs *docs_new(const struct route *routes, const struct endpoints *endpoints)
{
    struct docs *d = xcalloc(1, sizeof(*d));
    write_policy(d->policy);
    d->openapi = (struct docs_page){.path = STR("/openapi.json"),
                                    .type = STR("application/json; charset=utf-8")};
    d->page = (struct docs_page){
        .path = STR("/docs"), .type = STR("text/html; charset=utf-8"), .policy = d->policy};
    init_page(&d->openapi, openapi_write, routes, endpoints);
    init_page(&d->page, docs_page_write, routes, endpoints);
    return d;
}

static void release_page(struct docs_page *page)
{
    buf_release(&page->plain.bytes);
    buf_release(&page->gzip.bytes);
}

void docs_free(struct docs *docs)
{
    if (!docs)
        return;
    release_page(&docs->openapi);
    release_page(&docs->page);
    free(docs);
}

const struct docs_page *docs_find(const struct docs *docs, struct str path)
{
    if (str_eq(path, docs->openapi.path))
        return &docs->openapi;
    return str_eq(path, docs->page.path) ? &docs->page : NULL;
}

void docs_fill(const struct docs_page *page, const struct http_request *r,
               struct http_response *response)
{
    bool gzip = page->gzip.bytes.len && http_accepts_gzip(r);
    const struct docs_body *body = gzip ? &page->gzip : &page->plain;
    struct str etag = str_make(body->etag, ETAG_LEN);
    http_response_add(response, STR("ETag"), etag);
    http_response_add(response, STR("Vary"), STR("Accept-Encoding"));
    http_response_add(response, STR("Cache-Control"), STR("no-cache"));
    struct str known = http_header_get(r, STR("If-None-Match"), NULL);
    if (known.ptr && etag_matches(known, etag)) {
        response->status = 304;
        return;
    }
    response->status = 200;
    response->content_type = page->type;
    response->body = buf_str(&body->bytes);
    http_response_add(response, STR("X-Content-Type-Options"), STR("nosniff"));
    http_response_add(response, STR("Referrer-Policy"), STR("no-referrer"));
    if (gzip)
        http_response_add(response, STR("Content-Encoding"), STR("gzip"));
    if (page->policy)
        http_response_add(response, STR("Content-Security-Policy"), str_from(page->policy));
}
