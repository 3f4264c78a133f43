/* The edges of the graph that the simulator answers. Each handler writes call->json or fails the
 * call; token, permission, object and throttling were checked before. */
#pragma once

#include "sim/call.h"

void sim_node_get(struct sim_call *call);             /* GET /{any node} */
void sim_phone_numbers_list(struct sim_call *call);   /* GET /{account}/phone_numbers */
void sim_templates_list(struct sim_call *call);       /* GET /{account}/message_templates */
void sim_subscriptions_list(struct sim_call *call);   /* GET /{account}/subscribed_apps */
void sim_subscriptions_create(struct sim_call *call); /* POST */
void sim_subscriptions_delete(struct sim_call *call); /* DELETE */
