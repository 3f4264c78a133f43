/* /waba-numbers in words: what numbers.c takes and answers. */
#include "api/numbers_doc.h"
#include "api/handlers.h"

static const struct field listed_fields[] = {
    {.name = "id", .type = FIELD_INTEGER, .example = "1", .description = "The number's id here."},
    PHONE_NUMBER,
    {.name = "phone_number_id",
     .pattern = META_ID,
     .example = "106540352242922",
     .description = "Meta's id of the number: the `phone_number_id` of other endpoints."},
    {.name = "verified_name",
     .example = "متجر الهدهد",
     .description = "The name that customers see."},
    {.name = "quality_rating",
     .values = VALUES("GREEN", "YELLOW", "RED", "UNKNOWN"),
     .example = "GREEN",
     .description =
         "`GREEN` good, `YELLOW` medium, `RED` low: Meta may suspend it; `UNKNOWN` not rated yet."},
    {.name = "status",
     .values = VALUES("CONNECTED", "DISCONNECTED"),
     .example = "CONNECTED",
     .description = "`CONNECTED` works; `DISCONNECTED` does not, and `health` says why."},
    {.name = "message_template_count",
     .type = FIELD_INTEGER,
     .min = 0,
     .example = "25",
     .description = "The approved templates of its account."},
    {.name = "created_at",
     .type = FIELD_TIME,
     .example = "2024-01-10T10:00:00Z",
     .description = "When it was linked."},
    {.name = "updated_at",
     .type = FIELD_TIME,
     .example = "2024-01-20T14:30:00Z",
     .description = "When one of these fields last changed."},
    {0},
};
static const struct schema listed_core = {.fields = listed_fields};

static const struct field reason_fields[] = {
    {.name = "code",
     .type = FIELD_INTEGER,
     .nullable = true,
     .example = "141006",
     .description = "Meta's code of it."},
    {.name = "message",
     .example = "There is an error with the payment method.",
     .description = "What is wrong, in Meta's words."},
    {.name = "solution",
     .nullable = true,
     .example = "Add a payment method to the account.",
     .description = "What Meta says helps."},
    {0},
};
const struct schema health_reason_schema = {
    .name = "HealthReason",
    .description = "Why a number cannot send as it should.",
    .fields = reason_fields,
};

static const struct field health_fields[] = {
    {.name = "meta_status",
     .nullable = true,
     .example = "CONNECTED",
     .description = "Meta's own status, such as `CONNECTED`, `FLAGGED` or `BANNED`."},
    {.name = "name_status",
     .nullable = true,
     .example = "APPROVED",
     .description = "Whether the name is approved."},
    {.name = "code_verification_status",
     .nullable = true,
     .example = "VERIFIED",
     .description = "Whether the number is verified."},
    {.name = "throughput",
     .nullable = true,
     .example = "STANDARD",
     .description = "How fast it may send: `STANDARD` or `HIGH`."},
    {.name = "messaging_limit",
     .nullable = true,
     .example = "TIER_2K",
     .description = "How many customers a day may be written to first."},
    {.name = "platform_type",
     .nullable = true,
     .example = "CLOUD_API",
     .description = "Where Meta runs it."},
    {.name = "is_official_business_account",
     .type = FIELD_BOOLEAN,
     .example = "false",
     .description = "Whether it has the mark of an official account."},
    {.name = "can_send_message",
     .nullable = true,
     .example = "LIMITED",
     .description = "`AVAILABLE`, `LIMITED` or `BLOCKED`."},
    {.name = "reasons",
     .type = FIELD_LIST,
     .schema = &health_reason_schema,
     .description = "Why it is not `AVAILABLE`, or not connected; else empty."},
    {.name = "previous_quality_rating",
     .nullable = true,
     .values = VALUES("GREEN", "YELLOW", "RED", "UNKNOWN"),
     .example = "YELLOW",
     .description = "The rating before this one; null when it never changed."},
    {.name = "quality_changed_at",
     .type = FIELD_TIME,
     .nullable = true,
     .example = "2024-01-18T08:15:00Z",
     .description = "Since when it has this rating; null when it never changed."},
    {.name = "confirmed_at",
     .type = FIELD_TIME,
     .nullable = true,
     .example = "2024-01-20T14:30:00Z",
     .description = "When Meta last said all this."},
    {.name = "stale",
     .type = FIELD_BOOLEAN,
     .example = "false",
     .description = "True when that is more than two sync intervals ago."},
    {0},
};
static const struct schema health_schema = {
    .name = "NumberHealth",
    .description =
        "What Meta says of a number beyond what lists show; what it does not say is null.",
    .fields = health_fields,
};

