/* Randomness from the kernel. */
#pragma once

#include "base/base.h"

/* Aborts if the kernel has none: nothing safe can be done then. */
void random_bytes(void *out, size_t len);
/* `len` characters of a-z and 0-9, each uniform; no NUL is written. */
void random_name(char *out, size_t len);
/* 0 .. below-1, uniform; below > 0. For jitter. Buffered per thread: no system call each time. */
uint32_t random_below(uint32_t below);
