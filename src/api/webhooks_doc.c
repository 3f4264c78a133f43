/* /webhooks in words: what webhooks.c and deliveries.c take and answer. */
#include "api/doc.h"
#include "api/handlers.h"
#include "model/event.h"

/* --- webhooks ----------------------------------------------------------------------------- */

/* Each event, and all of them. */
static const char *const wanted[] = {"*", EVENT_NAMES, NULL};

#define URL_EXAMPLE   "https://example.com/hudhud"
#define EVENT_EXAMPLE "number.quality.updated"

static const struct field webhook_fields[] = {
    {.name = "id", .type = FIELD_INTEGER, .example = "1", .description = "The webhook's id."},
    {.name = "url", .example = URL_EXAMPLE, .description = "Where events are delivered."},
    {.name = "events",
     .type = FIELD_TEXTS,
     .values = wanted,
     .example = EVENT_EXAMPLE,
     .description = "Which events; `*` alone: all, those of later versions too."},
    {.name = "enabled",
     .type = FIELD_BOOLEAN,
     .example = "true",
     .description = "False: what happens is not kept for it."},
    {.name = "disabled_at",
     .type = FIELD_TIME,
     .nullable = true,
     .description = "When it was disabled; null when it is enabled."},
    {.name = "disabled_reason",
     .nullable = true,
     .values = VALUES("by_hand", "gone", "failing"),
     .description = "`by_hand` a call, `gone` it answered 410, `failing` it did nothing but fail "
                    "for days; null when it is enabled."},
    {.name = "failing_since",
     .type = FIELD_TIME,
     .nullable = true,
     .description = "Its first failure since its last success; null when the last delivery was a "
                    "success."},
    {.name = "previous_secret_valid_until",
     .type = FIELD_TIME,
     .nullable = true,
     .description = "Until then deliveries are signed with the previous secret too; null when "
                    "there is one secret only."},
    {.name = "created_at",
     .type = FIELD_TIME,
     .example = "2024-01-10T10:00:00Z",
     .description = "When it was made."},
    {.name = "updated_at",
     .type = FIELD_TIME,
     .example = "2024-01-20T14:30:00Z",
     .description = "When it was last changed."},
    {0},
};
static const struct schema webhook_schema = {
    .name = "Webhook",
    .description = "A URL of your own to which events are delivered.",
    .fields = webhook_fields,
};

static const struct schema secret_schema = {
    .name = "WebhookWithSecret",
    .description = "A webhook, with the secret that its deliveries are signed with.",
    .base = &webhook_schema,
    .fields =
        FIELDS({.name = "secret",
                .pattern = "^(whsec_[A-Za-z0-9+/]{43}=|[*]+)$",
                .example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw8Jc1fYx7Ras=",
                .description = "Keep it: it is shown this once. Where an answer is given again "
                               "under its `Idempotency-Key`, it is asterisks."}),
};

static const struct field deleted_fields[] = {
    {.name = "id", .type = FIELD_INTEGER, .example = "1", .description = "The webhook's id."},
    {.name = "url", .example = URL_EXAMPLE, .description = "Where events were delivered."},
    {0},
};
static const struct schema deleted_schema = {
    .name = "DeletedWebhook",
    .description = "A webhook that was deleted.",
    .fields = deleted_fields,
};

#define WEBHOOK_URL                                                                                \
    .name = "url", .min = 1, .max = WEBHOOK_URL_MAX, .example = URL_EXAMPLE,                       \
    .description =                                                                                 \
        "An `https` address, or an `http` one where the server's settings allow it. It "           \
        "must answer the verification."
#define WEBHOOK_EVENTS                                                                             \
    .name = "events", .type = FIELD_TEXTS, .values = wanted, .example = EVENT_EXAMPLE,             \
    .description = "Which events it is to have; `*`: all, those of later versions too."

static const struct field new_fields[] = {
    {WEBHOOK_URL},
    {WEBHOOK_EVENTS},
    {.name = "enabled",
     .type = FIELD_BOOLEAN,
     .optional = true,
     .nullable = true,
     .fallback = "true",
     .example = "true",
     .description = "False: it is made, and is to have nothing yet."},
    {0},
};
static const struct schema new_schema = {
    .name = "NewWebhook",
    .description = "Where events are to be delivered, and which.",
    .fields = new_fields,
};

