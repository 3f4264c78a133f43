/* /webhooks, for the administration too. */
#pragma once

#include "api/call.h"
#include "model/job.h"

/* A delivery without its tries. */
void webhooks_write_delivery(struct json_writer *w, const struct job *j);
/* Its event and every try. */
enum err webhooks_write_details(struct call *call, const struct job *j) MUST_USE;
