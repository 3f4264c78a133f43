/* The steps of a number's registration in words: what registration.c takes and answers. */
#include "api/handlers.h"
#include "api/numbers_doc.h"

static const struct field named_fields[] = {
    {.name = "id", .type = FIELD_INTEGER, .example = "1", .description = "The number's id here."},
    PHONE_NUMBER,
    {.name = "phone_number_id",
     .pattern = META_ID,
     .example = "106540352242922",
     .description = "Meta's id of the number."},
    {0},
};
static const struct schema named_number_schema = {
    .name = "NamedNumber",
    .description = "Which number it was about.",
    .fields = named_fields,
};

#define PIN_FIELD                                                                                  \
    {                                                                                              \
        .name = "pin", .pattern = "^[0-9]{6}$", .min = 6, .max = 6, .example = "150954",           \
        .description = "The PIN of two-step verification: six digits. It is kept nowhere here."    \
    }

const struct doc numbers_request_code_doc = {
    .id = "requestCode",
    .group = &numbers_group,
    .summary = "Ask for a verification code",
    .description =
        "Meta sends a code of six digits to the number, as a text message or in a call: the first "
        "step to show that it is yours. A number that is verified already is refused (Meta's code "
        "136024).",
    .path = FIELDS(NUMBER_ID),
    .body =
        &(const struct schema){
            .name = "CodeRequest",
            .description = "How the code is to come.",
            .fields = FIELDS({.name = "method",
                              .values = VALUES("SMS", "VOICE"),
                              .example = "SMS",
                              .description = "`SMS` as a text message, `VOICE` in a call."},
                             {.name = "language",
                              .pattern = "^[A-Za-z]{2,3}(_[A-Za-z]{2,4})?$",
                              .example = "ar",
                              .description = "The language of the message, such as `en_US`."}),
        },
    .message = "Code requested successfully",
    .data = &named_number_schema,
    .errors = ERRORS(NO_SUCH_NUMBER),
};

const struct doc numbers_verify_code_doc = {
    .id = "verifyCode",
    .group = &numbers_group,
    .summary = "Verify the number with the code",
    .description =
        "Hands Meta the code that came. The account is synced then, so that the answer "
        "has the number as it is now.",
    .path = FIELDS(NUMBER_ID),
    .body =
        &(const struct schema){
            .name = "Code",
            .description = "The code that Meta sent to the number.",
            .fields = FIELDS({.name = "code",
                              .pattern = "^[0-9]{6}$",
                              .min = 6,
                              .max = 6,
                              .example = "123456",
                              .description = "Its six digits, without a dash."}),
        },
    .message = "Number verified successfully",
    .data = &number_schema,
    .errors = ERRORS(NO_SUCH_NUMBER),
};

const struct doc numbers_register_doc = {
    .id = "registerNumber",
    .group = &numbers_group,
    .summary = "Register the number",
    .description =
        "Registers a verified number with the Cloud API: from then on it can send and receive. A "
        "number without a PIN gets this one; of one that has a PIN it must be that.\n\n"
        "Meta allows ten registrations of a number in 72 hours, and few wrong PINs. The same "
        "request never comes to Meta twice. The account is synced then, so that the answer has the "
        "number as it is now.",
    .path = FIELDS(NUMBER_ID),
    .body =
        &(const struct schema){
            .name = "Registration",
            .description = "With which PIN, and where.",
            .fields = FIELDS(PIN_FIELD,
                             {.name = "data_localization_region",
                              .optional = true,
                              .nullable = true,
                              .values = VALUES("AU", "ID", "IN", "JP", "SG", "KR", "DE", "CH", "GB",
                                               "BR", "BH", "ZA", "AE", "CA"),
                              .example = "AE",
                              .description = "The country where Meta is to keep its messages."}),
        },
    .message = "Number registered successfully",
    .data = &number_schema,
    .errors = ERRORS(NO_SUCH_NUMBER),
};

const struct doc numbers_deregister_doc = {
    .id = "deregisterNumber",
    .group = &numbers_group,
    .summary = "Deregister the number",
    .description =
        "Takes the number from the Cloud API: it sends and receives no more until it is registered "
        "again. It stays linked here. The account is synced then, so that the answer has the number "
        "as it is now.",
    .path = FIELDS(NUMBER_ID),
    .message = "Number deregistered successfully",
    .data = &number_schema,
    .errors = ERRORS(NO_SUCH_NUMBER),
};

const struct doc numbers_set_pin_doc = {
    .id = "setPin",
    .group = &numbers_group,
    .summary = "Set the PIN",
    .description =
        "Sets the PIN of two-step verification, or another one in place of it. It can be changed, "
        "but not be taken away.",
    .path = FIELDS(NUMBER_ID),
    .body =
        &(const struct schema){
            .name = "Pin",
            .description = "The PIN that the number is to have.",
            .fields = FIELDS(PIN_FIELD),
        },
    .message = "PIN set successfully",
    .data = &named_number_schema,
    .errors = ERRORS(NO_SUCH_NUMBER),
};