static const struct field change_fields[] = {
    {WEBHOOK_URL, .optional = true},
    {WEBHOOK_EVENTS, .optional = true},
    {.name = "enabled",
     .type = FIELD_BOOLEAN,
     .optional = true,
     .nullable = true,
     .example = "true",
     .description = "True also lets a webhook go on that was disabled because it failed."},
    {0},
};
static const struct schema change_schema = {
    .name = "WebhookChange",
    .description = "What is to be another; the rest stays. At least one of them must be sent.",
    .fields = change_fields,
};

static const struct schema rotation_schema = {
    .name = "SecretRotation",
    .description = "How long two secrets hold.",
    .fields = FIELDS({.name = "overlap_seconds",
                      .type = FIELD_INTEGER,
                      .optional = true,
                      .nullable = true,
                      .max = ROTATE_OVERLAP_MAX_S,
                      .fallback = TEXT_OF(WEBHOOK_OVERLAP_S),
                      .example = TEXT_OF(WEBHOOK_OVERLAP_S),
                      .description = "For so long deliveries are signed with both. 0: the old one "
                                     "ends at once."}),
};

/* --- deliveries --------------------------------------------------------------------------- */

#define STATES VALUES("waiting", "behind", "done", "dead", "dropped")

static const struct field delivery_fields[] = {
    {.name = "id", .type = FIELD_INTEGER, .example = "811", .description = "The delivery's id."},
    {.name = "event_id",
     .example = "evt_7h2k9m4p6q8r1s3t5v7w9x2z",
     .description = "The event's id: the `webhook-id` of every attempt, and of every replay."},
    {.name = "event", .example = EVENT_EXAMPLE, .description = "What happened."},
    {.name = "state",
     .values = STATES,
     .example = "done",
     .description = "`waiting` for its next attempt; `behind` an earlier one about the same thing; "
                    "`done`; `dead`: the last attempt failed; `dropped`: taken back."},
    {.name = "attempts",
     .type = FIELD_INTEGER,
     .example = "1",
     .description = "How often it was tried."},
    {.name = "next_attempt_at",
     .type = FIELD_TIME,
     .nullable = true,
     .description = "When it is tried next; null when it has ended."},
    {.name = "error",
     .nullable = true,
     .description = "Why the last attempt failed; null when it did not."},
    {.name = "created_at",
     .type = FIELD_TIME,
     .example = "2024-01-20T14:30:00Z",
     .description = "When it was made."},
    {.name = "ended_at",
     .type = FIELD_TIME,
     .nullable = true,
     .example = "2024-01-20T14:30:01Z",
     .description = "When it ended; null while it is open."},
    {0},
};
static const struct schema delivery_schema = {
    .name = "Delivery",
    .description = "An event that a webhook is to have.",
    .fields = delivery_fields,
};

static const struct field attempt_fields[] = {
    {.name = "attempt", .type = FIELD_INTEGER, .example = "1", .description = "1, 2, and so on."},
    {.name = "at",
     .type = FIELD_TIME,
     .example = "2024-01-20T14:30:00Z",
     .description = "When it began."},
    {.name = "duration_ms",
     .type = FIELD_INTEGER,
     .example = "84",
     .description = "How long the answer took."},
    {.name = "status",
     .type = FIELD_INTEGER,
     .nullable = true,
     .example = "200",
     .description = "The HTTP status; null when no answer came."},
    {.name = "error", .nullable = true, .description = "Why it failed; null when it did not."},
    {.name = "answer",
     .nullable = true,
     .example = "ok",
     .description = "The first bytes of the answer; null when they are no text."},
    {.name = "answer_base64",
     .optional = true,
     .nullable = true,
     .pattern = "^[A-Za-z0-9+/]+={0,2}$",
     .description = "The same bytes as base64, where `answer` is null because they are no text."},
    {0},
};
static const struct schema attempt_schema = {
    .name = "DeliveryAttempt",
    .description = "One request to a webhook.",
    .fields = attempt_fields,
};

static const struct field details_fields[] = {
    {.name = "request",
     .type = FIELD_JSON,
     .example = "{\"event\":\"number.quality.updated\",\"timestamp\":\"2024-01-20T14:30:00Z\","
                "\"data\":{\"id\":1,\"phone_number_id\":\"106540352242922\",\"phone_number\":"
                "\"966500000000\",\"previous\":\"GREEN\",\"current\":\"RED\",\"source\":"
                "\"webhook\",\"at\":\"2024-01-20T14:30:00Z\"}}",
     .description = "The body of each attempt."},
    {.name = "tries",
     .type = FIELD_LIST,
     .schema = &attempt_schema,
     .description = "Every attempt, the first one first."},
    {0},
};
static const struct schema details_schema = {
    .name = "DeliveryDetails",
    .description = "A delivery, with what is sent and every attempt.",
    .base = &delivery_schema,
    .fields = details_fields,
};

