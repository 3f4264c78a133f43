/* Running a call where its route says, and going on with it when it comes back from another thread.
 */
#pragma once

#include "api/call.h"

/* Leads to an answer, now or later. */
void run_call(struct call *call);
/* The jobs thread has carried its task out. */
void run_task_done(struct call *call);
/* For queue_init: the loop whose uv_async_t this is takes what is in the queue. */
void run_wake(void *wake);
/* A call that was on another thread is answered, or goes on elsewhere. */
void run_end_pending(struct api *api);
