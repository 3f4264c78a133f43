/* The OpenAPI 3.1 document of the signed API, from the route table and the descriptions beside the
 * handlers (doc.h). */
#pragma once

#include "api/route.h"

/* `endpoints`: the default limits of these routes. Failure is the buf's. */
void openapi_write(struct buf *out, const struct route *routes, const struct endpoints *endpoints);
