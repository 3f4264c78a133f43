/* A scenario: the JSON that says what the simulated Meta knows (docs/simulator.md describes it).
 * It is read from a file, put by the control API, or made up for a demo; and written back. */
#pragma once

#include "sim/state.h"

/* ERR_VALIDATION with a detail for each wrong field, under its path: "accounts[0].numbers[2].status
 * must be one of CONNECTED, ..."; ERR_INVALID_JSON. */
enum err sim_scenario_read(struct str text, struct sim_state **ret, struct error *error) MUST_USE;
/* The whole state as a scenario: reading it gives the same state again. */
void sim_scenario_write(const struct sim_state *state, struct json_writer *w);

/* The parts that the control API changes one at a time. Each complains into `error` and changes
 * nothing when something is wrong. */

/* Replaces all faults by those of a JSON array. */
enum err sim_faults_read(struct sim_state *state, struct json array, const char *path,
                         struct error *error) MUST_USE;
void sim_faults_write(const struct sim_state *state, struct json_writer *w);
/* Changes expired, expires_at of a token. */
enum err sim_token_patch(struct sim_token *token, struct json object, struct error *error) MUST_USE;
/* Changes secret and require_appsecret_proof of the app, and replaces its webhook, which null takes
 * away. */
enum err sim_app_patch(struct sim_app *app, struct json object, struct error *error) MUST_USE;
/* A number or template that joins an account; an id is made up when it brings none. */
enum err sim_node_join(struct sim_account *account, enum sim_kind kind, struct json object,
                       struct arena *arena, struct sim_node **ret, struct error *error) MUST_USE;
enum err sim_node_patch(struct sim_node *node, struct json object, struct arena *arena,
                        struct error *error) MUST_USE;

/* Makes up the demo scenario: one account with n numbers, the same ones every time. */
void sim_demo_write(int n, struct json_writer *w);
