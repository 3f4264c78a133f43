#include "api/call.h"
#include "api/respond.h"
#include "base/clock.h"
#include "base/random.h"

#define KEY_PREFIX         "key:"
#define SIGNATURE_KEY_NAME "signature:"

/* --- the key ------------------------------------------------------------------------------ */

static bool is_printable(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < ' ' || s.ptr[i] > '~')
            return false;
    return true;
}

static enum err refuse_key(struct call *call, const char *why)
{
    error_detail(&call->error, "Idempotency-Key", "%s", why);
    return error_set(&call->error, ERR_INVALID_HEADERS, "The header Idempotency-Key is malformed");
}

static enum err read_header(struct call *call, struct str *ret)
{
    bool twice;
    *ret = http_header_get(call->request, STR("Idempotency-Key"), &twice);
    if (twice)
        return refuse_key(call, "must be sent once");
    if (ret->ptr && (ret->len == 0 || ret->len > IDEMPOTENCY_KEY_MAX || !is_printable(*ret)))
        return refuse_key(call, "must be 1 to 255 printable ASCII characters");
    return ERR_OK;
}

/* HMAC with its purpose for a key is a hash that means nothing elsewhere. But a body may hold a
 * PIN, which whoever has the database would find by trying all: then it is keyed with what is not
 * in the database. With another key, once that is rotated, a request is taken for another one. */
static void hash(struct call *call, const struct str *parts, size_t n, unsigned char out[HMAC_LEN])
{
    unsigned char key[SEAL_KEY_LEN] = {0};
    const struct keyring *ring = call->api->shared->keyring;
    struct hmac *hmac = &call->api->gate.hmac;
    hmac_sha256(hmac, STR("hudhud idempotency fingerprint"), parts, n, out);
    if (call->route->kind != LIVE_ONCE)
        return;
    if (!keyring_get(ring, keyring_current(ring), key)) /* it was just rotated away */
        random_bytes(key, sizeof(key));
    const struct str plain = str_make((char *)out, HMAC_LEN);
    hmac_sha256(hmac, str_make((char *)key, sizeof(key)), &plain, 1, out);
    wipe(key, sizeof(key));
}

/* Each part with its length: a byte that moves from one to the next makes another request. */
static struct str fingerprint(struct call *call)
{
    const struct http_request *r = call->request;
    struct str method = str_from(http_method_name(r->method));
    struct str lengths = arena_printf(call->arena, "%zu %zu %zu %zu ", method.len, call->path.len,
                                      r->query.len, r->body.len);
    unsigned char *out = arena_alloc(call->arena, HMAC_LEN);
    if (!lengths.ptr || !out)
        return (struct str){NULL, 0};
    const struct str parts[] = {lengths, method, call->path, r->query, r->body};
    hash(call, parts, ARRAY_LEN(parts), out);
    return str_make((char *)out, HMAC_LEN);
}

/* The signature counts as long as any setting of sign-window would let it in, not only today's:
 * whoever captured a request must not gain from the window being made longer. The gate looks at
 * whole seconds, and lets it in to the end of the last one. */
static int64_t signature_expires_at(const struct http_request *r)
{
    int64_t timestamp_s;
    struct str text = http_header_get(r, STR("X-Timestamp"), NULL);
    return str_to_i64(text, &timestamp_s) ? (timestamp_s + SIGN_WINDOW_MAX_S + 1) * 1000 : 0;
}

enum err once_begin(struct call *call)
{
    struct once *once = &call->once;
    struct idempotency_key *key = &once->key;
    struct str header;
    enum err e = read_header(call, &header);
    if (e)
        return e;
    struct str signature = http_header_get(call->request, STR("X-Awal-Signature-256"), NULL);
    signature = str_skip(signature, sizeof(SIGNATURE_PREFIX) - 1);
    once->wanted = true;
    once->has_header = header.ptr != NULL;
    key->client_id = call->caller.client_row_id;
    key->replica = store_replica(call->api->shared->store);
    key->fingerprint = fingerprint(call);
    key->signature = arena_printf(call->arena, SIGNATURE_KEY_NAME "%.*s", STR_FMT(signature));
    key->key = key->signature;
    key->expires_at = signature_expires_at(call->request);
    if (once->has_header) {
        key->key = arena_printf(call->arena, KEY_PREFIX "%.*s", STR_FMT(header));
        key->expires_at = clock_now_ms() + IDEMPOTENCY_KEY_S * INT64_C(1000);
    }
    return key->key.ptr && key->signature.ptr && key->fingerprint.ptr ? ERR_OK : ERR_NO_MEMORY;
}

/* --- what is known ------------------------------------------------------------------------ */

static enum err refuse_running(struct call *call)
{
    call->error.retry_after = RETRY_AFTER_RUNNING_S;
    return error_set(&call->error, ERR_IN_PROGRESS,
                     "The first request with this key is still being carried out");
}

static enum err refuse_other(struct call *call)
{
    return error_set(&call->error, ERR_KEY_REUSED,
                     call->once.has_header
                         ? "This Idempotency-Key was sent with another request before"
                         : "This signature was sent with another request before");
}

enum err once_ask(struct call *call)
{
    return idempotency_ask(call->tx, &call->once.key, clock_now_ms(), &call->once.known);
}

