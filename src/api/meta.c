/* /webhooks/meta and /webhooks/meta/{domain}: what Meta calls (meta-graph.md §6). */
#include "gate/meta.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "base/log.h"
#include "inbound/inbound.h"

struct meta_input {
    struct arena arena; /* the delivery's tree: far larger than what other requests need */
    struct inbound_delivery delivery;
    struct inbound_outcome outcome;
};

/* The workspace of an address; empty: everybody's. */
static struct str domain_of(const struct call *call)
{
    return call->match.n_params ? call_param(call, 0) : STR("");
}

/* A secret or token that is not the same on both sides is what goes wrong most, and Meta shows
 * nothing of our answer: once in a while the log says it, each of both by itself. */
static enum err refuse(struct call *call, enum err e, const char *what, int64_t *last_us)
{
    int64_t now = clock_monotonic_us();
    if (e != ERR_AUTHENTICATION ||
        (*last_us && now - *last_us < META_REFUSED_LOG_S * INT64_C(1000000)))
        return e;
    *last_us = now;
    log_event(LOG_WARN, "meta_webhook_refused", LOG_CSTR("why", what),
              LOG_STR("domain", domain_of(call)),
              LOG_CSTR("mend",
                       "compare with hudhud app list; hudhud app add, rotate and "
                       "verify-token set them"));
    return e;
}

/* --- Meta asks whether the address is ours ---------------------------------------------------- */

enum err meta_challenge(struct call *call)
{
    struct str mode, token, challenge;
    enum err e = call_query(call, "hub.mode", &mode);
    if (!e)
        e = call_query(call, "hub.verify_token", &token);
    if (!e)
        e = call_query(call, "hub.challenge", &challenge);
    if (e)
        return e;
    if (!str_eq(mode, STR("subscribe")) || !token.len || !challenge.len)
        return error_set(&call->error, ERR_BAD_REQUEST,
                         "Meta asks with hub.mode=subscribe, hub.verify_token and hub.challenge; "
                         "it sends what happened with POST");
    e = gate_check_token(&call->api->gate, call->request, domain_of(call), token, clock_now_ms(),
                         &call->error);
    if (e)
        return refuse(call, e, "the verify token is no app's", &call->api->meta_token_refused_us);
    call->content_type = STR("text/plain; charset=utf-8");
    buf_add(&call->reply, challenge);
    return ERR_OK;
}

/* --- what happened ------------------------------------------------------------------------ */

/* What an error undid, the commit's too, is not there to be counted. */
static void count(struct call *call, const struct inbound_outcome *o)
{
    struct inbound_metrics *m = &call->api->inbound;
    if (call->outcome)
        return;
    counter_add(&m->deliveries, 1);
    counter_add(&m->known, o->known);
    counter_add(&m->changes, (uint64_t)o->changes);
    counter_add(&m->changed, (uint64_t)o->changed);
    counter_add(&m->unapplied, (uint64_t)MAX(o->unapplied, (int64_t)o->kept));
}

/* On the loop again, and the outcome is the one that was committed. */
static void release_input(struct call *call)
{
    struct meta_input *in = call->input;
    count(call, &in->outcome);
    arena_release(&in->arena);
}

static void answer(struct call *call)
{
    const struct inbound_outcome *o = &((const struct meta_input *)call->input)->outcome;
    struct json_writer *w = &call->out;
    call_begin(call);
    json_open(w, '{');
    json_member_i64(w, "id", o->id);
    json_member_bool(w, "known", o->known);
    json_member_i64(w, "changes", o->changes);
    json_member_i64(w, "unapplied", o->unapplied);
    json_close(w, '}');
    call_end(call);
}

static enum err receive_apply(struct call *call)
{
    struct meta_input *in = call->input;
    enum err e = inbound_take(call->tx, &in->delivery, &in->outcome);
    if (!e)
        answer(call);
    return e;
}

/* Something of it could not be applied for a reason of ours: kept, it can be applied later. */
static enum err receive_keep(struct call *call)
{
    struct meta_input *in = call->input;
    enum err e = inbound_keep(call->tx, &in->delivery,
                              "it could not be applied: see the log, then hudhud inbound reapply",
                              &in->outcome);
    if (!e)
        answer(call);
    log_event(LOG_ERROR, "meta_webhook_unapplied", LOG_INT("inbound", in->outcome.id));
    return e;
}

enum err meta_receive_check(struct call *call)
{
    struct meta_sender sender;
    struct http_request *r = call->request;
    int64_t now = clock_now_ms();
    enum err e = gate_check_meta(&call->api->gate, r, domain_of(call), now, &sender, &call->error);
    if (e)
        return refuse(call, e, "the signature is no app's", &call->api->meta_signature_refused_us);
    struct meta_input *in = ARENA_NEW(call->arena, struct meta_input);
    if (!in)
        return ERR_NO_MEMORY;
    in->delivery = (struct inbound_delivery){.body = r->body,
                                             .app_row_id = sender.app_row_id,
                                             .workspace_id = sender.workspace_id,
                                             .received_at = now,
                                             .now = now};
    arena_init(&in->arena, INBOUND_ARENA_MAX);
    call->input = in;
    call->release = release_input;
    call->otherwise = receive_keep;
    inbound_read(&in->delivery, &in->arena);
    return ERR_OK;
}

enum err meta_receive_apply(struct call *call)
{
    return receive_apply(call);
}
