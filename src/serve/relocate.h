/* hudhud store copy: everything, or one workspace, from one store to another. Neither is used by a
 * server meanwhile. */
#pragma once

#include "base/config.h"
#include "store/transfer_run.h"

struct relocate_options {
    const char *from, *to; /* a data folder, or the URL of a database */
    const char *domain;    /* of the only workspace; NULL: everything */
    const char *key_file;  /* NULL: the key of the folder */
    const struct config *config;
    bool (*tick)(void *arg, const struct transfer_progress *progress);
    void *tick_arg;
};

/* As transfer_run. */
enum err serve_relocate(const struct relocate_options *options, struct transfer_line **ret,
                        struct error *error) MUST_USE;
/* Takes back what a copy to `to` that was not finished has put there; `from` is NULL. */
enum err serve_relocate_undo(const struct relocate_options *options, struct error *error) MUST_USE;
