/* This process, as the kernel sees it. */
#pragma once

#include "base/base.h"

/* No core dump, and nobody of the same user reads this process's memory. */
void process_keep_secrets(void);
/* Raises the limit of open files to the most that this process may have; that, or 0 when it is not
 * known. */
uint64_t process_raise_file_limit(void);

struct process_stats {
    uint64_t resident_bytes, open_files, max_files;
    double cpu_s;
};
/* What is not known is 0. */
struct process_stats process_stats(void);
