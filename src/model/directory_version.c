#include "model/directory_version.h"

enum err directory_version_raise(struct tx *tx)
{
    return tx_exec(tx, "UPDATE store_state SET directory = directory + 1 WHERE id = 1", NO_PARAMS,
                   NULL);
}
