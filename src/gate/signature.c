#include "gate/signature.h"

void signature_make(struct hmac *h, struct str secret, const struct signature_parts *parts,
                    char out[SIGNATURE_LEN])
{
    const struct str joined[] = {parts->method, parts->path, parts->query, parts->timestamp,
                                 parts->body};
    unsigned char mac[HMAC_LEN];
    hmac_sha256(h, secret, joined, ARRAY_LEN(joined), mac);
    memcpy(out, SIGNATURE_PREFIX, 7);
    hex_encode(mac, HMAC_LEN, out + 7);
}
