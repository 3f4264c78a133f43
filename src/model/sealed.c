#include "model/sealed.h"
#include "crypto/hex.h"
#include "model/account.h"
#include "model/app.h"
#include "model/client.h"
#include "model/setting.h"
#include "model/webhook.h"

#define CHECK_TEXT    STR("this database and its key belong together")
#define CHECK_CONTEXT STR("settings.key_check")

/* --- the places --------------------------------------------------------------------------- */

/* A sealed column: what its context begins with, its rows (id, name in the context, record), and
 * how one is replaced. */
static const struct place {
    const char *context;
    const char *select;
    const char *update;
} places[] = {
    {CLIENT_SEAL_PREFIX, "SELECT id, client_id, secret FROM clients ORDER BY id",
     "UPDATE clients SET secret = $2 WHERE id = $1"},
    {CLIENT_SEAL_PREFIX,
     "SELECT id, client_id, previous_secret FROM clients "
     "WHERE previous_secret IS NOT NULL ORDER BY id",
     "UPDATE clients SET previous_secret = $2 WHERE id = $1"},
    {APP_SECRET_PREFIX, "SELECT id, app_id, secret FROM apps ORDER BY id",
     "UPDATE apps SET secret = $2 WHERE id = $1"},
    {APP_SECRET_PREFIX,
     "SELECT id, app_id, previous_secret FROM apps WHERE previous_secret IS NOT NULL ORDER BY id",
     "UPDATE apps SET previous_secret = $2 WHERE id = $1"},
    {APP_TOKEN_PREFIX, "SELECT id, app_id, verify_token FROM apps ORDER BY id",
     "UPDATE apps SET verify_token = $2 WHERE id = $1"},
    {WEBHOOK_SEAL_PREFIX,
     "SELECT id, CAST(id AS text) AS name, secret FROM webhooks WHERE deleted_at IS NULL ORDER BY id",
     "UPDATE webhooks SET secret = $2 WHERE id = $1"},
    {WEBHOOK_SEAL_PREFIX,
     "SELECT id, CAST(id AS text) AS name, previous_secret FROM webhooks "
     "WHERE previous_secret IS NOT NULL AND deleted_at IS NULL ORDER BY id",
     "UPDATE webhooks SET previous_secret = $2 WHERE id = $1"},
    {ACCOUNT_SEAL_PREFIX,
     "SELECT id, waba_id, access_token FROM accounts WHERE unlinked_at IS NULL ORDER BY id",
     "UPDATE accounts SET access_token = $2 WHERE id = $1"},
};

struct value {
    const struct place *place;
    int64_t id;
    struct str context, record;
};

/* One value at a time; the arena is cleared after each. */
struct visit {
    struct tx *tx;
    const struct keyring *keyring;
    struct arena arena;
    enum err (*each)(struct visit *v, const struct value *value);
    struct sealed_counts counts;
    int64_t renewed;
};

static enum err visit_place(struct visit *v, const struct place *place)
{
    struct rows rows;
    enum err e = tx_query(v->tx, place->select, NO_PARAMS, &rows);
    if (e)
        return e;
    enum err stopped = ERR_OK;
    while (!stopped && rows_next(&rows)) {
        arena_clear(&v->arena);
        struct value value = {.place = place, .id = row_i64(&rows, 0)};
        value.context =
            arena_printf(&v->arena, "%s%.*s", place->context, STR_FMT(row_text(&rows, 1)));
        value.record = row_blob(&rows, 2);
        stopped = value.context.ptr ? v->each(v, &value) : ERR_NO_MEMORY;
    }
    e = rows_close(&rows);
    return stopped ? stopped : e;
}

static enum err visit_places(struct visit *v)
{
    enum err e = ERR_OK;
    for (size_t i = 0; i < ARRAY_LEN(places) && !e; i++)
        e = visit_place(v, &places[i]);
    return e;
}

static enum err open_value(const struct visit *v, const struct value *value, struct secret *ret)
{
    return seal_open(v->keyring, value->context, value->record, ret);
}

/* --- the check ---------------------------------------------------------------------------- */

static enum err put_check(struct visit *v)
{
    struct str record = seal(v->keyring, CHECK_CONTEXT, CHECK_TEXT, &v->arena);
    char *hex = record.ptr ? arena_alloc(&v->arena, 2 * record.len) : NULL;
    if (!hex)
        return ERR_NO_MEMORY;
    hex_encode((const unsigned char *)record.ptr, record.len, hex);
    return setting_put(v->tx, STR(SETTING_KEY_CHECK), str_make(hex, 2 * record.len));
}

