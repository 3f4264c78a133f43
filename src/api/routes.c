#include "api/handlers.h"

/* One line an endpoint. The last columns are its documentation and its deprecation,
 * if any. */
const struct route api_routes[] = {
    {HTTP_GET, "/waba-numbers", READ, LIMIT_READ, NULL, numbers_list, &numbers_list_doc, NULL},
    {HTTP_POST, "/waba-numbers", LIVE, LIMIT_WRITE, numbers_link, numbers_linked, &numbers_link_doc,
     NULL},
    {HTTP_GET, "/waba-numbers/{id}", READ, LIMIT_READ, NULL, numbers_get, &numbers_get_doc, NULL},
    {HTTP_DELETE, "/waba-numbers/{id}", WRITE, LIMIT_WRITE, NULL, numbers_unlink,
     &numbers_unlink_doc, NULL},
    {HTTP_GET, "/waba-numbers/{id}/history", READ, LIMIT_READ, NULL, numbers_history,
     &numbers_history_doc, NULL},
    {HTTP_POST, "/waba-numbers/{id}/sync", LIVE, LIMIT_WRITE, numbers_sync, numbers_synced,
     &numbers_sync_doc, NULL},
    {0},
};

#define WORKSPACE "/workspaces/{domain}"

const struct route admin_routes[] = {
    {HTTP_GET, "/status", READ, LIMIT_NONE, NULL, status_get, NULL, NULL},
    {HTTP_POST, "/graph/check", LIVE, LIMIT_NONE, graph_check_check, graph_check_run, NULL, NULL},
    {HTTP_GET, "/accounts", READ, LIMIT_NONE, NULL, accounts_list, NULL, NULL},
    {HTTP_POST, "/accounts/{waba_id}/sync", LIVE, LIMIT_NONE, account_sync_check, account_sync_run,
     NULL, NULL},
    {HTTP_POST, "/accounts/{waba_id}/check", LIVE, LIMIT_NONE, account_check_check,
     account_check_run, NULL, NULL},

    {HTTP_POST, "/backup", SLOW, LIMIT_NONE, backup_check, backup_run, NULL, NULL},
    {HTTP_POST, "/restore", SLOW, LIMIT_NONE, restore_check, restore_run, NULL, NULL},
    {HTTP_GET, "/key", READ, LIMIT_NONE, NULL, key_show, NULL, NULL},
    {HTTP_POST, "/key/rotate", SLOW, LIMIT_NONE, key_rotate_check, key_rotate, NULL, NULL},

    {HTTP_GET, "/workspaces", READ, LIMIT_NONE, NULL, workspaces_list, NULL, NULL},
    {HTTP_POST, "/workspaces", WRITE, LIMIT_NONE, workspaces_create_check, workspaces_create_apply,
     NULL, NULL},
    {HTTP_PATCH, WORKSPACE, WRITE, LIMIT_NONE, workspaces_update_check, workspaces_update_apply,
     NULL, NULL},

    {HTTP_GET, WORKSPACE "/plan", READ, LIMIT_NONE, NULL, plan_get, NULL, NULL},
    {HTTP_PUT, WORKSPACE "/plan", WRITE, LIMIT_NONE, plan_set_check, plan_set_apply, NULL, NULL},
    {HTTP_DELETE, WORKSPACE "/plan", WRITE, LIMIT_NONE, NULL, plan_reset_apply, NULL, NULL},

    {HTTP_GET, WORKSPACE "/clients", READ, LIMIT_NONE, NULL, clients_list, NULL, NULL},
    {HTTP_POST, WORKSPACE "/clients", WRITE, LIMIT_NONE, clients_create_check, clients_create_apply,
     NULL, NULL},
    {HTTP_PATCH, WORKSPACE "/clients/{client_id}", WRITE, LIMIT_NONE, clients_update_check,
     clients_update_apply, NULL, NULL},
    {HTTP_POST, WORKSPACE "/clients/{client_id}/rotate", WRITE, LIMIT_NONE, clients_rotate_check,
     clients_rotate_apply, NULL, NULL},

    {HTTP_GET, WORKSPACE "/waba-numbers", READ, LIMIT_NONE, NULL, admin_numbers_list, NULL, NULL},
    {HTTP_POST, WORKSPACE "/waba-numbers", LIVE, LIMIT_NONE, admin_numbers_link, numbers_linked,
     NULL, NULL},
    {HTTP_GET, WORKSPACE "/waba-numbers/{id}", READ, LIMIT_NONE, NULL, admin_numbers_get, NULL,
     NULL},
    {HTTP_DELETE, WORKSPACE "/waba-numbers/{id}", WRITE, LIMIT_NONE, NULL, admin_numbers_unlink,
     NULL, NULL},
    {HTTP_GET, WORKSPACE "/waba-numbers/{id}/history", READ, LIMIT_NONE, NULL,
     admin_numbers_history, NULL, NULL},
    {HTTP_POST, WORKSPACE "/waba-numbers/{id}/sync", LIVE, LIMIT_NONE, admin_numbers_sync,
     numbers_synced, NULL, NULL},
    {0},
};
