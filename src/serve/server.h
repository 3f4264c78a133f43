/* The running server, as the files of this folder share it. */
#pragma once

#include "gate/saved_counts.h"
#include "http/ledger.h"
#include "http/tls.h"
#include "serve/folder.h"
#include "serve/loop.h"
#include "serve/serve.h"
#include "serve/storage.h"
#include "serve/systemd.h"

/* By when they were changed, each; zeros: not there. */
struct tls_files {
    struct timespec certificate, key;
};

struct serve {
    struct folder folder;
    struct storage storage;
    struct keyring keyring;
    struct secret app_secret;
    struct store *store;
    struct store_reader *reader; /* of the starting thread */
    struct pulse pulse;
    _Atomic bool folder_taken;
    struct directory_hub directory;
    struct store_watch watch;
    bool directory_stale; /* the watcher thread's: what another replica changed is not in force */
    struct jobs *jobs;
    struct endpoints *endpoints;
    struct policy *policy;
    struct failures *failures;
    struct left_claims left_claims;
    struct stream_counts stream_counts;
    struct docs *docs;
    struct api_shared shared;
    struct serve_loop *loops;
    size_t n_loops; /* opened */
    size_t n_running;
    int port;
    char address[64]; /* "127.0.0.1:8080"; empty: no public listener */
    struct http_ledger *ledger;
    struct tls_files tls_files;   /* as they were when `tls` was read */
    struct http_tls_context *tls; /* in force; NULL: none. The watcher's, once the loops run */
    struct gauge connections_max, certificate_expires_s, reload_failed;
    struct counter reloads_taken, reloads_refused;
    struct saved_counts *saved_counts;
    struct upkeep upkeep;
    bool has_upkeep;
    struct systemd_sockets sockets; /* copied for each loop; not ours to close */
    struct ops ops;
    bool has_ops;
    int ops_port;
    _Atomic bool draining;
    _Atomic int64_t drain_timeout_s;
    /* What it was started with, and what is in force: the same until a SIGHUP. The latter belongs
     * to the thread that watches the signals. */
    const struct config *started, *config;
    struct arena *config_arena; /* of `config`; NULL: it is that of the start */
    sem_t stop_asked;
    sem_t drained;            /* posted by each loop, and when the drain is to end now */
    _Atomic int n_stop_asked; /* 2 and more: the drain is to end now */
};

/* serve_start, on sockets that were handed over where there are some. They stay the caller's. */
enum err serve_start_on(const char *data, const struct config *config, bool public_listener,
                        struct systemd_sockets sockets, struct serve **ret,
                        struct error *error) MUST_USE;
/* The two halves of serve_finish. */
void serve_drain(struct serve *s);
void serve_end(struct serve *s);

/* listen.c: opens the next loop and what listens on it. */
enum err serve_open_loop(struct serve *s, const struct config *config, bool public_listener,
                         struct error *error) MUST_USE;
/* Where the loops really listen: with port 0 the kernel chose one. */
void serve_name_address(struct serve *s, struct str listen);

/* reload.c, for SIGHUP: reads the configuration once more and takes what may change. Nothing
 * changes when anything is wrong in it; the log says what. On the thread that watches the signals.
 */
void serve_reload(struct serve *s);
struct tls_files serve_look_at_certificate(const struct config *config);
/* Takes the certificate anew when its files have changed. On the same thread. */
void serve_refresh_tls(struct serve *s);
void serve_forget_config(struct serve *s); /* that of a reload */
