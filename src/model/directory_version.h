/* A number that moves when somebody else may sign, or under other limits: by it the processes that
 * share a store learn that they have to read who may sign anew. */
#pragma once

#include "store/store.h"

/* In the transaction of such a change. */
enum err directory_version_raise(struct tx *tx) MUST_USE;
