/* Which database goes with a data folder: the one that the setting `store` names, else the one in
 * the folder's file `store`, else the folder's own hudhud.db. */
#pragma once

#include "base/config.h"
#include "serve/folder.h"

struct storage {
    char url[STORE_URL_MAX + 1]; /* empty: the folder's own database */
    char shown[STORE_URL_MAX + 32];
    char left_aside[STORE_URL_MAX + 32]; /* what the folder says, against the setting; shown */
    char holder[STORE_HOLDER_LEN + 1];   /* the folder's name among the replicas */
    struct secret password;
    struct store_options options; /* points into all of these, and into the folder's names */
};

/* Errors say what is wrong with the settings, or the folder's file. */
enum err storage_choose(struct storage *s, const struct folder *f, const struct config *config,
                        struct error *error) MUST_USE;
/* The same without the setting `store`: what is said of a folder, or by a URL, alone. */
enum err storage_of_folder(struct storage *s, const struct folder *f, const struct config *config,
                           struct error *error) MUST_USE;
enum err storage_of_url(struct storage *s, const char *url, const struct config *config,
                        struct error *error) MUST_USE;
/* Somebody may wonder where the data is that this folder had until now. */
void storage_log(const struct storage *s);
void storage_release(struct storage *s); /* wipes; safe twice */
/* Where the database is on a server, the folder has a name there, kept in its file `replica`. The
 * caller has the folder locked. Without that file things go on, but slower after a crash. */
void storage_take_holder(struct storage *s, const struct folder *f);
/* Writes the folder's file. */
enum err storage_write(const struct storage *s, const struct folder *f,
                       struct error *error) MUST_USE;
