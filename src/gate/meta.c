#include "gate/meta.h"
#include "crypto/hex.h"
#include "gate/refusals.h"

#define META_SIGNATURE_PREFIX "sha256="
#define META_SIGNATURE_LEN    (sizeof(META_SIGNATURE_PREFIX) - 1 + 2 * HMAC_LEN)

static bool is_signed_with(struct gate *g, struct str secret, struct str body, struct str signature)
{
    unsigned char mac[HMAC_LEN];
    char expected[META_SIGNATURE_LEN] = META_SIGNATURE_PREFIX;
    hmac_sha256(&g->hmac, secret, &body, 1, mac);
    hex_encode(mac, sizeof(mac), expected + sizeof(META_SIGNATURE_PREFIX) - 1);
    return bytes_equal(expected, signature.ptr, META_SIGNATURE_LEN);
}

static bool is_signed_by(struct gate *g, const struct directory_app *app, struct str body,
                         struct str signature, int64_t now_ms)
{
    if (is_signed_with(g, secret_reveal(&app->secret), body, signature))
        return true;
    return app->previous.len && now_ms < app->previous_until &&
           is_signed_with(g, secret_reveal(&app->previous), body, signature);
}

static bool is_of(const struct directory_app *app, struct str domain)
{
    return str_eq(app->domain, domain);
}

enum err gate_check_meta(struct gate *g, const struct http_request *r, struct str domain,
                         int64_t now_ms, struct meta_sender *ret, struct error *error)
{
    bool twice = false;
    struct str signature = http_header_get(r, STR("X-Hub-Signature-256"), &twice);
    bool well_formed = signature.ptr && !twice && signature.len == META_SIGNATURE_LEN;
    const struct directory_app *app = directory_apps(&g->view);
    for (; well_formed && app; app = app->next) {
        if (!is_of(app, domain) || !is_signed_by(g, app, r->body, signature, now_ms))
            continue;
        *ret = (struct meta_sender){app->id, app->workspace_id};
        return ERR_OK;
    }
    error_set(error, ERR_AUTHENTICATION, "Invalid X-Hub-Signature-256");
    return refusal_count(g, r, now_ms, ERR_AUTHENTICATION, error);
}

enum err gate_check_token(struct gate *g, const struct http_request *r, struct str domain,
                          struct str token, int64_t now_ms, struct error *error)
{
    bool good = false;
    for (const struct directory_app *app = directory_apps(&g->view); app; app = app->next) {
        struct str known = secret_reveal(&app->token);
        good = good || (is_of(app, domain) && known.len == token.len && known.len &&
                        bytes_equal(known.ptr, token.ptr, known.len));
    }
    if (good)
        return ERR_OK;
    error_set(error, ERR_AUTHENTICATION, "Invalid hub.verify_token");
    return refusal_count(g, r, now_ms, ERR_AUTHENTICATION, error);
}