static const struct schema listed_number_schema = {
    .name = "ListedNumber",
    .description = "A linked number, as lists show it.",
    .base = &listed_core,
    .fields = FIELDS({.name = "health",
                      .type = FIELD_OBJECT,
                      .schema = &health_schema,
                      .optional = true,
                      .description = "Only with `include=health`."}),
};

const struct schema number_schema = {
    .name = "Number",
    .description = "A linked number, with its health.",
    .base = &listed_core,
    .fields = FIELDS({.name = "health",
                      .type = FIELD_OBJECT,
                      .schema = &health_schema,
                      .description = "More of what Meta says of it."}),
};

static const struct field change_fields[] = {
    {.name = "field", .example = "quality_rating", .description = "Which field changed."},
    {.name = "from", .nullable = true, .example = "GREEN", .description = "What it was."},
    {.name = "to", .nullable = true, .example = "RED", .description = "What it became."},
    {.name = "source",
     .values = VALUES("poll", "webhook", "api"),
     .example = "poll",
     .description =
         "How it came to be known: `poll` by the periodic sync; `webhook`: Meta told, or "
         "was asked because of what it told; `api` by a call."},
    {.name = "at",
     .type = FIELD_TIME,
     .example = "2024-01-20T14:30:00Z",
     .description = "When it was noticed."},
    {0},
};
static const struct schema change_schema = {
    .name = "NumberChange",
    .description = "A change of one field of a number.",
    .fields = change_fields,
};

static const struct field unlinked_fields[] = {
    {.name = "id",
     .type = FIELD_INTEGER,
     .example = "1",
     .description = "The number's id here. It is the same when the number is linked again."},
    PHONE_NUMBER,
    {.name = "phone_number_id",
     .pattern = META_ID,
     .example = "106540352242922",
     .description = "Meta's id of the number."},
    {.name = "unlinked_at",
     .type = FIELD_TIME,
     .example = "2024-01-20T14:30:00Z",
     .description = "When it was unlinked."},
    {0},
};
static const struct schema unlinked_schema = {
    .name = "UnlinkedNumber",
    .description = "A number that was unlinked.",
    .fields = unlinked_fields,
};

static const struct field link_by_token_fields[] = {
    {.name = "waba_id",
     .pattern = META_ID,
     .example = "102290129340398",
     .description = "Meta's id of the WhatsApp Business Account."},
    {.name = "access_token",
     .pattern = "^[!-~]+$",
     .min = 1,
     .max = TOKEN_MAX,
     .example = "EAAB-your-access-token",
     .description = "A token that may manage the account."},
    {.name = "replace",
     .type = FIELD_BOOLEAN,
     .optional = true,
     .nullable = true,
     .fallback = "false",
     .example = "true",
     .description = "Take the new token though the account is linked and its old one works."},
    {0},
};
static const struct schema link_by_token = {
    .name = "LinkByToken",
    .description = "With an account and a token that opens it.",
    .fields = link_by_token_fields,
};

