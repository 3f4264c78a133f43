#include "api/etag.h"
#include "crypto/hex.h"

/* Two odd constants of no meaning: their bits are spread evenly. */
#define MIX_A UINT64_C(0x9e3779b97f4a7c15)
#define MIX_B UINT64_C(0xbf58476d1ce4e5b9)

static uint64_t mix(uint64_t hash, uint64_t word)
{
    __uint128_t product = (__uint128_t)(hash ^ word ^ MIX_A) * MIX_B;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Eight bytes a step: the answer of every GET is hashed, so this is on the hot path. It tells
 * versions of one answer apart and protects nothing, so no cryptographic hash is needed. */
static uint64_t hash_of(struct str s)
{
    uint64_t hash = mix(MIX_B, s.len), word;
    for (; s.len >= sizeof(word); s = str_skip(s, sizeof(word))) {
        memcpy(&word, s.ptr, sizeof(word));
        hash = mix(hash, word);
    }
    word = 0;
    if (s.len)
        memcpy(&word, s.ptr, s.len);
    return mix(mix(hash, word), MIX_A);
}

void etag_make(struct str body, char out[ETAG_LEN])
{
    uint64_t hash = hash_of(body);
    unsigned char bytes[sizeof(hash)];
    memcpy(bytes, &hash, sizeof(hash));
    out[0] = out[ETAG_LEN - 1] = '"';
    hex_encode(bytes, sizeof(bytes), out + 1);
}

void etag_make_gzip(const char etag[ETAG_LEN], char out[ETAG_GZIP_LEN])
{
    memcpy(out, etag, ETAG_LEN - 1);
    memcpy(out + ETAG_LEN - 1, "-gzip\"", ETAG_GZIP_LEN - ETAG_LEN + 1);
}

bool etag_matches(struct str if_none_match, struct str etag)
{
    struct str rest = if_none_match;
    while (rest.len) {
        struct str one = str_trim(str_split(&rest, ','));
        if (str_starts(one, STR("W/")))
            one = str_skip(one, 2);
        if (str_eq(one, etag) || str_eq(one, STR("*")))
            return true;
    }
    return false;
}
