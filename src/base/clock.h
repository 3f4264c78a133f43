/* Time. Wall time is integer milliseconds since 1970 UTC everywhere, in memory and in the database;
 * durations come from the monotonic clock. */
#pragma once

#include "base/base.h"
#include "base/str.h"

int64_t clock_now_ms(void);       /* wall time */
int64_t clock_monotonic_us(void); /* for durations */
int64_t clock_thread_cpu_us(void);

/* "2024-01-15T10:30:00Z" (developer-api.md §1.4), years 1970 to 9999; no NUL is written. */
#define CLOCK_ISO_LEN 20
void clock_format_iso(int64_t ms, char out[CLOCK_ISO_LEN]);
/* "2024-01-15T10:30:00.123Z", for logs. */
#define CLOCK_ISO_MS_LEN 24
void clock_format_iso_ms(int64_t ms, char out[CLOCK_ISO_MS_LEN]);
/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 §5.6.7), for the Date of an answer. */
#define CLOCK_HTTP_LEN 29
void clock_format_http(int64_t ms, char out[CLOCK_HTTP_LEN]);

/* Milliseconds from "2024-01-15T10:30:00Z", with or without a fraction of a second. False: it is
 * none, and *ret as it was. */
bool clock_parse_iso(struct str text, int64_t *ret) MUST_USE;

/* Seconds from "90", "90s", "15m", "24h" or "7d". False: it is none, and *ret_seconds as it was. */
bool clock_parse_duration(struct str text, int64_t *ret_seconds) MUST_USE;
