/* What `hudhud doctor` found, and the checks that need no server. */
#pragma once

#include "cli/cli.h"
#include "json/writer.h"

enum verdict { VERDICT_OK, VERDICT_WARN, VERDICT_FAIL };

struct doctor {
    struct cli *cli;
    const char *data;
    struct buf text; /* the findings as JSON */
    struct json_writer w;
    enum verdict worst;
};

/* One line. `what` is printed as it is; `mend`, unless NULL, says what to do. */
void doctor_report(struct doctor *d, enum verdict verdict, const char *check, const char *what,
                   const char *mend);

/* False when there is no folder to look into. */
bool doctor_check_folder(struct doctor *d);
void doctor_check_key(struct doctor *d);
void doctor_check_disk(struct doctor *d);
/* What the settings of the server mean to it; `file_limit` is the running server's, 0 when none
 * runs. */
void doctor_check_settings(struct doctor *d, int64_t file_limit);
/* `graph_url` is asked for the time; NULL or without an answer: the year must make sense. */
void doctor_check_clock(struct doctor *d, const char *graph_url);
