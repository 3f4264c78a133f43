/* What the rows of several parts of the command table are made of. */
#pragma once

#include "cli/command.h"

#define DOMAIN_OPTION                                                                              \
    {                                                                                              \
        .name = "domain", .placeholder = "DOMAIN", .required = true,                               \
        .help = "the workspace, by its domain",                                                    \
    }
#define END                                                                                        \
    {                                                                                              \
        .name = NULL,                                                                              \
    }
