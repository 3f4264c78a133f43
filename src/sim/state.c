#include "sim/state.h"

#include "base/clock.h"

/* Ids like Meta's: 15 digits. */
#define FIRST_NEW_ID 700000000000001

/* Meta's own numbers, meta-graph.md §7.4; the app's are those of 100 daily users. */
static const struct sim_limits default_limits = {
    .calls = 200, .active_calls = 5000, .app_calls = 20000, .window_s = 3600};

struct sim_state *sim_state_new(void)
{
    struct sim_state *state = xcalloc(1, sizeof(*state));
    state->limits = default_limits;
    state->app.webhook.retry_first_ms = SIM_WEBHOOK_RETRY_FIRST_MS;
    state->app.webhook.retry_max_ms = SIM_WEBHOOK_RETRY_MAX_MS;
    state->app.webhook.give_up_s = SIM_WEBHOOK_GIVE_UP_S;
    state->next_id = FIRST_NEW_ID;
    list_init(&state->tokens);
    list_init(&state->codes);
    list_init(&state->accounts);
    list_init(&state->faults);
    for (size_t i = 0; i < SIM_INDEX_BUCKETS; i++)
        list_init(&state->index[i]);
    return state;
}

static void free_token(struct sim_token *token)
{
    list_remove(&token->link);
    for (size_t i = 0; i < token->n_accounts; i++)
        free(token->accounts[i]);
    free(token->accounts);
    free(token->token);
    free(token->type);
    free(token->user_id);
    free(token);
}

static void free_node(struct sim_node *node)
{
    list_remove(&node->link);
    list_remove(&node->by_id);
    sim_node_release(node);
}

void sim_node_delete(struct sim_node *node)
{
    free_node(node);
    free(node);
}

static void free_account(struct sim_account *account)
{
    list_for_each_safe (n, &account->numbers)
        sim_node_delete(CONTAINER_OF(n, struct sim_node, link));
    list_for_each_safe (t, &account->templates)
        sim_node_delete(CONTAINER_OF(t, struct sim_node, link));
    free_node(&account->node);
    free(account->override_uri);
    free(account);
}

void sim_state_clear_faults(struct sim_state *state)
{
    for (struct list *node; (node = list_take(&state->faults));) {
        struct sim_fault *fault = CONTAINER_OF(node, struct sim_fault, link);
        free(fault->method);
        free(fault->path_contains);
        free(fault->account);
        free(fault);
    }
    state->n_faults = 0;
}

void sim_webhook_clear(struct sim_webhook *webhook)
{
    free(webhook->url);
    free(webhook->verify_token);
    free(webhook->fields);
    webhook->url = webhook->verify_token = webhook->fields = NULL;
    webhook->verified = false;
}

void sim_webhook_set(struct sim_webhook *webhook, struct str url, struct str verify_token,
                     struct str fields)
{
    char *new_url = strndup(url.ptr, url.len);
    char *new_token = strndup(verify_token.ptr, verify_token.len);
    char *new_fields = fields.len ? strndup(fields.ptr, fields.len) : NULL;
    sim_webhook_clear(webhook);
    webhook->url = new_url;
    webhook->verify_token = new_token;
    webhook->fields = new_fields;
}

void sim_state_free(struct sim_state *state)
{
    if (!state)
        return;
    list_for_each_safe (t, &state->tokens)
        free_token(CONTAINER_OF(t, struct sim_token, link));
    for (struct list *node; (node = list_take(&state->codes));) {
        struct sim_code *code = CONTAINER_OF(node, struct sim_code, link);
        free(code->code);
        free(code->token);
        free(code);
    }
    list_for_each_safe (a, &state->accounts)
        free_account(sim_account_of_node(CONTAINER_OF(a, struct sim_node, link)));
    sim_state_clear_faults(state);
    free(state->app.id);
    free(state->app.name);
    free(state->app.secret);
    sim_webhook_clear(&state->app.webhook);
    free(state);
}

struct sim_account *sim_account_of_node(struct sim_node *node)
{
    return CONTAINER_OF(node, struct sim_account, node);
}

static size_t bucket_of(struct str id)
{
    return str_hash(id) % SIM_INDEX_BUCKETS;
}

struct sim_node *sim_state_find(const struct sim_state *state, struct str id)
{
    list_for_each (it, &((struct sim_state *)state)->index[bucket_of(id)]) {
        struct sim_node *node = CONTAINER_OF(it, struct sim_node, by_id);
        if (str_eq(sim_node_id(node), id))
            return node;
    }
    return NULL;
}

struct sim_account *sim_state_find_account(const struct sim_state *state, struct str id)
{
    struct sim_node *node = sim_state_find(state, id);
    return node && node->kind == SIM_ACCOUNT ? sim_account_of_node(node) : NULL;
}

struct sim_token *sim_state_find_token(const struct sim_state *state, struct str token)
{
    list_for_each (it, &((struct sim_state *)state)->tokens) {
        struct sim_token *t = CONTAINER_OF(it, struct sim_token, link);
        if (str_eq(str_from(t->token), token))
            return t;
    }
    return NULL;
}

/* A decimal id that nobody has yet, as JSON text; `out` is its storage. */
static struct str new_id(struct sim_state *state, char out[META_ID_MAX])
{
    for (;;) {
        int len = snprintf(out, META_ID_MAX, "\"%lld\"", (long long)state->next_id++);
        struct str quoted = str_make(out, (size_t)len);
        if (!sim_state_find(state, str_make(out + 1, quoted.len - 2)))
            return quoted;
    }
}

/* Fills a node from its object and enters it everywhere. */
static void enter(struct sim_state *state, struct list *list, struct sim_node *node,
                  struct json object, struct arena *arena)
{
    sim_node_apply(node, object, arena);
    if (sim_node_id(node).len == 0) {
        char id[META_ID_MAX];
        sim_node_set(node, &sim_kinds[node->kind].fields[0], new_id(state, id));
    }
    list_add(list, &node->link);
    list_add(&state->index[bucket_of(sim_node_id(node))], &node->by_id);
}

struct sim_account *sim_state_add_account(struct sim_state *state, struct json object,
                                          struct arena *arena)
{
    struct sim_account *account = xcalloc(1, sizeof(*account));
    account->state = state;
    list_init(&account->numbers);
    list_init(&account->templates);
    sim_node_init(&account->node, SIM_ACCOUNT, account);
    enter(state, &state->accounts, &account->node, object, arena);
    return account;
}

struct sim_node *sim_account_add(struct sim_account *account, enum sim_kind kind,
                                 struct json object, struct arena *arena)
{
    struct sim_node *node = xcalloc(1, sizeof(*node));
    sim_node_init(node, kind, account);
    struct list *list = kind == SIM_NUMBER ? &account->numbers : &account->templates;
    enter(account->state, list, node, object, arena);
    return node;
}

bool sim_token_sees(const struct sim_token *token, const struct sim_account *account)
{
    if (!token->limited)
        return true;
    for (size_t i = 0; i < token->n_accounts; i++)
        if (str_eq(str_from(token->accounts[i]), sim_node_id(&account->node)))
            return true;
    return false;
}

bool sim_token_expired(const struct sim_token *token)
{
    return token->expired || (token->expires_at != 0 && token->expires_at <= clock_now_ms() / 1000);
}
