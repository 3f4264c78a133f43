#include "base/random.h"
#include "base/limits.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

void random_bytes(void *out, size_t len)
{
    char *p = out;
    while (len) {
        ssize_t n = getrandom(p, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            die("the kernel gives no random bytes");
        p += n;
        len -= (size_t)n;
    }
}

/* A request id is wanted for every answer: one getrandom serves many. */
static _Thread_local struct {
    unsigned char bytes[RANDOM_POOL_SIZE];
    size_t left;
} pool;

static unsigned char next_byte(void)
{
    if (pool.left == 0) {
        random_bytes(pool.bytes, sizeof(pool.bytes));
        pool.left = sizeof(pool.bytes);
    }
    unsigned char byte = pool.bytes[--pool.left];
    pool.bytes[pool.left] = 0;
    return byte;
}

void random_name(char *out, size_t len)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    for (size_t i = 0; i < len;) {
        unsigned char byte = next_byte();
        if (byte < 36 * 7) /* 252 is the last multiple of 36: the rest would not be uniform */
            out[i++] = alphabet[byte % 36];
    }
}

uint32_t random_below(uint32_t below)
{
    uint32_t reject = (uint32_t)-below % below; /* 2^32 mod below */
    for (;;) {
        uint32_t value = 0;
        for (int i = 0; i < 4; i++)
            value = value << 8 | next_byte();
        if (value >= reject)
            return value % below;
    }
}
