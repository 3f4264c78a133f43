#include "serve/process.h"

#include <dirent.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* A leak checker needs to read the memory. */
void process_keep_secrets(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__
    prctl(PR_SET_DUMPABLE, 0);
#endif
}

uint64_t process_raise_file_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return 0;
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0 && getrlimit(RLIMIT_NOFILE, &files) != 0)
        return 0;
    return files.rlim_cur;
}

static uint64_t count_open_files(void)
{
    uint64_t n = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        return 0;
    for (struct dirent *entry; (entry = readdir(folder));)
        n += entry->d_name[0] != '.';
    closedir(folder);
    return n - 1; /* the folder itself */
}

/* "size resident ..." in pages. */
static uint64_t read_resident(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long size, resident;
    if (!file)
        return 0;
    bool ok = fscanf(file, "%lu %lu", &size, &resident) == 2;
    fclose(file);
    return ok ? resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

struct process_stats process_stats(void)
{
    struct process_stats stats = {.resident_bytes = read_resident(),
                                  .open_files = count_open_files()};
    struct rlimit files;
    struct rusage usage;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        stats.max_files = files.rlim_cur;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        stats.cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    return stats;
}
