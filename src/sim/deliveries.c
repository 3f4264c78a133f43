#include "sim/deliveries.h"

#include "base/clock.h"
#include "base/log.h"
#include "crypto/hex.h"
#include "http/client.h"
#include "sim/simulator.h"

enum state {
    PENDING,   /* to be posted, now or later */
    DELIVERED, /* answered 200 */
    GIVEN_UP,  /* too old to be tried again */
};
static const char *const state_names[] = {"pending", "delivered", "given_up"};

struct delivery {
    struct list link; /* in `all` */
    struct list turn; /* in `waiting`; in no list while it is posted, and at its end */
    struct sim_deliveries *owner;
    enum state state;
    bool forgotten; /* while it was posted: goes when that ends, and is in no list */
    uint64_t number;
    char *url;
    struct buf body; /* empty once it is no longer pending */
    size_t size;
    char field[SIM_WEBHOOK_FIELD_MAX + 1];
    size_t n_changes;
    bool wrong_signature;
    int64_t attempts;
    int64_t due_us;                /* monotonic */
    int64_t created_ms, latest_ms; /* wall time; of the latest attempt's end */
    int status;                    /* of the latest attempt; 0: none came */
    char why[SIM_WHY_MAX + 1];     /* none came */
};

struct sim_deliveries {
    struct sim *sim;
    struct http_client *client;
    uv_timer_t timer;
    struct list all;     /* oldest first */
    struct list waiting; /* for their time: what is due first is first */
    uint64_t total;
    size_t n, n_pending;
    size_t bytes; /* of all that are pending */
    int64_t n_skipped;
    const char *why_skipped; /* the last one; NULL: none was */
    bool closing;
};

/* --- their end ---------------------------------------------------------------------------- */

static void free_delivery(struct delivery *v)
{
    buf_release(&v->body);
    free(v->url);
    free(v);
}

static void end(struct delivery *v, enum state state)
{
    struct sim_deliveries *d = v->owner;
    v->state = state;
    d->n_pending--;
    d->bytes -= v->size;
    buf_release(&v->body);
}

/* One that is being posted is freed when that ends. */
static void forget(struct delivery *v)
{
    bool is_posted = v->state == PENDING && list_empty(&v->turn);
    if (v->state == PENDING)
        end(v, GIVEN_UP);
    v->owner->n--;
    list_remove(&v->turn);
    list_remove(&v->link);
    v->forgotten = true;
    if (!is_posted)
        free_delivery(v);
}

/* --- attempts ----------------------------------------------------------------------------- */

static void on_due(uv_timer_t *timer);

static void wait_for_first(struct sim_deliveries *d)
{
    if (d->closing || list_empty(&d->waiting))
        return;
    int64_t due_us = CONTAINER_OF(d->waiting.next, struct delivery, turn)->due_us;
    int64_t us = MAX(due_us - clock_monotonic_us(), 0);
    uv_update_time(&d->sim->loop); /* the timer counts from its last turn, which may be long ago */
    uv_timer_start(&d->timer, on_due, (uint64_t)(us + 999) / 1000, 0);
}

/* Most are due later than all that wait, so the place is looked for from the end. */
static void wait_until(struct delivery *v, int64_t due_us)
{
    struct list *after = v->owner->waiting.prev;
    v->due_us = due_us;
    while (after != &v->owner->waiting &&
           CONTAINER_OF(after, struct delivery, turn)->due_us > due_us)
        after = after->prev;
    list_add(after->next, &v->turn); /* before the one behind it */
    wait_for_first(v->owner);
}

/* The first repetition comes at once, then pauses grow. */
static int64_t pause_us(const struct sim_webhook *webhook, int64_t attempts)
{
    int64_t ms = webhook->retry_first_ms;
    if (attempts < 2)
        return 0;
    for (int64_t i = 2; i < attempts && ms < webhook->retry_max_ms; i++)
        ms *= 2;
    return 1000 * MIN(ms, webhook->retry_max_ms);
}

