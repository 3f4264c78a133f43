/* What the command table runs: one file a group. */
#pragma once

#include "cli/cli.h"

/* server.c */
enum err init_run(struct cli *cli) MUST_USE;
enum err serve_command_run(struct cli *cli) MUST_USE;
enum err sim_command_run(struct cli *cli) MUST_USE;

/* workspace.c */
enum err workspace_create_run(struct cli *cli) MUST_USE;
enum err workspace_list_run(struct cli *cli) MUST_USE;
enum err workspace_rename_run(struct cli *cli) MUST_USE;
enum err workspace_disable_run(struct cli *cli) MUST_USE;
enum err workspace_enable_run(struct cli *cli) MUST_USE;

/* client.c */
enum err client_create_run(struct cli *cli) MUST_USE;
enum err client_list_run(struct cli *cli) MUST_USE;
enum err client_rotate_run(struct cli *cli) MUST_USE;
enum err client_disable_run(struct cli *cli) MUST_USE;
enum err client_enable_run(struct cli *cli) MUST_USE;
enum err client_permit_run(struct cli *cli) MUST_USE;

/* plan.c */
enum err plan_show_run(struct cli *cli) MUST_USE;
enum err plan_set_run(struct cli *cli) MUST_USE;
enum err plan_reset_run(struct cli *cli) MUST_USE;
enum err plan_example_run(struct cli *cli) MUST_USE;

/* number.c */
enum err number_link_run(struct cli *cli) MUST_USE;
enum err number_list_run(struct cli *cli) MUST_USE;
enum err number_show_run(struct cli *cli) MUST_USE;
enum err number_sync_run(struct cli *cli) MUST_USE;
enum err number_history_run(struct cli *cli) MUST_USE;
enum err number_unlink_run(struct cli *cli) MUST_USE;

/* registration.c */
enum err number_request_code_run(struct cli *cli) MUST_USE;
enum err number_verify_code_run(struct cli *cli) MUST_USE;
enum err number_register_run(struct cli *cli) MUST_USE;
enum err number_deregister_run(struct cli *cli) MUST_USE;
enum err number_pin_run(struct cli *cli) MUST_USE;

/* profile.c */
enum err number_profile_run(struct cli *cli) MUST_USE;

/* account.c */
enum err account_list_run(struct cli *cli) MUST_USE;
enum err account_facts_run(struct cli *cli) MUST_USE;
enum err account_history_run(struct cli *cli) MUST_USE;

/* app.c */
enum err app_add_run(struct cli *cli) MUST_USE;
enum err app_list_run(struct cli *cli) MUST_USE;
enum err app_rotate_run(struct cli *cli) MUST_USE;
enum err app_verify_token_run(struct cli *cli) MUST_USE;
enum err app_remove_run(struct cli *cli) MUST_USE;

/* webhook.c */
enum err webhook_add_run(struct cli *cli) MUST_USE;
enum err webhook_list_run(struct cli *cli) MUST_USE;
enum err webhook_show_run(struct cli *cli) MUST_USE;
enum err webhook_change_run(struct cli *cli) MUST_USE;
enum err webhook_enable_run(struct cli *cli) MUST_USE;
enum err webhook_disable_run(struct cli *cli) MUST_USE;
enum err webhook_remove_run(struct cli *cli) MUST_USE;
enum err webhook_rotate_secret_run(struct cli *cli) MUST_USE;

/* delivery.c */
enum err webhook_test_run(struct cli *cli) MUST_USE;
enum err webhook_deliveries_run(struct cli *cli) MUST_USE;
enum err webhook_delivery_run(struct cli *cli) MUST_USE;
enum err webhook_replay_run(struct cli *cli) MUST_USE;

/* event.c */
enum err event_follow_run(struct cli *cli) MUST_USE;

/* inbound.c */
enum err inbound_list_run(struct cli *cli) MUST_USE;
enum err inbound_show_run(struct cli *cli) MUST_USE;
enum err inbound_reapply_run(struct cli *cli) MUST_USE;

/* job.c */
enum err job_list_run(struct cli *cli) MUST_USE;
enum err job_show_run(struct cli *cli) MUST_USE;
enum err job_retry_run(struct cli *cli) MUST_USE;
enum err job_drop_run(struct cli *cli) MUST_USE;

/* call.c, sign.c */
enum err call_run(struct cli *cli) MUST_USE;
enum err sign_run(struct cli *cli) MUST_USE;

/* backup.c */
enum err backup_command_run(struct cli *cli) MUST_USE;
enum err restore_command_run(struct cli *cli) MUST_USE;

/* store.c */
enum err store_copy_run(struct cli *cli) MUST_USE;

/* key.c */
enum err key_show_run(struct cli *cli) MUST_USE;
enum err key_rotate_run(struct cli *cli) MUST_USE;

/* health.c */
enum err health_run(struct cli *cli) MUST_USE;

/* doctor.c */
enum err doctor_run(struct cli *cli) MUST_USE;

/* about.c */
enum err openapi_run(struct cli *cli) MUST_USE;
enum err version_run(struct cli *cli) MUST_USE;
enum err help_run(struct cli *cli) MUST_USE;
