/* If-None-Match, from anyone. What names the tag as a whole value of the list must be seen. */
#include "api/etag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str value = str_make((const char *)data, size);
    char tag[ETAG_LEN];
    etag_make(value, tag);
    if (str_find(value, '"') == value.len && str_find(value, '*') == value.len &&
        etag_matches(value, str_make(tag, ETAG_LEN)))
        abort();
    if (!etag_matches(str_make(tag, ETAG_LEN), str_make(tag, ETAG_LEN)))
        abort();
    return 0;
}
