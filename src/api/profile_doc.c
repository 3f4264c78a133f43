/* The business profile in words: what profile.c takes and answers. */
#include "api/handlers.h"
#include "api/numbers.h"
#include "api/numbers_doc.h"

#define VERTICALS                                                                                  \
    "ALCOHOL", "APPAREL", "AUTO", "BEAUTY", "EDU", "ENTERTAIN", "EVENT_PLAN", "FINANCE", "GOVT",   \
        "GROCERY", "HEALTH", "HOTEL", "NONPROFIT", "ONLINE_GAMBLING", "OTC_DRUGS", "OTHER",        \
        "PHYSICAL_GAMBLING", "PROF_SERVICES", "RESTAURANT", "RETAIL", "TRAVEL"

const char *const profile_verticals[] = {VERTICALS, NULL};

static const struct field profile_fields[] = {
    {.name = "about",
     .nullable = true,
     .example = "متجر الهدهد",
     .description = "The line below the name."},
    {.name = "address", .nullable = true, .example = "Riyadh", .description = "Where it is."},
    {.name = "description",
     .nullable = true,
     .example = "Everything that flies",
     .description = "What the business does."},
    {.name = "email",
     .nullable = true,
     .example = "hello@hudhud.example",
     .description = "Where to write to."},
    {.name = "vertical",
     .nullable = true,
     .example = "RETAIL",
     .description = "The kind of business, in Meta's words; null when none was chosen."},
    {.name = "websites",
     .type = FIELD_TEXTS,
     .items_max = GRAPH_WEBSITES_MAX,
     .nullable = true,
     .example = "https://hudhud.example/",
     .description = "Its websites; null when there is none."},
    {.name = "profile_picture_url",
     .nullable = true,
     .example = "https://pps.whatsapp.net/v/t61/picture.jpg",
     .description = "Where its picture is."},
    {0},
};
static const struct schema profile_schema = {
    .name = "BusinessProfile",
    .description = "What customers see of a business; what there is none of is null.",
    .fields = profile_fields,
};

static const struct field change_fields[] = {
    {.name = "about",
     .optional = true,
     .nullable = true,
     .min = 1,
     .max = PROFILE_ABOUT_MAX,
     .example = "متجر الهدهد",
     .description = "The line below the name. It cannot be cleared."},
    {.name = "address",
     .optional = true,
     .nullable = true,
     .max = PROFILE_ADDRESS_MAX,
     .example = "Riyadh",
     .description = "Where it is; empty clears it."},
    {.name = "description",
     .optional = true,
     .nullable = true,
     .max = PROFILE_DESCRIPTION_MAX,
     .example = "Everything that flies",
     .description = "What the business does; empty clears it."},
    {.name = "email",
     .optional = true,
     .nullable = true,
     .max = PROFILE_EMAIL_MAX,
     .example = "hello@hudhud.example",
     .description = "Where to write to; empty clears it."},
    {.name = "vertical",
     .optional = true,
     .nullable = true,
     .values = VALUES("", VERTICALS),
     .example = "RETAIL",
     .description = "The kind of business; empty clears it."},
    {.name = "websites",
     .type = FIELD_TEXTS,
     .items_max = GRAPH_WEBSITES_MAX,
     .optional = true,
     .nullable = true,
     .min = 1,
     .max = PROFILE_WEBSITE_MAX,
     .pattern = "^https?://[^ ]+$",
     .example = "https://hudhud.example/",
     .description = "All of its websites; an empty list takes them away."},
    {0},
};
static const struct schema change_schema = {
    .name = "BusinessProfileChange",
    .description = "One field at least. What is left out, or null, stays as it is.",
    .fields = change_fields,
};

const struct doc numbers_profile_doc = {
    .id = "getProfile",
    .group = &numbers_group,
    .summary = "Get the business profile",
    .description = "Meta is asked for it: nothing of it is kept here.",
    .asks_meta = true,
    .path = FIELDS(NUMBER_ID),
    .data = &profile_schema,
    .errors = ERRORS(NO_SUCH_NUMBER),
};

const struct doc numbers_change_profile_doc = {
    .id = "updateProfile",
    .group = &numbers_group,
    .summary = "Change the business profile",
    .description =
        "Changes what is sent, and leaves the rest. Lengths are in characters.\n\n"
        "The answer has the whole profile, as Meta gives it then. `data` is null when Meta took "
        "the change and could not be asked after it.",
    .path = FIELDS(NUMBER_ID),
    .body = &change_schema,
    .message = "Profile updated successfully",
    .data = &profile_schema,
    .data_nullable = true,
    .errors = ERRORS(NO_SUCH_NUMBER),
};
