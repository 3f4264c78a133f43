/* The running server, as the files of this folder share it. */
#pragma once

#include "serve/folder.h"
#include "serve/loop.h"
#include "serve/serve.h"

struct serve {
    struct folder folder;
    struct keyring keyring;
    struct secret app_secret;
    struct store *store;
    struct store_reader *reader; /* of the starting thread */
    struct pulse pulse;
    _Atomic bool folder_taken;
    struct directory_hub directory;
    struct jobs *jobs;
    struct endpoints *endpoints;
    struct policy *policy;
    struct failures *failures;
    struct docs *docs;
    struct api_shared shared;
    struct serve_loop *loops;
    size_t n_loops; /* opened */
    size_t n_running;
    int port;
    char address[64]; /* "127.0.0.1:8080"; empty: no public listener */
    _Atomic int64_t drain_timeout_s;
    /* What it was started with, and what is in force: the same until a SIGHUP. The latter belongs
     * to the thread that watches the signals. */
    const struct config *started, *config;
    struct arena *config_arena; /* of `config`; NULL: it is that of the start */
    sem_t stop_asked;
    sem_t drained;            /* posted by each loop, and when the drain is to end now */
    _Atomic int n_stop_asked; /* 2 and more: the drain is to end now */
};

/* The two halves of serve_finish. */
void serve_drain(struct serve *s);
void serve_end(struct serve *s);

/* reload.c, for SIGHUP: reads the configuration once more and takes what may change. Nothing
 * changes when anything is wrong in it; the log says what. On the thread that watches the signals.
 */
void serve_reload(struct serve *s);
void serve_forget_config(struct serve *s); /* that of a reload */
