/* What stands against copying workspaces into another store. */
#pragma once

#include "store/store.h"

/* Whether there is no workspace, as after hudhud init. */
enum err relocation_is_empty(struct tx *to, bool *ret) MUST_USE;
/* ERR_CONFLICT when names of the workspace that are known outside are taken in `to`: its domain,
 * its clients, its linked accounts and numbers. The first RELOCATION_NAMES_MAX are in the details.
 */
enum err relocation_check_names(struct tx *from, struct tx *to, int64_t workspace_id,
                                struct error *error) MUST_USE;
