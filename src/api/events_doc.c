/* The events in words: the stream of them, and what is told and delivered to webhooks
 * (number_event.c, account_fact.c, template.c of the model; delivery_run.c of the jobs). */
#include "api/doc.h"
#include "api/handlers.h"

#define SOURCE                                                                                     \
    {                                                                                              \
        .name = "source", .values = VALUES("poll", "webhook", "api"), .example = "webhook",        \
        .description =                                                                             \
            "How it came to be known: `poll` by the periodic sync; `webhook`: Meta told, or "      \
            "was asked because of what it told; `api` by a call."                                  \
    }
#define AT                                                                                         \
    {                                                                                              \
        .name = "at", .type = FIELD_TIME, .example = "2024-01-20T14:30:00Z",                       \
        .description = "When it was noticed."                                                      \
    }
#define CHANGE(what, was, is)                                                                      \
    {.name = "previous",                                                                           \
     .nullable = true,                                                                             \
     .example = was,                                                                               \
     .description = what " before; null when it is not known."},                                   \
    {                                                                                              \
        .name = "current", .nullable = true, .example = is, .description = what " now."            \
    }

/* --- numbers ------------------------------------------------------------------------------ */

#define NUMBER                                                                                     \
    {.name = "id", .type = FIELD_INTEGER, .example = "1", .description = "The number's id here."}, \
        {.name = "phone_number_id",                                                                \
         .example = "106540352242922",                                                             \
         .description = "Meta's id of the number."},                                               \
    {                                                                                              \
        .name = "phone_number", .example = "966500000000",                                         \
        .description = "Its digits, with the country code."                                        \
    }

static const struct schema quality_schema = {
    .name = "NumberQualityUpdated",
    .description = "A number's quality rating is another.",
    .fields = FIELDS(NUMBER, CHANGE("The rating", "GREEN", "RED"), SOURCE, AT),
};

static const struct schema status_schema = {
    .name = "NumberStatusUpdated",
    .description = "A number works again, or no longer; or Meta's own status of it is another.",
    .fields =
        FIELDS(NUMBER, CHANGE("`CONNECTED` or `DISCONNECTED`", "CONNECTED", "DISCONNECTED"),
               {.name = "meta_previous",
                .nullable = true,
                .example = "CONNECTED",
                .description = "Meta's own status before; null when it is not known."},
               {.name = "meta_current",
                .nullable = true,
                .example = "BANNED",
                .description = "Meta's own status now."},
               {.name = "reasons",
                .type = FIELD_LIST,
                .schema = &health_reason_schema,
                .description = "Why it cannot send as it should, as in its health; else empty."},
               SOURCE, AT),
};

static const struct schema name_schema = {
    .name = "NumberNameUpdated",
    .description = "A number's name is another, or Meta has decided about one.",
    .fields = FIELDS(NUMBER, CHANGE("The name", "متجر الهدهد", "متجر الهدهد"),
                     {.name = "name_status",
                      .nullable = true,
                      .example = "APPROVED",
                      .description = "Whether the name is approved."},
                     {.name = "decision",
                      .nullable = true,
                      .example = "REJECTED",
                      .description = "What Meta decided about the name that was asked for."},
                     {.name = "requested_name",
                      .nullable = true,
                      .example = "الهدهد",
                      .description = "The name that was asked for."},
                     {.name = "reason",
                      .nullable = true,
                      .example = "NAME_NOT_CONSISTENT",
                      .description = "Why it was refused."},
                     SOURCE, AT),
};

static const struct schema limit_schema = {
    .name = "NumberLimitUpdated",
    .description = "How many customers a day a number may write to first is another.",
    .fields = FIELDS(NUMBER, CHANGE("The limit", "TIER_2K", "TIER_10K"), SOURCE, AT),
};

/* --- templates ---------------------------------------------------------------------------- */

#define TEMPLATE                                                                                   \
    {.name = "template_id",                                                                        \
     .type = FIELD_INTEGER,                                                                        \
     .example = "7",                                                                               \
     .description = "The template's id here."},                                                    \
        {.name = "meta_id",                                                                        \
         .example = "594425479261596",                                                             \
         .description = "Meta's id of the template."},                                             \
        {.name = "waba_id",                                                                        \
         .example = "102290129340398",                                                             \
         .description = "Meta's id of its account."},                                              \
        {.name = "name", .example = "order_confirmation", .description = "Its name."},             \
    {                                                                                              \
        .name = "language", .example = "ar", .description = "Its language."                        \
    }
#define REASON                                                                                     \
    {                                                                                              \
        .name = "reason", .nullable = true, .description = "Why, in Meta's word; null: none."      \
    }

static const struct schema template_schema = {
    .name = "TemplateUpdated",
    .description = "Something of a template is another: what, the event says.",
    .fields = FIELDS(TEMPLATE, CHANGE("The value", "PENDING", "APPROVED"), REASON, SOURCE, AT),
};

static const struct schema components_schema = {
    .name = "TemplateComponentsUpdated",
    .description = "A template's text is another.",
    .fields = FIELDS(TEMPLATE,
                     {.name = "previous",
                      .type = FIELD_JSON,
                      .example = "null",
                      .description = "What it was made of; null when it is not known."},
                     {.name = "current",
                      .type = FIELD_JSON,
                      .example = "{\"message_template_id\":594425479261596,"
                                 "\"message_template_name\":\"order_confirmation\","
                                 "\"message_template_language\":\"ar\","
                                 "\"message_template_element\":\"مرحبا {{1}}\"}",
                      .description = "What it is made of now, as Meta told it."},
                     REASON, SOURCE, AT),
};

/* --- the rest ----------------------------------------------------------------------------- */