static const struct field link_by_code_fields[] = {
    {.name = "code",
     .min = 1,
     .max = TOKEN_MAX,
     .example = "AQBh-the-code-that-was-given",
     .description = "The code that Meta's embedded signup gave."},
    {.name = "waba_id",
     .optional = true,
     .nullable = true,
     .pattern = META_ID,
     .example = "102290129340398",
     .description = "Meta's id of the account; needed when the code opens more than one."},
    {.name = "replace",
     .type = FIELD_BOOLEAN,
     .optional = true,
     .nullable = true,
     .fallback = "false",
     .example = "true",
     .description = "Take the new token though the account is linked and its old one works."},
    {0},
};
static const struct schema link_by_code = {
    .name = "LinkByCode",
    .description = "With a code of Meta's embedded signup.",
    .fields = link_by_code_fields,
};

const struct doc_group numbers_group = {
    .name = "Numbers",
    .description = "The WhatsApp numbers that a workspace has linked, kept true against Meta.",
};

const struct doc numbers_list_doc = {
    .id = "listNumbers",
    .group = &numbers_group,
    .summary = "List the numbers",
    .description = "All numbers of the workspace, by `id`.",
    .query = FIELDS({.name = "include",
                     .optional = true,
                     .values = VALUES("health"),
                     .example = "health",
                     .description = "`health`: each number with its `health`."}),
    .shape = DOC_LIST,
    .data = &listed_number_schema,
    .errors = ERRORS({.err = ERR_NOT_FOUND,
                      .message = "No connected numbers",
                      .when = "the workspace has linked no number"}),
};

const struct doc numbers_link_doc = {
    .id = "linkNumbers",
    .group = &numbers_group,
    .summary = "Link an account",
    .description =
        "Links a WhatsApp Business Account: checks the token with Meta, takes over the "
        "account's numbers, and subscribes your app to its webhooks. Send a token with "
        "the account it opens, or a `code`, for which the server needs the settings "
        "`app-id` and `app-secret-file`.\n\n"
        "Linking again brings back numbers that were unlinked. To put a new token in "
        "place of one that still works, add `replace`.",
    .body = &link_by_token,
    .or_body = &link_by_code,
    .asks_meta = true,
    .status = 201,
    .message = "Numbers linked successfully",
    .shape = DOC_LIST,
    .data = &number_schema,
    .errors = ERRORS({.err = ERR_CONFLICT,
                      .message = "This account is linked already, in another workspace",
                      .when = "the account, or a number of it, is linked already"}),
};

const struct doc numbers_get_doc = {
    .id = "getNumber",
    .group = &numbers_group,
    .summary = "Get a number",
    .description = "One number, with its health.",
    .path = FIELDS(NUMBER_ID),
    .data = &number_schema,
    .errors = ERRORS(NO_SUCH_NUMBER),
};

const struct doc numbers_history_doc = {
    .id = "listNumberHistory",
    .group = &numbers_group,
    .summary = "List a number's changes",
    .description = "Every change of its quality, status, name and limits, newest first.",
    .path = FIELDS(NUMBER_ID),
    .shape = DOC_PAGE,
    .data = &change_schema,
    .errors = ERRORS(NO_SUCH_NUMBER),
};

const struct doc numbers_sync_doc = {
    .id = "syncNumber",
    .group = &numbers_group,
    .summary = "Ask Meta now",
    .description =
        "The server asks Meta about each account from time to time by itself. This asks "
        "at once, about all numbers of that number's account, and answers with what it "
        "heard.",
    .path = FIELDS(NUMBER_ID),
    .asks_meta = true,
    .message = "Number synced successfully",
    .data = &number_schema,
    .errors = ERRORS(NO_SUCH_NUMBER),
};

const struct doc numbers_unlink_doc = {
    .id = "unlinkNumber",
    .group = &numbers_group,
    .summary = "Unlink a number",
    .description =
        "The number is listed and used no longer; its history stays. Nothing changes at "
        "Meta. With the last number of an account the account is unlinked too, and its "
        "token forgotten.",
    .path = FIELDS(NUMBER_ID),
    .message = "Number unlinked successfully",
    .data = &unlinked_schema,
    .errors = ERRORS(NO_SUCH_NUMBER),
};