enum err once_read(struct call *call)
{
    struct once *once = &call->once;
    struct idempotency found;
    _cleanup_(buf_release)
    struct buf body;
    buf_init(&body, HTTP_OUT_MAX);
    enum err e = idempotency_read(&once->known, &once->key, &found, &body);
    if (e)
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    error_init(&call->error, call->arena); /* of an effect that is not to be */
    if (!found.same)
        return refuse_other(call);
    if (found.state == IDEMPOTENCY_RUNNING)
        return refuse_running(call);
    once->replayed = true;
    once->row = found.id;
    once->stage = ONCE_APPLIED;
    call->task.account_id = found.result_id;
    if (found.state == IDEMPOTENCY_APPLIED)
        return ERR_OK;
    once->stage = ONCE_KEPT;
    call->status = found.status;
    struct buf unused = call->reply;
    call->reply = body;
    body = unused;
    return ERR_OK;
}

enum err once_look(struct call *call)
{
    enum err e = once_ask(call);
    return e ? e : once_read(call);
}

/* --- what is to be written ---------------------------------------------------------------- */

/* Would the same request be refused the same way again? Only then is that an answer to keep. */
static bool is_final(enum err e)
{
    switch (e) {
    case ERR_PERMISSION_DENIED: /* an operator may give it */
    case ERR_IN_PROGRESS:
    case ERR_KEY_REUSED:
    case ERR_RATE_LIMIT:
    case ERR_TOO_LARGE:
    case ERR_UNSUPPORTED_MEDIA_TYPE: return false;
    default: return err_status(e) < 500;
    }
}

enum once_next once_settle(const struct call *call, enum err e)
{
    const struct once *once = &call->once;
    bool keep = !e || (once->has_header && is_final(e));
    bool meta_said = call->route->kind == LIVE_ONCE && (is_final(e) || e == ERR_UPSTREAM);
    if (!once->wanted)
        return ONCE_ANSWER;
    if (e && call->task.is_taken) /* the row says so, or has the last word */
        return ONCE_ANSWER;
    switch (once->stage) {
    case ONCE_NEW: return keep ? ONCE_KEEP : ONCE_ANSWER;
    case ONCE_CLAIMED: return keep || meta_said ? ONCE_KEEP : ONCE_RELEASE;
    case ONCE_APPLIED: return e ? ONCE_ANSWER : ONCE_KEEP;
    case ONCE_KEPT: break;
    }
    return ONCE_ANSWER;
}

/* What is answered when nobody comes back to answer. */
static enum err leave_last_word(struct call *call)
{
    error_set(&call->error, ERR_UPSTREAM, "%s: the server ended before it heard", JOBS_UNKNOWN);
    respond_compose(call, ERR_UPSTREAM);
    enum err e =
        idempotency_set_last_word(call->tx, call->once.row, call->status, buf_str(&call->reply));
    call_start(call);
    return e;
}

enum err once_claim(struct call *call)
{
    struct once *once = &call->once;
    call_start(call);
    enum err e = once_look(call);
    if (e || once->stage != ONCE_NEW)
        return e;
    e = idempotency_claim(call->tx, &once->key, clock_now_ms(), &once->row);
    if (!e && call->route->kind == LIVE_ONCE)
        e = leave_last_word(call);
    once->stage = ONCE_CLAIMED;
    return e;
}

/* The answer as it is kept: without a secret that it shows this once. {NULL, 0}: out of memory. */
static struct str kept_reply(const struct call *call)
{
    struct str reply = buf_str(&call->reply);
    if (!call->blank_len)
        return reply;
    struct str copy = arena_dup(call->arena, reply);
    if (copy.ptr)
        memset((char *)copy.ptr + call->blank_from, '*', call->blank_len);
    return copy;
}

/* The row may have been taken over, and even be done: then its answer is the one that was kept. */
static enum err keep_in_row(struct call *call)
{
    struct str reply = kept_reply(call);
    if (!reply.ptr)
        return ERR_NO_MEMORY;
    enum err e = idempotency_set_done(call->tx, call->once.row, call->status, reply);
    return e == ERR_NOT_FOUND ? once_look(call) : e;
}

enum err once_keep(struct call *call)
{
    struct once *once = &call->once;
    if (once->stage == ONCE_KEPT) /* in a run that was undone: the answer is another one now */
        return ERR_UNAVAILABLE;
    if (once->stage != ONCE_NEW)
        return keep_in_row(call);
    struct str reply = kept_reply(call);
    if (!reply.ptr)
        return ERR_NO_MEMORY;
    once->stage = ONCE_KEPT;
    return idempotency_keep(call->tx, &once->key, clock_now_ms(), call->status, reply);
}

enum err once_keep_refusal(struct call *call)
{
    if (call->once.replayed) /* in a run that was undone: what was to be kept is replaced */
        return ERR_UNAVAILABLE;
    call->once.stage = ONCE_NEW;
    enum err e = once_look(call);
    if (e || call->once.stage == ONCE_KEPT)
        return e;
    return call->once.stage == ONCE_NEW ? once_keep(call) : refuse_running(call);
}

enum err once_release(struct call *call)
{
    return idempotency_release(call->tx, call->once.row);
}
