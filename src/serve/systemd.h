/* What systemd, or whatever speaks its protocols, hands to a service and wants to hear from it:
 * sockets (sd_listen_fds(3)), states (sd_notify(3)) and the watchdog. No library is needed. */
#pragma once

#include "base/base.h"

/* Listening sockets that this process was started with; -1: none. Named "api" and "ops" by
 * LISTEN_FDNAMES, else in this order. Others are closed. The variables are removed: a child of ours
 * is not meant. */
struct systemd_sockets {
    int api, ops;
};
struct systemd_sockets systemd_take_sockets(void);

/* "READY=1", lines of it; nothing without NOTIFY_SOCKET. */
void systemd_notify(const char *state);
/* "RELOADING=1", with the time that systemd wants. */
void systemd_notify_reloading(void);
/* To be called at least once a second, as a proof of life. */
void systemd_feed_watchdog(void);
