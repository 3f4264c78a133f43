#include "cli/doctor.h"

#include "base/clock.h"
#include "base/limits.h"
#include "cli/request.h"
#include "crypto/seal.h"

#include <curl/curl.h>
#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define YEAR_2024 INT64_C(1704067200) /* nothing of this program is older */

/* Whether it looks like a data folder: the mode of any other is not for us to judge. */
static bool holds_data(struct doctor *d)
{
    return access(cli_format(d->cli, "%s/hudhud.db", d->data), F_OK) == 0 ||
           access(cli_format(d->cli, "%s/store", d->data), F_OK) == 0 ||
           access(cli_format(d->cli, "%s/key", d->data), F_OK) == 0;
}

bool doctor_check_folder(struct doctor *d)
{
    struct stat s;
    if (stat(d->data, &s) != 0) {
        doctor_report(d, VERDICT_FAIL, "folder",
                      cli_format(d->cli, "%s: %s", d->data, strerror(errno)),
                      cli_format(d->cli,
                                 "make it with \"hudhud init --data %s\", or say where it is "
                                 "with --data or HUDHUD_DATA",
                                 d->data));
        return false;
    }
    if (!S_ISDIR(s.st_mode)) {
        doctor_report(d, VERDICT_FAIL, "folder", cli_format(d->cli, "%s is no folder", d->data),
                      "say where the data folder is with --data or HUDHUD_DATA");
        return false;
    }
    if (access(d->data, R_OK | W_OK | X_OK) != 0) {
        bool read_only = errno == EROFS;
        doctor_report(d, VERDICT_FAIL, "folder",
                      cli_format(d->cli, "%s: %s", d->data, strerror(errno)),
                      read_only ? "mount the disk so that it can be written, or look why not: dmesg"
                                : "run this as the user that the server runs as");
        return false;
    }
    if ((s.st_mode & 077) && holds_data(d))
        doctor_report(
            d, VERDICT_WARN, "folder",
            cli_format(d->cli, "%s is open to other users (mode %o)", d->data, s.st_mode & 0777),
            cli_format(d->cli, "chmod 700 %s", d->data));
    else
        doctor_report(d, VERDICT_OK, "folder", d->data, NULL);
    return true;
}

/* NULL where the message has said it. */
static const char *mend_key(const char *path)
{
    struct stat s;
    bool is_open = stat(path, &s) == 0 && S_ISREG(s.st_mode) && (s.st_mode & 077);
    return is_open ? NULL
                   : "without this file's key no token or secret can be read: restore it from your "
                     "copy";
}

void doctor_check_key(struct doctor *d)
{
    struct error error;
    error_init(&error, &d->cli->arena);
    struct keyring keyring = {0};
    const char *path = cli_format(d->cli, "%s/key", d->data);
    uint32_t ids[KEYRING_MAX];
    if (keyring_load(&keyring, path, &error))
        doctor_report(d, VERDICT_FAIL, "key", cli_format(d->cli, "%.*s", STR_FMT(error.message)),
                      mend_key(path));
    else if (keyring_ids(&keyring, ids) > 1)
        doctor_report(
            d, VERDICT_WARN, "key",
            cli_format(d->cli, "%s holds more than one key: a rotation was cut short", path),
            "restart the server: its start ends the rotation, and its log says how");
    else
        doctor_report(d, VERDICT_OK, "key", cli_format(d->cli, "%s, key %08x", path, ids[0]), NULL);
    keyring_release(&keyring);
}

void doctor_check_disk(struct doctor *d)
{
    struct statvfs s;
    if (statvfs(d->data, &s) != 0) {
        doctor_report(d, VERDICT_WARN, "disk", strerror(errno), NULL);
        return;
    }
    unsigned long long mib = (unsigned long long)s.f_bavail * s.f_frsize / MIB;
    enum verdict verdict = mib < DOCTOR_DISK_FAIL_MIB   ? VERDICT_FAIL
                           : mib < DOCTOR_DISK_WARN_MIB ? VERDICT_WARN
                                                        : VERDICT_OK;
    doctor_report(d, verdict, "disk", cli_format(d->cli, "%llu MiB free", mib),
                  verdict ? "make room: a full disk refuses every change" : NULL);
}

/* --- clock -------------------------------------------------------------------------------- */

/* Unix seconds of the Date header of any answer, or -1. No token is sent. */
static int64_t ask_for_time(struct doctor *d, const char *url)
{
    struct error error;
    error_init(&error, &d->cli->arena);
    const struct request request = {
        .method = "HEAD", .url = url, .header_only = true, .timeout_ms = CLI_DATE_TIMEOUT_MS};
    _cleanup_(response_release)
    struct response response;
    response_init(&response);
    if (request_run(&request, &response, &error))
        return -1;
    struct str date = response_header(&response, STR("Date"));
    return curl_getdate(cli_format(d->cli, "%.*s", STR_FMT(date)), NULL);
}

static void compare_clocks(struct doctor *d, int64_t ours, int64_t theirs)
{
    int64_t off = ours > theirs ? ours - theirs : theirs - ours;
    const char *what = cli_format(d->cli, "%lld s %s Meta's", (long long)off,
                                  ours >= theirs ? "ahead of" : "behind");
    const char *mend = "set the clock, best by a time service: timedatectl set-ntp true";
    if (off > SIGN_WINDOW_S)
        doctor_report(d, VERDICT_FAIL, "clock", what, mend);
    else if (off > DOCTOR_CLOCK_WARN_S)
        doctor_report(d, VERDICT_WARN, "clock", what, mend);
    else
        doctor_report(d, VERDICT_OK, "clock", "agrees with Meta's", NULL);
}

void doctor_check_clock(struct doctor *d, const char *graph_url)
{
    int64_t theirs = graph_url ? ask_for_time(d, graph_url) : -1;
    int64_t ours = clock_now_ms() / 1000;
    if (theirs > 0)
        compare_clocks(d, ours, theirs);
    else if (ours < YEAR_2024)
        doctor_report(d, VERDICT_FAIL, "clock", "is before 2024",
                      "set it, best by a time service: timedatectl set-ntp true");
    else
        doctor_report(d, VERDICT_OK, "clock", "looks right (there was none to compare with)", NULL);
}
