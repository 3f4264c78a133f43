/* The public pages that tell of the API, /openapi.json and /docs: written and compressed once, when
 * the server starts; never changed after that, and so read by all loops. */
#pragma once

#include "api/route.h"

struct docs;

/* `endpoints`: the default limits of these routes. Both may go away afterwards. */
struct docs *docs_new(const struct route *routes, const struct endpoints *endpoints) MUST_USE;
void docs_free(struct docs *docs); /* NULL is fine */

struct docs_page;

/* The page at a path, or NULL. */
const struct docs_page *docs_find(const struct docs *docs, struct str path);
/* Fills the answer to a GET or HEAD of it; what it points to is the page's. */
void docs_fill(const struct docs_page *page, const struct http_request *r,
               struct http_response *response);