/* The record; ERR_NOT_FOUND. One that is no hex is empty. */
static enum err get_check(struct visit *v, struct str *ret)
{
    struct str hex;
    enum err e = setting_get(v->tx, STR(SETTING_KEY_CHECK), &v->arena, &hex);
    if (e)
        return e;
    unsigned char *record = arena_alloc(&v->arena, hex.len / 2 + 1);
    if (!record)
        return ERR_NO_MEMORY;
    bool good = hex_decode(hex, record, hex.len / 2);
    *ret = str_make((char *)record, good ? hex.len / 2 : 0);
    return ERR_OK;
}

static bool opens_check(const struct visit *v, struct str record)
{
    _cleanup_(secret_release)
    struct secret text = {0};
    return seal_open(v->keyring, CHECK_CONTEXT, record, &text) == ERR_OK &&
           str_eq(secret_reveal(&text), CHECK_TEXT);
}

static struct visit begin(struct tx *tx, const struct keyring *keyring)
{
    struct visit v = {.tx = tx, .keyring = keyring};
    arena_init(&v.arena, REQUEST_ARENA_MAX);
    return v;
}

enum err sealed_put_check(struct tx *tx, const struct keyring *keyring)
{
    struct visit v = begin(tx, keyring);
    enum err e = put_check(&v);
    arena_release(&v.arena);
    return e;
}

enum err sealed_test_check(struct tx *tx, const struct keyring *keyring)
{
    struct visit v = begin(tx, keyring);
    struct str record;
    enum err e = get_check(&v, &record);
    if (!e && !opens_check(&v, record))
        e = ERR_AUTHENTICATION;
    arena_release(&v.arena);
    return e;
}

/* --- counting ----------------------------------------------------------------------------- */

static void count(struct sealed_counts *c, uint32_t key_id, bool opened)
{
    size_t i = 0;
    while (i < c->n && c->keys[i].key_id != key_id)
        i++;
    i = MIN(i, ARRAY_LEN(c->keys) - 1);
    if (i == c->n)
        c->keys[c->n++].key_id = key_id;
    c->keys[i].values++;
    c->values++;
    c->unreadable += !opened;
}

static enum err count_value(struct visit *v, const struct value *value)
{
    _cleanup_(secret_release)
    struct secret text = {0};
    bool opened = open_value(v, value, &text) == ERR_OK;
    count(&v->counts, seal_key_id(value->record), opened);
    return ERR_OK;
}

enum err sealed_count(struct tx *tx, const struct keyring *keyring, struct sealed_counts *ret)
{
    struct visit v = begin(tx, keyring);
    v.each = count_value;
    struct str record;
    enum err e = get_check(&v, &record);
    if (!e)
        count(&v.counts, seal_key_id(record), opens_check(&v, record));
    if (!e)
        e = visit_places(&v);
    arena_release(&v.arena);
    if (!e)
        *ret = v.counts;
    return e;
}

/* --- renewing ----------------------------------------------------------------------------- */

static enum err renew_value(struct visit *v, const struct value *value)
{
    if (seal_key_id(value->record) == keyring_current(v->keyring))
        return ERR_OK;
    _cleanup_(secret_release)
    struct secret text = {0};
    if (open_value(v, value, &text)) {
        v->counts.unreadable++;
        return ERR_OK;
    }
    struct str record = seal(v->keyring, value->context, secret_reveal(&text), &v->arena);
    if (!record.ptr)
        return ERR_NO_MEMORY;
    v->renewed++;
    return tx_exec(v->tx, value->place->update, PARAMS(p_i64(value->id), p_blob(record)), NULL);
}

static enum err renew_check(struct visit *v)
{
    struct str record;
    enum err e = get_check(v, &record);
    if (e || seal_key_id(record) == keyring_current(v->keyring))
        return e;
    if (!opens_check(v, record))
        return ERR_AUTHENTICATION;
    v->renewed++;
    return put_check(v);
}

enum err sealed_renew(struct tx *tx, const struct keyring *keyring, int64_t *ret_renewed,
                      int64_t *ret_unreadable)
{
    struct visit v = begin(tx, keyring);
    v.each = renew_value;
    enum err e = renew_check(&v);
    if (!e)
        e = visit_places(&v);
    arena_release(&v.arena);
    *ret_renewed = v.renewed;
    *ret_unreadable = v.counts.unreadable;
    return e;
}
