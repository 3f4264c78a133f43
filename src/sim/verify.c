#include "sim/verify.h"

#include "base/log.h"
#include "base/random.h"
#include "http/client.h"
#include "sim/simulator.h"

#define CHALLENGE_DIGITS  10
#define AT_ONCE           16 /* challenges; more wait */
#define VERIFY_ANSWER_MAX 1024

struct sim_verifier {
    struct sim *sim;
    struct http_client *client;
    uv_timer_t again;  /* for the app's webhook */
    uint64_t app_turn; /* counts the webhooks of the app that there were: what asked an earlier one
                        * is of no interest any more */
    bool closing;
};

struct challenge {
    char digits[CHALLENGE_DIGITS];
    sim_verify_cb *cb;
    void *arg;
};

static struct str complaint(const struct challenge *c, const struct http_client_answer *a,
                            char out[SIM_WHY_MAX])
{
    int len;
    struct str expected = str_make(c->digits, CHALLENGE_DIGITS);
    if (a->outcome != HTTP_CLIENT_OK)
        len = snprintf(out, SIM_WHY_MAX, "%.*s", MIN((int)a->why.len, SIM_WHY_MAX - 1), a->why.ptr);
    else if (a->status != 200)
        len = snprintf(out, SIM_WHY_MAX, "HTTP Status Code = %d", a->status);
    else if (!str_eq(a->body, expected))
        len = snprintf(out, SIM_WHY_MAX, "the answer does not match the challenge %.*s",
                       STR_FMT(expected));
    else
        return STR("");
    return str_make(out, (size_t)len);
}

static void on_answer(void *arg, const struct http_client_answer *a)
{
    struct challenge *c = arg;
    char why[SIM_WHY_MAX];
    c->cb(c->arg, complaint(c, a, why));
    free(c);
}

static void add_param(struct buf *url, char before, const char *name, struct str value)
{
    buf_printf(url, "%c%s=", before, name);
    http_url_encode(value, url);
}

static void random_digits(char out[CHALLENGE_DIGITS])
{
    for (size_t i = 0; i < CHALLENGE_DIGITS; i++)
        out[i] = (char)('1' + random_below(9));
}

void sim_verify(struct sim_verifier *v, struct str url, struct str verify_token, sim_verify_cb *cb,
                void *arg)
{
    struct challenge *c = xcalloc(1, sizeof(*c));
    c->cb = cb;
    c->arg = arg;
    random_digits(c->digits);
    _cleanup_(buf_release)
    struct buf whole;
    buf_init(&whole, HTTP_CLIENT_URL_MAX);
    buf_add(&whole, url);
    bool has_query = str_find(url, '?') < url.len;
    add_param(&whole, has_query ? '&' : '?', "hub.mode", STR("subscribe"));
    add_param(&whole, '&', "hub.challenge", str_make(c->digits, CHALLENGE_DIGITS));
    add_param(&whole, '&', "hub.verify_token", verify_token);
    const struct http_header headers[] = {
        {STR("Accept"), STR("*/*")},
        {STR("User-Agent"), STR("facebookplatform/1.0 (+http://developers.facebook.com)")},
    };
    http_client_send(v->client, &(struct http_client_request){
                                    .url = buf_str(&whole),
                                    .headers = headers,
                                    .n_headers = ARRAY_LEN(headers),
                                    .timeout_ms = SIM_WEBHOOK_TIMEOUT_MS,
                                    .connect_timeout_ms = SIM_WEBHOOK_TIMEOUT_MS,
                                    .answer_max = VERIFY_ANSWER_MAX,
                                    .keep_first = true,
                                    .done = on_answer,
                                    .arg = c,
                                });
}

/* --- the app's own ------------------------------------------------------------------------ */

struct app_challenge {
    struct sim_verifier *verifier;
    uint64_t turn;
};

static void ask_app(struct sim_verifier *v);

static void on_again(uv_timer_t *timer)
{
    ask_app(timer->data);
}

static void on_app_answer(void *arg, struct str why)
{
    struct app_challenge *a = arg;
    struct sim_verifier *v = a->verifier;
    struct sim_webhook *webhook = &v->sim->state->app.webhook;
    bool is_current = a->turn == v->app_turn && !v->closing;
    free(a);
    if (!is_current)
        return;
    webhook->verified = why.len == 0;
    if (!webhook->verified)
        uv_timer_start(&v->again, on_again, SIM_CHALLENGE_RETRY_MS, 0);
    else if (!v->sim->quiet)
        log_event(LOG_INFO, "webhook_verified", LOG_CSTR("url", webhook->url));
}

static void ask_app(struct sim_verifier *v)
{
    const struct sim_webhook *webhook = &v->sim->state->app.webhook;
    struct app_challenge *a = xcalloc(1, sizeof(*a));
    a->verifier = v;
    a->turn = v->app_turn;
    sim_verify(v, str_from(webhook->url), str_from(webhook->verify_token), on_app_answer, a);
}

void sim_verify_app(struct sim_verifier *v)
{
    const struct sim_webhook *webhook = &v->sim->state->app.webhook;
    v->app_turn++;
    uv_timer_stop(&v->again);
    if (webhook->url && !webhook->verified)
        ask_app(v);
}

/* --- opening and closing ------------------------------------------------------------------ */

enum err sim_verifier_open(struct sim *sim, struct sim_verifier **ret, struct error *error)
{
    const struct http_client_options options = {.connections_max = AT_ONCE, .direct = true};
    struct http_client *client;
    enum err e = http_client_open(&sim->loop, &options, &client, error);
    if (e)
        return e;
    struct sim_verifier *v = xcalloc(1, sizeof(*v));
    v->sim = sim;
    v->client = client;
    uv_timer_init(&sim->loop, &v->again);
    v->again.data = v;
    *ret = v;
    return ERR_OK;
}

static void on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void sim_verifier_close(struct sim_verifier *v)
{
    if (!v)
        return;
    v->closing = true;
    http_client_close(v->client);
    uv_close((uv_handle_t *)&v->again, on_closed);
}
