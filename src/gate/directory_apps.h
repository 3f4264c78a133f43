/* Inside gate/: Meta's apps in a snapshot of the directory. */
#pragma once

#include "gate/directory.h"

/* Those whose secrets open, in the order of their ids; names go into the arena. */
enum err directory_apps_load(struct tx *tx, const struct keyring *keyring, struct arena *arena,
                             struct directory_app **ret) MUST_USE;
void directory_apps_free(struct directory_app *apps); /* NULL is fine */