static const struct field range_fields[] = {
    {.name = "from",
     .type = FIELD_TIME,
     .example = "2024-01-20T00:00:00Z",
     .description = "Deliveries that were made from then on."},
    {.name = "to",
     .type = FIELD_TIME,
     .optional = true,
     .nullable = true,
     .example = "2024-01-21T00:00:00Z",
     .description = "And before then; now, when it is left out."},
    {0},
};
static const struct schema range_schema = {
    .name = "ReplayRange",
    .description = "Which deliveries are to be made again.",
    .fields = range_fields,
};

static const struct schema replayed_schema = {
    .name = "ReplayedRange",
    .description = "What is delivered again.",
    .fields = FIELDS({.name = "deliveries",
                      .type = FIELD_INTEGER,
                      .example = "12",
                      .description = "How many events: each once, however often it was delivered "
                                     "before."}),
};

/* --- endpoints ---------------------------------------------------------------------------- */

static const struct doc_group webhooks_group = {
    .name = "Webhooks",
    .description =
        "URLs of your own to which the workspace's events are delivered. A client that is limited "
        "to some numbers may not see them: they tell of all.\n\n"
        "A delivery is a POST of `{\"event\": \"...\", \"timestamp\": \"...\", \"data\": {...}}`, "
        "and any 2xx within 15 seconds is a success. Else it is tried again after 5 s, 1 min, "
        "5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h, where the server has no other "
        "settings; `Retry-After` is heeded, 410 disables the webhook, and so do five days of "
        "failures alone. Redirects are not followed. An event may come more than once, with the "
        "same `webhook-id`; events about the same thing come in their order.\n\n"
        "Each is signed twice with the webhook's secret: in `X-Awal-Signature-256` as you sign "
        "requests, with `POST`, the path and query of your URL, `X-Timestamp` and the body; and "
        "in `webhook-signature` as Standard Webhooks has it, over `webhook-id`, "
        "`webhook-timestamp` and the body. While two secrets hold, the previous one's are in "
        "`X-Awal-Signature-256-Previous` and, behind a blank, in `webhook-signature`.",
};

#define WEBHOOK_ID                                                                                 \
    {                                                                                              \
        .name = "id", .type = FIELD_INTEGER, .example = "1", .description = "The webhook's id."    \
    }
#define DELIVERY_ID                                                                                \
    {                                                                                              \
        .name = "delivery", .type = FIELD_INTEGER, .example = "811",                               \
        .description = "The delivery's id."                                                        \
    }
#define WEBHOOK_DISABLED                                                                           \
    {                                                                                              \
        .err = ERR_CONFLICT, .message = "The webhook is disabled: enable it first",                \
        .when = "the webhook is disabled"                                                          \
    }
#define NO_SUCH_WEBHOOK                                                                            \
    {                                                                                              \
        .err = ERR_NOT_FOUND, .message = "Webhook not found",                                      \
        .when = "the workspace has no such webhook"                                                \
    }
#define NO_SUCH_DELIVERY                                                                           \
    {                                                                                              \
        .err = ERR_NOT_FOUND, .message = "Delivery not found",                                     \
        .when = "the workspace has no such webhook, or that one no such delivery"                  \
    }

const struct doc webhooks_list_doc = {
    .id = "listWebhooks",
    .group = &webhooks_group,
    .summary = "List the webhooks",
    .description = "All webhooks of the workspace, by `id`; an empty list when there are none.",
    .shape = DOC_LIST,
    .data = &webhook_schema,
};

const struct doc webhooks_create_doc = {
    .id = "createWebhook",
    .group = &webhooks_group,
    .summary = "Make a webhook",
    .description =
        "First the URL is asked whether it wants to hear from this server: it gets a POST of "
        "`{\"type\": \"verification\", \"challenge\": \"...\"}`, and must answer 200 with "
        "`{\"challenge\": \"...\"}`, the same text, within ten seconds. Else nothing is made, and "
        "`details.url` says what it did instead.\n\n"
        "The answer holds the secret, this once.",
    .body = &new_schema,
    .status = 201,
    .message = "Webhook created successfully; its secret is shown this once",
    .data = &secret_schema,
    .errors = ERRORS({.err = ERR_CONFLICT,
                      .message = "There are " TEXT_OF(WEBHOOKS_MAX) " webhooks, and there may be "
                                                                    "no more",
                      .when = "the workspace has as many webhooks as it may have"}),
};

