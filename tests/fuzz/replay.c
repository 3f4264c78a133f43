/* Feeds every file of a corpus folder to LLVMFuzzerTestOneInput: what a fuzzer once found, and what
 * it started from, is an ordinary test. An empty or missing folder fails. */
#include "base/base.h"

#include <dirent.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    if (!f || fstat(fileno(f), &st) != 0)
        return -1;
    size_t size = (size_t)st.st_size;
    uint8_t *data = xmalloc(size);
    size_t n = fread(data, 1, size, f);
    fclose(f);
    if (n == size)
        LLVMFuzzerTestOneInput(data, size);
    free(data);
    return n == size ? 0 : -1;
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (!folder) {
        fprintf(stderr, "usage: replay CORPUS_FOLDER (cannot open it)\n");
        return 2;
    }
    int replayed = 0, failed = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
        if (replay_file(path) == 0)
            replayed++;
        else
            failed++;
    }
    closedir(folder);
    printf("%d inputs replayed, %d unreadable\n", replayed, failed);
    return replayed > 0 && failed == 0 ? 0 : 1;
}
