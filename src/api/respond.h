/* Every answer and every error leaves here, in one form and with the headers of developer-api.md.
 */
#pragma once

#include "api/call.h"

struct docs_page;

/* Makes the error, if it is one, the call's status and reply. */
void respond_compose(struct call *call, enum err e);
/* Answers with what the handler wrote, or with the error; the call dies with its request. */
void respond(struct call *call, enum err e);
/* Answers the question of a web page's script whether it may call (cors.h). */
void respond_preflight(struct call *call);
/* Answers a GET or HEAD with a public page. */
void respond_page(struct call *call, const struct docs_page *page);
/* Answers with a stream of that type; the call dies with its request. NULL, and no hook is called,
 * when its client has left or the server ends. */
struct http_stream *respond_stream(struct call *call, struct str type,
                                   const struct http_stream_hooks *hooks, void *arg);
/* Fills the answer to a request that never became a call. */
void respond_refused(struct api *api, struct http_request *r, enum err e, const char *why,
                     struct http_response *response);
