/* What the descriptions of numbers share. */
#pragma once

#include "api/doc.h"

#define META_ID "^[0-9]{1,32}$" /* META_ID_MAX */

#define NUMBER_ID                                                                                  \
    {                                                                                              \
        .name = "id", .pattern = META_ID, .example = "1",                                          \
        .description = "The number's id here (`1`), or Meta's (`106540352242922`)."                \
    }
#define PHONE_NUMBER                                                                               \
    {                                                                                              \
        .name = "phone_number", .pattern = "^[0-9]{7,15}$", .example = "966500000000",             \
        .description = "Its digits, with the country code."                                        \
    }
#define NO_SUCH_NUMBER                                                                             \
    {                                                                                              \
        .err = ERR_NOT_FOUND, .message = "Number not found",                                       \
        .when = "the workspace has no such number"                                                 \
    }

extern const struct schema number_schema; /* with its health */
extern const struct doc_group numbers_group;
