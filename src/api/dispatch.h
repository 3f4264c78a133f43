/* From a request to its route: what is meant, who asks, and whether they may. */
#pragma once

#include "api/call.h"

/* Leads to an answer, now or later. */
void dispatch(struct call *call);
/* The call's limit is decided, for which it waited. */
void dispatch_decided(struct call *call);