static void settle(struct delivery *v)
{
    const struct sim_webhook *webhook = &v->owner->sim->state->app.webhook;
    if (v->status == 200)
        end(v, DELIVERED);
    else if (v->latest_ms - v->created_ms >= 1000 * webhook->give_up_s)
        end(v, GIVEN_UP);
    else
        wait_until(v, clock_monotonic_us() + pause_us(webhook, v->attempts));
}

static void on_answer(void *arg, const struct http_client_answer *a)
{
    struct delivery *v = arg;
    if (v->forgotten) {
        free_delivery(v);
        return;
    }
    v->status = a->outcome == HTTP_CLIENT_OK ? a->status : 0;
    v->latest_ms = clock_now_ms();
    snprintf(v->why, sizeof(v->why), "%.*s", STR_FMT(a->why));
    if (!v->owner->sim->quiet)
        log_event(LOG_INFO, "webhook", LOG_CSTR("url", v->url), LOG_CSTR("field", v->field),
                  LOG_INT("attempt", v->attempts), LOG_INT("status", v->status),
                  LOG_CSTR("why", v->why), LOG_INT("us", a->us));
    settle(v);
}

#define SIGNATURE_PREFIX "sha256="
#define SIGNATURE_LEN    (sizeof(SIGNATURE_PREFIX) - 1 + 2 * HMAC_LEN)

/* Signed when it is posted: a secret that changed meanwhile counts. */
static void sign(const struct delivery *v, char out[SIGNATURE_LEN])
{
    struct sim *sim = v->owner->sim;
    unsigned char mac[HMAC_LEN];
    struct str body = buf_str(&v->body);
    struct str key =
        v->wrong_signature ? STR("not the app's secret") : str_from(sim->state->app.secret);
    hmac_sha256(&sim->hmac, key, &body, 1, mac);
    memcpy(out, SIGNATURE_PREFIX, sizeof(SIGNATURE_PREFIX) - 1);
    hex_encode(mac, sizeof(mac), out + sizeof(SIGNATURE_PREFIX) - 1);
}

static void post(struct delivery *v)
{
    char signature[SIGNATURE_LEN];
    sign(v, signature);
    bool is_signed = v->wrong_signature || v->owner->sim->state->app.secret;
    const struct http_header headers[] = {
        {STR("Content-Type"), STR("application/json")},
        {STR("User-Agent"), STR("facebookexternalua")},
        {STR("Accept"), STR("*/*")},
        {STR("X-Hub-Signature-256"), str_make(signature, sizeof(signature))},
    };
    v->attempts++;
    http_client_send(v->owner->client, &(struct http_client_request){
                                           .method = HTTP_POST,
                                           .url = str_from(v->url),
                                           .headers = headers,
                                           .n_headers = ARRAY_LEN(headers) - !is_signed,
                                           .body = buf_str(&v->body),
                                           .timeout_ms = SIM_WEBHOOK_TIMEOUT_MS,
                                           .connect_timeout_ms = SIM_WEBHOOK_TIMEOUT_MS,
                                           .keep_first = true,
                                           .once = true, /* an attempt is one */
                                           .done = on_answer,
                                           .arg = v,
                                       });
}

static void on_due(uv_timer_t *timer)
{
    struct sim_deliveries *d = timer->data;
    int64_t now_us = clock_monotonic_us();
    while (!list_empty(&d->waiting)) {
        struct delivery *v = CONTAINER_OF(d->waiting.next, struct delivery, turn);
        if (v->due_us > now_us)
            break;
        list_remove(&v->turn);
        post(v);
    }
    wait_for_first(d);
}

/* --- adding ------------------------------------------------------------------------------- */

/* The oldest that has come to its end makes room. */
static bool make_room(struct sim_deliveries *d)
{
    if (d->n < SIM_DELIVERIES_MAX)
        return true;
    list_for_each_safe (node, &d->all) {
        struct delivery *v = CONTAINER_OF(node, struct delivery, link);
        if (v->state != PENDING) {
            forget(v);
            return true;
        }
    }
    return false;
}

