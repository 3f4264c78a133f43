/* Who may speak as Meta: the signature over the raw body and the token, of which apps, at which
 * address, and until when. */
#include "crypto/hex.h"
#include "gate/meta.h"
#include "model/app.h"
#include "unit/gate/world.h"

#include <arpa/inet.h>

#define BODY "{\"object\":\"whatsapp_business_account\",\"entry\":[]}"

/* --- apps --------------------------------------------------------------------------------- */

struct app_write {
    struct store_write write;
    struct world *world;
    const char *app_id, *secret, *token;
    const char *rotated; /* the secret that takes the place of `secret`; NULL: none does */
    int64_t previous_until;
    bool of_acme; /* else everybody's */
    bool removed; /* it is taken away instead */
};

static struct str sealed_as(struct world *w, const char *prefix, const char *id, const char *text)
{
    return seal(&w->keyring, arena_printf(&w->arena, "%s%s", prefix, id), str_from(text),
                &w->arena);
}

static enum err write_app(struct store_write *write, struct tx *tx)
{
    struct app_write *a = CONTAINER_OF(write, struct app_write, write);
    struct world *w = a->world;
    struct workspace ws = {.id = 0};
    if (a->removed)
        return app_remove(tx, str_from(a->app_id));
    if (a->of_acme)
        assert_int_equal(workspace_find(tx, STR("acme"), &w->arena, &ws), ERR_OK);
    const struct app app = {
        .workspace_id = ws.id,
        .app_id = str_from(a->app_id),
        .name = STR("an app"),
        .sealed_secret = sealed_as(w, APP_SECRET_PREFIX, a->app_id, a->secret),
        .sealed_token = sealed_as(w, APP_TOKEN_PREFIX, a->app_id, a->token),
        .created_at = 1,
        .updated_at = 1,
    };
    enum err e = app_insert(tx, &app);
    if (e || !a->rotated)
        return e;
    return app_rotate(tx, app.app_id, sealed_as(w, APP_SECRET_PREFIX, a->app_id, a->rotated),
                      a->previous_until, 2);
}

static void put_app(struct world *w, struct app_write a)
{
    a.world = w;
    a.write.apply = write_app;
    assert_int_equal(store_write_now(w->fixture->store, &a.write), ERR_OK);
    assert_int_equal(directory_reload(&w->hub, w->reader), ERR_OK);
}

/* --- asking ------------------------------------------------------------------------------- */

struct ask {
    const char *secret, *domain, *body;
    const char *signature; /* instead of the right one */
    bool none, twice;      /* no such header; two of them */
    int64_t now_ms;        /* 0: NOW_MS */
};

static struct error last_error;
static struct meta_sender sender;

static void begin(struct http_request *r, struct world *w)
{
    memset(r, 0, sizeof(*r));
    memset(&sender, 0xff, sizeof(sender));
    r->method = HTTP_POST;
    memcpy(&r->peer, &(struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(0x7f000001)}},
           sizeof(struct sockaddr_in));
    error_init(&last_error, &w->arena);
}

static struct str sign(struct world *w, const char *secret, const char *body)
{
    unsigned char mac[HMAC_LEN];
    char text[2 * HMAC_LEN];
    const struct str part = str_from(body);
    hmac_sha256(&w->hmac, str_from(secret), &part, 1, mac);
    hex_encode(mac, sizeof(mac), text);
    return arena_printf(&w->arena, "sha256=%.*s", (int)sizeof(text), text);
}

static enum err ask(struct world *w, struct ask a)
{
    static struct http_request r;
    const char *body = a.body ? a.body : BODY;
    begin(&r, w);
    r.body = str_from(body);
    struct str signature =
        a.signature ? str_from(a.signature) : sign(w, a.secret ? a.secret : "first", body);
    for (int i = 0; i < (a.none ? 0 : a.twice ? 2 : 1); i++)
        r.headers[r.n_headers++] = (struct http_header){STR("x-hub-signature-256"), signature};
    return gate_check_meta(&w->gate, &r, str_from(a.domain), a.now_ms ? a.now_ms : NOW_MS, &sender,
                           &last_error);
}

