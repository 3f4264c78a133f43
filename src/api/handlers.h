/* Every handler, by resource: one file each. */
#pragma once

#include "api/call.h"

/* numbers.c; a check, and behind it the run of the same call */
call_fn numbers_list, numbers_get, numbers_history;
call_fn numbers_link, numbers_linked;
call_fn numbers_sync, numbers_synced;
call_fn numbers_unlink;
/* registration.c */
call_fn numbers_request_code, numbers_code_requested;
call_fn numbers_verify_code, numbers_code_verified;
call_fn numbers_register, numbers_registered;
call_fn numbers_deregister, numbers_deregistered;
call_fn numbers_set_pin, numbers_pin_set;
/* profile.c */
call_fn numbers_profile, numbers_profile_fetched;
call_fn numbers_change_profile, numbers_profile_changed;
/* numbers_doc.c */
extern const struct doc numbers_list_doc, numbers_get_doc, numbers_history_doc;
extern const struct doc numbers_link_doc, numbers_sync_doc, numbers_unlink_doc;
/* registration_doc.c */
extern const struct doc numbers_request_code_doc, numbers_verify_code_doc;
extern const struct doc numbers_register_doc, numbers_deregister_doc, numbers_set_pin_doc;
/* profile_doc.c */
extern const struct doc numbers_profile_doc, numbers_change_profile_doc;
extern const struct schema health_reason_schema;

/* webhooks.c */
call_fn webhooks_list, webhooks_get, webhooks_delete;
call_fn webhooks_create, webhooks_created;
call_fn webhooks_update, webhooks_updated;
call_fn webhooks_rotate_check, webhooks_rotate_apply;

/* deliveries.c */
call_fn deliveries_list, deliveries_get, deliveries_replay, deliveries_test;
call_fn deliveries_replay_range_check, deliveries_replay_range;
/* webhooks_doc.c: of both */
extern const struct doc events_stream_doc;
extern const struct doc webhooks_list_doc, webhooks_get_doc, webhooks_delete_doc;
extern const struct doc webhooks_create_doc, webhooks_update_doc, webhooks_rotate_doc;
extern const struct doc webhooks_test_doc, webhooks_replay_doc;
extern const struct doc deliveries_list_doc, deliveries_get_doc, deliveries_replay_doc;

/* admin_webhooks.c: the same, for the workspace in the path */
call_fn admin_webhooks_list, admin_webhooks_get, admin_webhooks_delete;
call_fn admin_webhooks_create, admin_webhooks_update, admin_webhooks_rotate_apply;
call_fn admin_deliveries_list, admin_deliveries_get, admin_deliveries_replay;
call_fn admin_deliveries_replay_range, admin_deliveries_test;

/* admin_jobs.c */
call_fn jobs_list, jobs_show, jobs_retry, jobs_drop;

/* meta.c: what Meta calls */
call_fn meta_challenge, meta_receive_check, meta_receive_apply;

/* admin_apps.c */
call_fn apps_list, apps_remove_apply;
call_fn apps_create_check, apps_create_apply;
call_fn apps_update_check, apps_update_apply;

/* events.c */
call_fn events_check, events_find;

/* admin_inbound.c */
call_fn inbound_list, inbound_show, inbound_reapply_apply;

/* admin_workspaces.c */
call_fn workspaces_list;
call_fn workspaces_create_check, workspaces_create_apply;
call_fn workspaces_update_check, workspaces_update_apply;

/* admin_clients.c */
call_fn clients_list;
call_fn clients_create_check, clients_create_apply;
call_fn clients_update_check, clients_update_apply;
call_fn clients_rotate_check, clients_rotate_apply;

/* admin_plans.c */
call_fn plan_get, plan_set_check, plan_set_apply, plan_reset_apply;

/* admin_status.c */
call_fn status_get, accounts_list, account_facts, account_history;
call_fn account_sync_check, account_sync_run;
call_fn account_check_check, account_check_run;
call_fn graph_check_check, graph_check_run;

/* admin_backup.c */
call_fn backup_check, backup_run;
call_fn restore_check, restore_run;

/* admin_keys.c */
call_fn key_show;
call_fn key_rotate_check, key_rotate;

/* admin_numbers.c: the same as the signed API's, for the workspace in the path */
call_fn admin_numbers_list, admin_numbers_get, admin_numbers_history;
call_fn admin_numbers_link, admin_numbers_sync, admin_numbers_unlink;
call_fn admin_numbers_request_code, admin_numbers_verify_code;
call_fn admin_numbers_register, admin_numbers_deregister, admin_numbers_set_pin;
call_fn admin_numbers_profile, admin_numbers_change_profile;
