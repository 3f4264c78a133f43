/* One delivery as a request: signed both ways (developer-api.md §8). */
#include "base/clock.h"
#include "base/log.h"
#include "crypto/base64.h"
#include "crypto/hex.h"
#include "crypto/hmac.h"
#include "jobs/runner.h"

#include <inttypes.h>

#define AWAL_SIGNATURE_LEN (sizeof("sha256=") - 1 + 2 * HMAC_LEN)
#define TIME_SIZE          24
#define STANDARD_MAX       256 /* both secrets' signatures */

/* --- secrets ------------------------------------------------------------------------------ */

static bool open_one(struct jobs *j, const struct webhook *w, struct str sealed, struct secret *ret)
{
    char context[64];
    int n = snprintf(context, sizeof(context), WEBHOOK_SEAL_CONTEXT, (long long)w->id);
    return seal_open(j->options.keyring, str_make(context, (size_t)n), sealed, ret) == ERR_OK;
}

bool job_open_secrets(struct jobs *j, const struct webhook *w, struct secret *ret,
                      struct secret *ret_previous)
{
    bool overlap = w->sealed_previous.len && clock_now_ms() < w->previous_until;
    if (open_one(j, w, w->sealed_secret, ret) &&
        (!overlap || open_one(j, w, w->sealed_previous, ret_previous)))
        return true;
    log_event(LOG_ERROR, "webhook_secret_unreadable", LOG_INT("webhook", w->id),
              LOG_CSTR("mend", "rotate its secret, or restore the key file"));
    return false;
}

/* --- signatures --------------------------------------------------------------------------- */

struct signing {
    struct hmac *hmac;
    const struct job_delivery *delivery;
    struct http_url url;
    struct str time; /* Unix seconds */
    char time_text[TIME_SIZE];
};

/* As requests to us are signed: METHOD PATH QUERY TIMESTAMP BODY, keyed with the secret's text. */
static void sign_awal(struct signing *s, const struct secret *secret, char out[AWAL_SIGNATURE_LEN])
{
    unsigned char mac[HMAC_LEN];
    const struct str parts[] = {STR("POST"), s->url.path, s->url.query, s->time, s->delivery->body};
    hmac_sha256(s->hmac, secret_reveal(secret), parts, ARRAY_LEN(parts), mac);
    memcpy(out, "sha256=", 7);
    hex_encode(mac, sizeof(mac), out + 7);
}

/* Standard Webhooks 1.0: base64 of the HMAC over id.timestamp.body, keyed with the secret's bytes.
 */
static void sign_standard(struct signing *s, const struct secret *secret, struct buf *out)
{
    unsigned char mac[HMAC_LEN], key[WEBHOOK_SECRET_BYTES];
    char text[BASE64_SIZE(HMAC_LEN)];
    const struct str parts[] = {s->delivery->event_uid, STR("."), s->time, STR("."),
                                s->delivery->body};
    struct str encoded = str_skip(secret_reveal(secret), sizeof(WEBHOOK_SECRET_PREFIX) - 1);
    if (!base64_decode(encoded, key, sizeof(key)))
        return;
    hmac_sha256(s->hmac, str_make((const char *)key, sizeof(key)), parts, ARRAY_LEN(parts), mac);
    base64_encode(mac, sizeof(mac), text);
    buf_printf(out, "%sv1,%s", out->len ? " " : "", text);
    wipe(key, sizeof(key));
}

/* --- the request -------------------------------------------------------------------------- */

#define HEADERS_MAX 9

static void send_signed(struct jobs *j, struct signing *s)
{
    const struct job_delivery *d = s->delivery;
    char awal[AWAL_SIGNATURE_LEN], previous[AWAL_SIGNATURE_LEN];
    _cleanup_(buf_release)
    struct buf standard;
    buf_init(&standard, STANDARD_MAX);
    sign_awal(s, d->secret, awal);
    sign_standard(s, d->secret, &standard);
    struct http_header headers[HEADERS_MAX] = {
        {STR("Content-Type"), STR("application/json; charset=utf-8")},
        {STR("X-Awal-Signature-256"), str_make(awal, sizeof(awal))},
        {STR("X-Timestamp"), s->time},
        {STR("X-Domain"), d->domain},
        {STR("webhook-id"), d->event_uid},
        {STR("webhook-timestamp"), s->time},
    };
    size_t n = 6;
    if (d->previous->len) {
        sign_awal(s, d->previous, previous);
        sign_standard(s, d->previous, &standard);
        headers[n++] = (struct http_header){STR("X-Awal-Signature-256-Previous"),
                                            str_make(previous, sizeof(previous))};
    }
    headers[n++] = (struct http_header){STR("webhook-signature"), buf_str(&standard)};
    const struct http_client_request request = {
        .method = HTTP_POST,
        .url = d->url,
        .headers = headers,
        .n_headers = n,
        .body = d->body,
        .timeout_ms = d->timeout_ms,
        .connect_timeout_ms = MIN(d->timeout_ms, DELIVERY_CONNECT_MS),
        .answer_max = d->answer_max,
        .keep_first = true,
        .on_header = d->on_header,
        .done = d->done,
        .arg = d->arg,
    };
    http_client_send(j->lanes.client, &request);
}

void job_deliver(struct jobs *j, const struct job_delivery *d)
{
    struct signing s = {.hmac = &j->lanes.hmac, .delivery = d};
    int n = snprintf(s.time_text, sizeof(s.time_text), "%" PRId64, clock_now_ms() / 1000);
    s.time = str_make(s.time_text, (size_t)n);
    if (!http_url_split(d->url, &s.url)) /* it was checked when it was saved */
        s.url = (struct http_url){.path = STR("/"), .query = STR("")};
    send_signed(j, &s);
}
