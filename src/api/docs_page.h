/* /docs: the same as the OpenAPI document, as one page for people. It needs no network but for
 * itself: no script, no font, no picture from elsewhere. */
#pragma once

#include "api/route.h"

void docs_page_write(struct buf *out, const struct route *routes,
                     const struct endpoints *endpoints);

/* What stands between <style> and </style>: the page's Content-Security-Policy allows it by its
 * hash, and nothing else. */
extern const char docs_page_style[];
