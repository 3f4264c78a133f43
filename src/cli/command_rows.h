/* What the rows of several parts of the command table are made of. */
#pragma once

#include "cli/command.h"

#define DOMAIN_OPTION                                                                              \
    {                                                                                              \
        .name = "domain", .placeholder = "DOMAIN", .required = true,                               \
        .help = "the workspace, by its domain",                                                    \
    }
/* Of the commands that call the API as a client does. */
#define CREDENTIALS_HELP                                                                           \
    "The client is named by variables, so that its secret is on no command line:\n"                \
    "HUDHUD_DOMAIN, HUDHUD_CLIENT_ID and HUDHUD_SECRET."
#define SERVER_HELP                                                                                \
    "HUDHUD_URL is where the server is; default http://127.0.0.1:8080. SSL_CERT_FILE names\n"      \
    "the certificates to trust, instead of this machine's.\n"
#define END                                                                                        \
    {                                                                                              \
        .name = NULL,                                                                              \
    }
