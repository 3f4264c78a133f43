#include "cli/cli.h"

#include <signal.h>
#include <sys/resource.h>

int main(int argc, char **argv)
{
    /* A peer that went away is an error of that write, not the end of the process. */
    signal(SIGPIPE, SIG_IGN);
    /* So is a file that may not grow: the store answers 503 for it, as for a full disk. */
    signal(SIGXFSZ, SIG_IGN);
    /* No core dump: it would hold tokens and keys. */
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    return cli_main(argc, argv);
}
