/* Facts about the database itself, by name. */
#pragma once

#include "store/store.h"

/* A sealed known text: opens only with the key that the database was made with. */
#define SETTING_KEY_CHECK "key_check"

/* ERR_NOT_FOUND. The value is hex or other plain text, copied into the arena. */
enum err setting_get(struct tx *tx, struct str name, struct arena *arena, struct str *ret) MUST_USE;
enum err setting_put(struct tx *tx, struct str name, struct str value) MUST_USE;
