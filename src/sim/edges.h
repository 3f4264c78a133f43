/* The edges of the graph that the simulator answers. Each handler writes call->json or fails the
 * call; token, permission, object and throttling were checked before. */
#pragma once

#include "sim/call.h"

void sim_node_get(struct sim_call *call);                 /* GET /{any node} */
void sim_phone_numbers_list(struct sim_call *call);       /* GET /{account}/phone_numbers */
void sim_templates_list(struct sim_call *call);           /* GET /{account}/message_templates */
void sim_subscriptions_list(struct sim_call *call);       /* GET /{account}/subscribed_apps */
void sim_subscriptions_create(struct sim_call *call);     /* POST */
void sim_subscriptions_delete(struct sim_call *call);     /* DELETE */
void sim_app_subscriptions_list(struct sim_call *call);   /* GET /{app}/subscriptions */
void sim_app_subscriptions_create(struct sim_call *call); /* POST */
void sim_app_subscriptions_delete(struct sim_call *call); /* DELETE */
void sim_number_override(struct sim_call *call);          /* of POST /{number} */

/* registration.c */
void sim_request_code(struct sim_call *call);  /* POST /{number}/request_code */
void sim_verify_code(struct sim_call *call);   /* POST /{number}/verify_code */
void sim_register(struct sim_call *call);      /* POST /{number}/register */
void sim_deregister(struct sim_call *call);    /* POST /{number}/deregister */
void sim_number_update(struct sim_call *call); /* POST /{number} */
/* Is the parameter messaging_product "whatsapp"? False: the call has failed. */
bool sim_expect_product(struct sim_call *call) MUST_USE;

/* profile.c */
void sim_profile_get(struct sim_call *call);    /* GET /{number}/whatsapp_business_profile */
void sim_profile_change(struct sim_call *call); /* POST */