const struct doc webhooks_get_doc = {
    .id = "getWebhook",
    .group = &webhooks_group,
    .summary = "Get a webhook",
    .path = FIELDS(WEBHOOK_ID),
    .data = &webhook_schema,
    .errors = ERRORS(NO_SUCH_WEBHOOK),
};

const struct doc webhooks_update_doc = {
    .id = "updateWebhook",
    .group = &webhooks_group,
    .summary = "Change a webhook",
    .description = "Another URL is verified first, as that of a new webhook is. The secret stays.",
    .path = FIELDS(WEBHOOK_ID),
    .body = &change_schema,
    .message = "Webhook updated successfully",
    .data = &webhook_schema,
    .errors = ERRORS(NO_SUCH_WEBHOOK),
};

const struct doc webhooks_delete_doc = {
    .id = "deleteWebhook",
    .group = &webhooks_group,
    .summary = "Delete a webhook",
    .description = "Deliveries to it that are still open are dropped.",
    .path = FIELDS(WEBHOOK_ID),
    .message = "Webhook deleted successfully",
    .data = &deleted_schema,
    .errors = ERRORS(NO_SUCH_WEBHOOK),
};

const struct doc webhooks_rotate_doc = {
    .id = "rotateWebhookSecret",
    .group = &webhooks_group,
    .summary = "Rotate the secret",
    .description =
        "Makes a new secret, shown this once. For a while, a day if nothing else is said, "
        "deliveries are signed with the previous one too, so that receivers can be given the new "
        "one in turn.",
    .path = FIELDS(WEBHOOK_ID),
    .body = &rotation_schema,
    .body_optional = true,
    .message = "Secret rotated successfully; it is shown this once",
    .data = &secret_schema,
    .errors = ERRORS(NO_SUCH_WEBHOOK),
};

const struct doc webhooks_test_doc = {
    .id = "testWebhook",
    .group = &webhooks_group,
    .summary = "Deliver a test event",
    .description =
        "Sends the event `webhook.test`, whatever events the webhook is to have. What "
        "becomes of it stands in its deliveries.",
    .path = FIELDS(WEBHOOK_ID),
    .status = 201,
    .message = "A test event is on its way",
    .data = &delivery_schema,
    .errors = ERRORS(WEBHOOK_DISABLED, NO_SUCH_WEBHOOK),
};

const struct doc webhooks_replay_doc = {
    .id = "replayDeliveries",
    .group = &webhooks_group,
    .summary = "Deliver all of a time again",
    .description =
        "Every event that was to be delivered to the webhook in that time is delivered "
        "once more, with its own `webhook-id`: after a receiver lost what it had.",
    .path = FIELDS(WEBHOOK_ID),
    .body = &range_schema,
    .message = "The events of that time are delivered again, under their own ids",
    .data = &replayed_schema,
    .errors = ERRORS({.err = ERR_CONFLICT,
                      .message = "There were more than " TEXT_OF(
                          JOBS_REPLAY_MAX) " deliveries in that time: choose a shorter one",
                      .when = "there were too many for one call, or the webhook is disabled"},
                     NO_SUCH_WEBHOOK),
};

const struct doc deliveries_list_doc = {
    .id = "listDeliveries",
    .group = &webhooks_group,
    .summary = "List the deliveries",
    .description = "Newest first. They stay on record for a while after they ended.",
    .path = FIELDS(WEBHOOK_ID),
    .query = FIELDS({.name = "state",
                     .optional = true,
                     .values = STATES,
                     .example = "dead",
                     .description = "Only those in this state."}),
    .shape = DOC_OLDER,
    .data = &delivery_schema,
    .errors = ERRORS(NO_SUCH_WEBHOOK),
};

const struct doc deliveries_get_doc = {
    .id = "getDelivery",
    .group = &webhooks_group,
    .summary = "Get a delivery",
    .description = "One delivery, with its body and every attempt.",
    .path = FIELDS(WEBHOOK_ID, DELIVERY_ID),
    .data = &details_schema,
    .errors = ERRORS(NO_SUCH_DELIVERY),
};

const struct doc deliveries_replay_doc = {
    .id = "replayDelivery",
    .group = &webhooks_group,
    .summary = "Deliver an event again",
    .description =
        "A new delivery of the same event, with the same `webhook-id`, whatever became "
        "of this one.",
    .path = FIELDS(WEBHOOK_ID, DELIVERY_ID),
    .status = 201,
    .message = "The event is delivered again, under its own id",
    .data = &delivery_schema,
    .errors = ERRORS(WEBHOOK_DISABLED, NO_SUCH_DELIVERY),
};
