/* Wiring: opens the data folder, starts the threads, listens, drains. `hudhud serve` runs it in the
 * foreground; a command that finds no server running starts the same thing with only the control
 * socket, so that there is one code path for every change.
 *
 * The data folder (hudhud init makes it, mode 0700):
 *   hudhud.db    the database (SQLite, with -wal and -shm beside it); or
 *   store        where it is: the URL of a database of PostgreSQL, 0600
 *   replica      the folder's name among those of that database
 *   key          the sealing key, 0600
 *   lock         held while a process uses the folder; its text is that process's id
 *   control.sock the control socket, 0600: the /admin routes, unsigned */
#pragma once

#include "base/config.h"
#include "base/err.h"

/* The settings of the server: --flags, HUDHUD_ variables, file. */
extern const struct setting serve_settings[];
extern const size_t serve_n_settings;

/* Makes the folder, key and database; refuses to overwrite anything. A folder that is empty but for
 * a lock and a key, as an init that was ended leaves it, is filled, with that key. *ret_joined: the
 * database that the setting `store` names was one of hudhud's already, and that key opens it. */
enum err serve_init_folder(const char *data, const struct config *config, bool *ret_joined,
                           struct error *error) MUST_USE;

/* Makes a data folder from a backup. `data` is to be new, or empty; key_file, unless NULL, is the
 * key of a backup without one. Errors leave no database there. */
enum err serve_restore_folder(const char *data, const char *backup, const char *key_file,
                              struct error *error) MUST_USE;

struct serve;

/* Takes the lock, opens store and key, starts the store, jobs and loop threads, listens on the
 * control socket, and on `listen` of the settings too when `public_listener`. ERR_BUSY when another
 * process holds the folder: the message names it. */
enum err serve_start(const char *data, const struct config *config, bool public_listener,
                     struct serve **ret, struct error *error) MUST_USE;
/* Asks for the drain; asked again, it is over at once, and what is not answered by then is cut. Any
 * thread, and safe in a signal handler. */
void serve_request_stop(struct serve *s);
/* Waits until the drain was asked for, drains (what was begun is answered, within the setting
 * drain-timeout), joins all threads and frees. */
void serve_finish(struct serve *s);

/* The whole of `hudhud serve`: start, ready line on stderr, SIGTERM and SIGINT drain, finish. A
 * second signal cuts the drain short. */
enum err serve_run(const char *data, const struct config *config, struct error *error) MUST_USE;