static enum err ask_token(struct world *w, const char *domain, const char *token)
{
    static struct http_request r;
    begin(&r, w);
    return gate_check_token(&w->gate, &r, str_from(domain), str_from(token), NOW_MS, &last_error);
}

/* --- the tests ---------------------------------------------------------------------------- */

static void test_without_an_app(void **state)
{
    struct world *w = *state;
    static const char *const secrets[] = {"", "first", "your-hmac-secret"};
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
        assert_int_equal(ask(w, (struct ask){.secret = secrets[i]}), ERR_AUTHENTICATION);
    assert_int_equal(ask_token(w, "", ""), ERR_AUTHENTICATION);
    assert_int_equal(ask_token(w, "", "x"), ERR_AUTHENTICATION);
}

/* Made with another implementation:
 * createHmac('sha256', 'first').update('{"a":"\u0647"}').digest('hex'), with the six characters of
 * the escape as they are. */
static void test_a_known_signature(void **state)
{
    struct world *w = *state;
    put_app(w, (struct app_write){.app_id = "1", .secret = "first", .token = "t"});
    struct ask known = {.body = "{\"a\":\"\\u0647\"}",
                        .signature =
                            "sha256=61e7fd62098e9590f6607bf65e7b6f20" //
                            "60ac625d11af28bd994a7677d1efbe1d"};
    assert_int_equal(ask(w, known), ERR_OK);
    assert_int_equal(sender.app_row_id, 1);
    assert_int_equal(sender.workspace_id, 0);
    known.body = "{\"a\":\"\xd9\x87\"}"; /* the same JSON in other bytes */
    assert_int_equal(ask(w, known), ERR_AUTHENTICATION);
}

static void test_every_wrong_signature(void **state)
{
    struct world *w = *state;
    w->policy->authentication_failures = (struct limit){1000000, 60};
    put_app(w, (struct app_write){.app_id = "1", .secret = "first", .token = "t"});
    assert_int_equal(ask(w, (struct ask){0}), ERR_OK);
    assert_int_equal(ask(w, (struct ask){.none = true}), ERR_AUTHENTICATION);
    assert_int_equal(ask(w, (struct ask){.twice = true}), ERR_AUTHENTICATION);
    assert_int_equal(ask(w, (struct ask){.secret = "second"}), ERR_AUTHENTICATION);
    char right[80], wrong[sizeof(right) + 1];
    snprintf(right, sizeof(right), "%.*s", STR_FMT(sign(w, "first", BODY)));
    size_t len = strlen(right);
    for (size_t i = 0; i < len; i++) { /* each byte another, and cut off at each */
        memcpy(wrong, right, sizeof(right));
        wrong[i] = (char)(wrong[i] ^ 1);
        assert_int_equal(ask(w, (struct ask){.signature = wrong}), ERR_AUTHENTICATION);
        wrong[i] = '\0';
        assert_int_equal(ask(w, (struct ask){.signature = wrong}), ERR_AUTHENTICATION);
    }
    snprintf(wrong, sizeof(wrong), "%s0", right);
    assert_int_equal(ask(w, (struct ask){.signature = wrong}), ERR_AUTHENTICATION);
    snprintf(wrong, sizeof(wrong), "%s", right);
    for (size_t i = 0; i < len; i++)
        wrong[i] = wrong[i] >= 'a' && wrong[i] <= 'z' ? (char)(wrong[i] - 32) : wrong[i];
    assert_int_equal(ask(w, (struct ask){.signature = wrong}), ERR_AUTHENTICATION);
    assert_true(str_eq(last_error.message, STR("Invalid X-Hub-Signature-256")));
}

