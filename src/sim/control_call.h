/* One request to the control API on its way, and the handlers that stand in files of their own.
 * Internal to it. */
#pragma once

#include "sim/simulator.h"
#include "json/reader.h"
#include "json/writer.h"

struct control {
    struct sim *sim;
    struct http_request *request;
    struct arena *arena;
    struct str id;    /* of the path, decoded */
    struct json body; /* absent when the request has none */
    struct json_writer json;
    struct error error;
};

enum err sim_control_app_patch(struct control *c) MUST_USE;
enum err sim_control_webhooks_get(struct control *c) MUST_USE;
enum err sim_control_webhooks_post(struct control *c) MUST_USE;
enum err sim_control_webhooks_delete(struct control *c) MUST_USE;
enum err sim_control_examples_get(struct control *c) MUST_USE;
