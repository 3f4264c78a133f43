#include "sim/health.h"

#include "sim/state.h"

enum health { AVAILABLE, LIMITED, BLOCKED };

static const char *const names[] = {"AVAILABLE", "LIMITED", "BLOCKED"};

/* One row of `entities`: how well it is, and why. */
struct entity {
    const char *type;
    struct str id;
    enum health health;
    int error_code; /* with BLOCKED */
    const char *description;
    const char *solution;
    const char *info; /* with LIMITED */
};

/* Meta documents 141006 (payment) only; the other codes are neighbours of our own choice. */
static struct entity number_entity(const struct sim_node *number)
{
    struct entity e = {.type = "PHONE_NUMBER", .id = sim_node_id(number)};
    struct str status = sim_node_word(number, "status");
    if (sim_word_in("FLAGGED|RATE_LIMITED", status)) {
        e.health = LIMITED; /* messages still flow */
        e.info = "The quality of your messages is low. Your messaging limit may be lowered.";
    } else if (!str_eq(status, STR("CONNECTED"))) {
        e.health = BLOCKED;
        e.error_code = 141000;
        e.description = "The phone number is not connected. It cannot send messages.";
        e.solution = "Register the phone number, or ask for a review of what was done to it.";
    } else if (!sim_word_in("APPROVED|AVAILABLE_WITHOUT_REVIEW",
                            sim_node_word(number, "name_status"))) {
        e.health = LIMITED;
        e.info =
            "Your display name has not been approved yet. Your message limit will increase "
            "after the display name is approved.";
    }
    return e;
}

static struct entity account_entity(const struct sim_node *account)
{
    struct entity e = {.type = "WABA", .id = sim_node_id(account)};
    struct str status = sim_node_word(account, "status");
    if (sim_word_in("RESTRICTED|DISABLED", status)) {
        e.health = BLOCKED;
        e.error_code = 141001;
        e.description = "The WhatsApp Business Account is restricted or disabled.";
        e.solution = "Look at the account's quality page and ask for a review.";
    } else if (str_eq(status, STR("PENDING"))) {
        e.health = LIMITED;
        e.info = "The WhatsApp Business Account is still in review.";
    }
    return e;
}

static struct entity template_entity(const struct sim_node *tmpl)
{
    struct entity e = {.type = "MESSAGE_TEMPLATE", .id = sim_node_id(tmpl)};
    if (!str_eq(sim_node_word(tmpl, "status"), STR("APPROVED"))) {
        e.health = BLOCKED;
        e.error_code = 141002;
        e.description = "The message template is not approved.";
        e.solution = "Wait for its review, or edit it and submit it again.";
    }
    return e;
}

static void write_reasons(struct json_writer *w, const struct entity *e)
{
    if (e->health == LIMITED) {
        json_key(w, "additional_info");
        json_open(w, '[');
        json_cstr(w, e->info);
        json_close(w, ']');
    }
    if (e->health == BLOCKED) {
        json_key(w, "errors");
        json_open(w, '[');
        json_open(w, '{');
        json_member_i64(w, "error_code", e->error_code);
        json_member_cstr(w, "error_description", e->description);
        json_member_cstr(w, "possible_solution", e->solution);
        json_close(w, '}');
        json_close(w, ']');
    }
}

/* The whole is as bad as its worst part. */
static void write_health(struct json_writer *w, const struct entity *entities, size_t n)
{
    enum health worst = AVAILABLE;
    for (size_t i = 0; i < n; i++)
        worst = MAX(worst, entities[i].health);
    json_open(w, '{');
    json_member_cstr(w, "can_send_message", names[worst]);
    json_key(w, "entities");
    json_open(w, '[');
    for (size_t i = 0; i < n; i++) {
        json_open(w, '{');
        json_member_cstr(w, "entity_type", entities[i].type);
        json_member_str(w, "id", entities[i].id);
        json_member_cstr(w, "can_send_message", names[entities[i].health]);
        write_reasons(w, &entities[i]);
        json_close(w, '}');
    }
    json_close(w, ']');
    json_close(w, '}');
}

/* The owner of the account where the scenario names one; an empty id otherwise. */
static struct entity business_entity(const struct sim_node *node, struct arena *arena)
{
    struct json owner = {NULL};
    struct error ignored;
    error_init(&ignored, arena);
    struct str text = sim_node_value(&node->account->node, "owner_business_info");
    if (text.len && json_parse_loose(text, arena, &owner, &ignored) != ERR_OK)
        owner.val = NULL;
    return (struct entity){.type = "BUSINESS", .id = json_as_id(json_get(owner, "id"), arena)};
}

/* What a node of an account depends on, beside itself. */
static void write_with_owners(const struct sim_node *node, struct entity own, struct json_writer *w)
{
    struct arena arena;
    arena_init(&arena, REQUEST_ARENA_MAX);
    struct entity all[4] = {own};
    size_t n = 1;
    if (node->kind != SIM_ACCOUNT)
        all[n++] = account_entity(&node->account->node);
    struct entity business = business_entity(node, &arena);
    if (business.id.len)
        all[n++] = business;
    all[n++] = (struct entity){.type = "APP", .id = str_from(node->account->state->app.id)};
    write_health(w, all, n);
    arena_release(&arena);
}

void sim_health_of_number(const struct sim_node *number, struct json_writer *w)
{
    write_with_owners(number, number_entity(number), w);
}

void sim_health_of_account(const struct sim_node *account, struct json_writer *w)
{
    write_with_owners(account, account_entity(account), w);
}

void sim_health_of_template(const struct sim_node *tmpl, struct json_writer *w)
{
    write_with_owners(tmpl, template_entity(tmpl), w);
}