enum err sim_deliveries_add(struct sim_deliveries *d, const struct sim_parcel *parcel,
                            struct error *error)
{
    if (parcel->body.len > SIM_DELIVERY_BYTES_MAX - d->bytes || !make_room(d))
        return error_set(error, ERR_TOO_LARGE,
                         "too many webhooks are on their way: at most %d, and %d MiB together",
                         SIM_DELIVERIES_MAX, SIM_DELIVERY_BYTES_MAX / MIB);
    struct delivery *v = xcalloc(1, sizeof(*v));
    buf_init(&v->body, parcel->body.len);
    buf_add(&v->body, parcel->body);
    if (!buf_ok(&v->body)) {
        free(v);
        return error_set(error, ERR_NO_MEMORY, "there is no memory for the webhook");
    }
    list_init(&v->turn);
    v->owner = d;
    v->number = ++d->total;
    v->url = strndup(parcel->url.ptr, parcel->url.len);
    v->size = parcel->body.len;
    snprintf(v->field, sizeof(v->field), "%.*s", STR_FMT(parcel->field));
    v->n_changes = parcel->n_changes;
    v->wrong_signature = parcel->wrong_signature;
    v->created_ms = clock_now_ms();
    list_add(&d->all, &v->link);
    d->n++;
    d->n_pending++;
    d->bytes += v->size;
    wait_until(v, clock_monotonic_us() + 1000 * parcel->delay_ms);
    return ERR_OK;
}

void sim_deliveries_skip(struct sim_deliveries *d, const char *why)
{
    d->n_skipped++;
    d->why_skipped = why;
}

/* --- telling of them ---------------------------------------------------------------------- */

static void write_delivery(const struct delivery *v, struct json_writer *w)
{
    json_open(w, '{');
    json_member_i64(w, "number", (int64_t)v->number);
    json_member_cstr(w, "url", v->url);
    json_member_cstr(w, "field", v->field);
    json_member_i64(w, "changes", (int64_t)v->n_changes);
    json_member_i64(w, "bytes", (int64_t)v->size);
    json_member_cstr(w, "state", state_names[v->state]);
    json_member_i64(w, "attempts", v->attempts);
    json_member_i64(w, "status", v->status);
    json_member_opt(w, "why", str_from(v->why));
    json_member_i64(w, "created_ms", v->created_ms);
    json_member_i64(w, "latest_ms", v->latest_ms);
    json_close(w, '}');
}

void sim_deliveries_write(const struct sim_deliveries *d, struct json_writer *w)
{
    json_open(w, '{');
    json_member_i64(w, "total", (int64_t)d->total);
    json_member_i64(w, "pending", (int64_t)d->n_pending);
    json_member_i64(w, "skipped", d->n_skipped);
    json_member_cstr(w, "why", d->why_skipped);
    json_key(w, "data");
    json_open(w, '[');
    list_for_each (node, &d->all)
        write_delivery(CONTAINER_OF(node, struct delivery, link), w);
    json_close(w, ']');
    json_close(w, '}');
}

void sim_deliveries_clear(struct sim_deliveries *d)
{
    list_for_each_safe (node, &d->all)
        forget(CONTAINER_OF(node, struct delivery, link));
    d->total = 0;
    d->n_skipped = 0;
    d->why_skipped = NULL;
}

/* --- opening and closing ------------------------------------------------------------------ */

enum err sim_deliveries_open(struct sim *sim, int connections, struct sim_deliveries **ret,
                             struct error *error)
{
    struct http_client_options options = {.connections_max = (size_t)connections, .direct = true};
    struct http_client *client;
    enum err e = http_client_open(&sim->loop, &options, &client, error);
    if (e)
        return e;
    struct sim_deliveries *d = xcalloc(1, sizeof(*d));
    d->sim = sim;
    d->client = client;
    list_init(&d->all);
    list_init(&d->waiting);
    uv_timer_init(&sim->loop, &d->timer);
    d->timer.data = d;
    *ret = d;
    return ERR_OK;
}

static void on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void sim_deliveries_close(struct sim_deliveries *d)
{
    if (!d)
        return;
    d->closing = true;
    sim_deliveries_clear(d); /* those that are posted go with the client */
    http_client_close(d->client);
    uv_close((uv_handle_t *)&d->timer, on_closed);
}
