/* /webhooks, for the administration too. */
#pragma once

#include "api/call.h"
#include "model/job.h"

/* A delivery without its tries. */
void webhooks_write_delivery(struct json_writer *w, const struct job *j);
/* Its event and every try. */
enum err webhooks_write_details(struct call *call, const struct job *j) MUST_USE;
/* The query's `state`: one of a job's, or empty. */
enum err webhooks_read_state(struct call *call, struct str *ret) MUST_USE;
