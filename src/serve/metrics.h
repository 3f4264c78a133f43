/* All that is counted anywhere in the server, as text for Prometheus. docs/metrics.md says what
 * each means. Any thread; it takes no lock that a request takes. */
#pragma once

#include "base/buf.h"

struct serve;

void metrics_write(const struct serve *s, struct buf *out);