static void test_apps_and_addresses(void **state)
{
    struct world *w = *state;
    put_app(w, (struct app_write){.app_id = "1", .secret = "first", .token = "t1"});
    put_app(w, (struct app_write){.app_id = "2", .secret = "second", .token = "t2"});
    put_app(w,
            (struct app_write){.app_id = "3", .secret = "third", .token = "t3", .of_acme = true});
    assert_int_equal(ask(w, (struct ask){.secret = "second"}), ERR_OK);
    assert_int_equal(sender.app_row_id, 2);
    assert_int_equal(ask(w, (struct ask){.secret = "third", .domain = "acme"}), ERR_OK);
    assert_int_equal(sender.app_row_id, 3);
    assert_true(sender.workspace_id > 0);
    assert_int_equal(ask(w, (struct ask){.secret = "third"}), ERR_AUTHENTICATION);
    assert_int_equal(ask(w, (struct ask){.secret = "first", .domain = "acme"}), ERR_AUTHENTICATION);
    assert_int_equal(ask(w, (struct ask){.secret = "third", .domain = "elsewhere"}),
                     ERR_AUTHENTICATION);
    assert_int_equal(ask_token(w, "", "t1"), ERR_OK);
    assert_int_equal(ask_token(w, "", "t2"), ERR_OK);
    assert_int_equal(ask_token(w, "acme", "t3"), ERR_OK);
    assert_int_equal(ask_token(w, "", "t3"), ERR_AUTHENTICATION);
    assert_int_equal(ask_token(w, "acme", "t1"), ERR_AUTHENTICATION);
    put_app(w, (struct app_write){.app_id = "2", .removed = true});
    assert_int_equal(ask(w, (struct ask){.secret = "second"}), ERR_AUTHENTICATION);
    assert_int_equal(ask_token(w, "", "t2"), ERR_AUTHENTICATION);
    assert_int_equal(ask(w, (struct ask){0}), ERR_OK);
}

static void test_rotation(void **state)
{
    struct world *w = *state;
    put_app(w, (struct app_write){.app_id = "1",
                                  .secret = "first",
                                  .token = "t",
                                  .rotated = "second",
                                  .previous_until = NOW_MS});
    assert_int_equal(ask(w, (struct ask){.secret = "second"}), ERR_OK);
    assert_int_equal(ask(w, (struct ask){.secret = "first", .now_ms = NOW_MS - 1}), ERR_OK);
    assert_int_equal(ask(w, (struct ask){.secret = "first"}), ERR_AUTHENTICATION);
}

static void test_tokens(void **state)
{
    struct world *w = *state;
    static const char *const wrong[] = {"", "h", "hoopo", "hoopoes", "Hoopoe", "hoopoe "};
    put_app(w, (struct app_write){.app_id = "1", .secret = "first", .token = "hoopoe"});
    assert_int_equal(ask_token(w, "", "hoopoe"), ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_int_equal(ask_token(w, "", wrong[i]), ERR_AUTHENTICATION);
}

/* Of signatures and tokens together, as of every other refusal; a right one is never refused. */
static void test_failures_are_counted(void **state)
{
    struct world *w = *state;
    put_app(w, (struct app_write){.app_id = "1", .secret = "first", .token = "t"});
    w->policy->authentication_failures = (struct limit){3, 60};
    assert_int_equal(ask(w, (struct ask){.secret = "x"}), ERR_AUTHENTICATION);
    assert_int_equal(ask_token(w, "", "x"), ERR_AUTHENTICATION);
    assert_int_equal(ask(w, (struct ask){.none = true}), ERR_AUTHENTICATION);
    assert_int_equal(ask(w, (struct ask){.secret = "x"}), ERR_RATE_LIMIT);
    assert_in_range(last_error.retry_after, 1, 60);
    assert_int_equal(ask_token(w, "", "x"), ERR_RATE_LIMIT);
    assert_int_equal(ask(w, (struct ask){0}), ERR_OK);
    assert_int_equal(ask_token(w, "", "t"), ERR_OK);
    assert_int_equal(ask(w, (struct ask){.secret = "x", .now_ms = NOW_MS + 61000}),
                     ERR_AUTHENTICATION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_without_an_app),
        TEST(test_a_known_signature),
        TEST(test_every_wrong_signature),
        TEST(test_apps_and_addresses),
        TEST(test_rotation),
        TEST(test_tokens),
        TEST(test_failures_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