static const struct field account_fields[] = {
    {.name = "waba_id", .example = "102290129340398", .description = "Meta's id of the account."},
    {.name = "name", .example = "Hudhud", .description = "The account's name."},
    {.name = "phone_number",
     .nullable = true,
     .description = "The number that it is about; null: the account as a whole."},
    {.name = "field", .example = "review", .description = "What changed: a name of ours for it."},
    CHANGE("The value", "PENDING", "APPROVED"),
    {.name = "webhook",
     .example = "account_review_update",
     .description = "The field of Meta's webhook that told of it."},
    {.name = "webhook_event",
     .nullable = true,
     .description = "The event in it; null when it names none."},
    {.name = "details",
     .type = FIELD_JSON,
     .example = "{\"decision\":\"APPROVED\"}",
     .description = "All that Meta said, as it said it."},
    SOURCE,
    AT,
    {0},
};
static const struct schema account_schema = {
    .name = "AccountUpdated",
    .description = "Something of an account is another.",
    .fields = account_fields,
};

static const struct field disabled_fields[] = {
    {.name = "webhook_id",
     .type = FIELD_INTEGER,
     .example = "1",
     .description = "The webhook's id."},
    {.name = "url",
     .example = "https://example.com/hudhud",
     .description = "Where its events were delivered."},
    {.name = "reason",
     .values = VALUES("gone", "failing"),
     .example = "failing",
     .description = "`gone`: it answered 410; `failing`: it did nothing but fail for days."},
    {.name = "error",
     .nullable = true,
     .example = "HTTP 500",
     .description = "Why its last delivery failed."},
    {.name = "failing_since",
     .type = FIELD_TIME,
     .nullable = true,
     .example = "2024-01-15T14:30:00Z",
     .description = "Its first failure since its last success."},
    AT,
    {0},
};
static const struct schema disabled_schema = {
    .name = "WebhookDisabled",
    .description = "A webhook was disabled by its own answers; others are told.",
    .fields = disabled_fields,
};

static const struct schema test_schema = {
    .name = "WebhookTest",
    .description = "A test that was asked for; it is sent to that webhook alone.",
    .fields = FIELDS({.name = "message",
                      .example = "Hudhud can reach this webhook. مرحبا",
                      .description = "A sentence, for people."}),
};

const struct event_doc event_docs[] = {
    {"number.quality.updated", &quality_schema},
    {"number.status.updated", &status_schema},
    {"number.name.updated", &name_schema},
    {"number.limit.updated", &limit_schema},
    {"template.status.updated", &template_schema},
    {"template.quality.updated", &template_schema},
    {"template.category.updated", &template_schema},
    {"template.components.updated", &components_schema},
    {"account.updated", &account_schema},
    {"webhook.disabled", &disabled_schema},
    {"webhook.test", &test_schema},
    {0},
};

/* --- the stream --------------------------------------------------------------------------- */

static const struct doc_group events_group = {
    .name = "Events",
    .description =
        "What happens in the workspace, as it happens, without a URL of your own: a stream of the "
        "events that webhooks are told of, in their order. A client that is limited to some "
        "numbers may not see them: they tell of all.",
};

const struct doc events_stream_doc = {
    .id = "streamEvents",
    .group = &events_group,
    .summary = "Listen to what happens",
    .description =
        "An answer that does not end: Server-Sent Events, signed as any GET, once at its start. "
        "Each event has an `id`, its name in `event`, and in `data` what a webhook gets as its "
        "body. It comes within moments of what happened, and each comes once in a stream. A "
        "comment every 15 seconds says that the stream lives.\n\n"
        "It begins with what happens from now on. After it broke, sign a new request and send "
        "the last `id` that you have read as `Last-Event-ID` (or `last_event_id` in the query): it "
        "goes on behind that event, and nothing is missed. The first `id` comes at once, before "
        "any event. `evt_000000000000000000000000` begins with the oldest event on record.\n\n"
        "A client may have " TEXT_OF(EVENT_STREAMS_MAX) " streams open at once at each server; one "
        "more is 429. A stream ends when the server does, when its client takes nothing for 30 "
        "seconds, when it may no longer read, and when the secret that signed is no longer valid.",
    .query = FIELDS({.name = "events",
                     .optional = true,
                     .example = "number.quality.updated,account.updated",
                     .description = "Only these, with commas between. Left out or `*`: all, those "
                                    "of later versions too."},
                    {.name = "last_event_id",
                     .optional = true,
                     .pattern = "^evt_[a-z0-9]{24}$",
                     .example = "evt_7h2k9m4p6q8r1s3t5v7w9x2z",
                     .description = "Go on behind this event; for who cannot send the header."}),
    .stream =
        "retry: 3000\n"
        "id: evt_7h2k9m4p6q8r1s3t5v7w9x2z\n"
        "\n"
        "id: evt_3b8d5f7h9j2l4n6p8r1t3v5x\n"
        "event: number.quality.updated\n"
        "data: {\"event\":\"number.quality.updated\",\"timestamp\":"
        "\"2024-01-20T14:30:00Z\",\"data\":{\"id\":1,\"phone_number_id\":"
        "\"106540352242922\",\"phone_number\":\"966500000000\",\"previous\":\"GREEN\","
        "\"current\":\"RED\",\"source\":\"webhook\",\"at\":\"2024-01-20T14:30:00Z\"}}\n"
        "\n",
    .errors = ERRORS({.err = ERR_CONFLICT,
                      .message = "This event is not on record, or not any more, so nobody knows "
                                 "what came behind it: begin without Last-Event-ID",
                      .when = "the event to go on behind is not on record any more, or never was"}),
};
