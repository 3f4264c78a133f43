/* What the signed API and the administration share of the list of numbers. */
#pragma once

#include "api/call.h"

/* The list of the caller's workspace; without `empty_is_fine` an empty one is a 404. */
enum err numbers_write_list(struct call *call, bool health, bool empty_is_fine) MUST_USE;
