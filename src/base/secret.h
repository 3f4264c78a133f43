/* A secret in memory: a token, a key, a client's HMAC secret. The type is its own so that no log
 * call and no JSON writer takes it by accident; secret_reveal is the one way out, and easy to grep
 * for. Wiped when released. */
#pragma once

#include "base/base.h"
#include "base/str.h"

struct secret {
    char *bytes; /* from malloc; NULL: none */
    size_t len;
};

/* ERR-free: sizes are ours or were checked against a limit before. Aborts without memory. */
void secret_set(struct secret *s, struct str bytes);
/* Wipes and frees; safe twice, fit for _cleanup_. */
void secret_release(struct secret *s);
static inline struct str secret_reveal(const struct secret *s)
{
    return str_make(s->bytes ? s->bytes : "", s->len);
}
/* memset that the compiler keeps. */
void wipe(void *bytes, size_t len);
