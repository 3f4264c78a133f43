/* The data commands are clients of the /admin routes: over the control socket of a running server,
 * else over that of the same server started inside this process, without a public listener. There
 * is one code path for every change.
 *
 * Commands take turns: each holds a shared lock (flock) on the folder itself while it talks to a
 * running server, and an exclusive one while it is the server, so that none connects to another
 * command's server just as that one ends. The server's own lock is another (serve/serve.h). */
#pragma once

#include "cli/cli.h"

struct serve;

struct admin {
    struct cli *cli;
    const char *data;
    const char *socket;
    int turn;              /* the folder, locked; -1: none */
    struct serve *serve;   /* inside this process; NULL: another one answers */
    struct config *config; /* of the former; in the arena of the run */
    void (*tick)(
        void *arg); /* while a call goes on that may take as long as it takes; NULL: none */
    void *tick_arg;
};

/* Errors name the folder and say how to mend. */
enum err admin_open(struct admin *a, struct cli *cli) MUST_USE;
/* Stops the server inside this process, if any. Fit for _cleanup_, also after a failed open. */
void admin_close(struct admin *a);

/* One call; `body` empty: none. *ret is the answer's "data", in the arena of the run. An error's
 * message and details are the server's. */
enum err admin_call(struct admin *a, const char *method, const char *path, struct str body,
                    struct json *ret) MUST_USE;

/* Open, one call, close. */
enum err admin_once(struct cli *cli, const char *method, const char *path, struct str body,
                    struct json *ret) MUST_USE;

/* The settings of a server in this process: --config or HUDHUD_CONFIG, the variables, and the flags
 * of a command that has such. *ret lives in the arena of the run. */
enum err settings_load(struct cli *cli, struct config **ret) MUST_USE;
