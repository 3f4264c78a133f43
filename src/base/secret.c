#include "base/secret.h"

#include <stdlib.h>
#include <string.h>

void wipe(void *bytes, size_t len)
{
    if (len)
        explicit_bzero(bytes, len);
}

void secret_set(struct secret *s, struct str bytes)
{
    char *copy = xmalloc(bytes.len + 1);
    if (bytes.len)
        memcpy(copy, bytes.ptr, bytes.len);
    copy[bytes.len] = '\0';
    secret_release(s);
    *s = (struct secret){copy, bytes.len};
}

void secret_release(struct secret *s)
{
    if (s->bytes)
        wipe(s->bytes, s->len);
    free(s->bytes);
    *s = (struct secret){0};
}
