/* The forms of settings that are text: what is accepted, and the value it stands for. The readers
 * are for text that its form accepts. */
#pragma once

#include "base/limits.h"
#include "gate/policy.h"

bool form_is_address(struct str text);
bool form_is_address_or_empty(struct str text);

bool form_is_store(struct str text); /* the URL of a database, or empty */

bool form_is_rate(struct str text);
struct limit form_read_rate(struct str text);

/* 1 to DELIVERY_TRIES_MAX - 1 times such as "5s", "30m" or "250ms", comma-separated. */
bool form_is_pauses(struct str text);
size_t form_read_pauses(struct str text, int64_t ret_ms[DELIVERY_TRIES_MAX]);

/* Comma-separated, with or without blanks; empty is none. */
bool form_is_origins(struct str text);
bool form_is_networks(struct str text);
/* Into the policy and its arena. False when that is full. */
bool form_read_origins(struct str text, struct policy *to) MUST_USE;
bool form_read_networks(struct str text, struct policy *to) MUST_USE;
