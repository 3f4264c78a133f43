/* /{account}/subscribed_apps: meta-graph.md §3.3. The simulated Meta knows one app. */
#include "sim/edges.h"

void sim_subscriptions_list(struct sim_call *call)
{
    struct json_writer *w = &call->json;
    const struct sim_app *app = &call->state->app;
    json_open(w, '{');
    json_key(w, "data");
    json_open(w, '[');
    if (call->account->subscribed) {
        json_open(w, '{');
        json_key(w, "whatsapp_business_api_data");
        json_open(w, '{');
        json_member_cstr(w, "id", app->id);
        json_member_str(
            w, "link",
            arena_printf(call->arena, "https://www.facebook.com/games/?app_id=%s", app->id));
        json_member_cstr(w, "name", app->name);
        json_close(w, '}');
        if (call->account->override_uri)
            json_member_cstr(w, "override_callback_uri", call->account->override_uri);
        json_close(w, '}');
    }
    json_close(w, ']');
    json_close(w, '}');
}

/* Without an override in the request an earlier one is removed. */
void sim_subscriptions_create(struct sim_call *call)
{
    struct str uri = sim_params_get(&call->params, "override_callback_uri");
    struct str verify_token = sim_params_get(&call->params, "verify_token");
    if (uri.len && (!sim_call_check_callback(call, "override_callback_uri", uri, verify_token) ||
                    !sim_call_verify(call, uri, verify_token)))
        return;
    free(call->account->override_uri);
    call->account->override_uri = uri.len ? strndup(uri.ptr, uri.len) : NULL;
    call->account->subscribed = true;
    call->account->told_unsubscribed = false;
    sim_call_succeed(call);
}

void sim_subscriptions_delete(struct sim_call *call)
{
    free(call->account->override_uri);
    call->account->override_uri = NULL;
    call->account->subscribed = false;
    sim_call_succeed(call);
}
