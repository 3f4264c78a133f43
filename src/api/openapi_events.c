#include "api/openapi_parts.h"

/* The headers of a delivery. */
static const struct {
    const char *key, *name, *description, *example;
    bool optional;
} event_headers[] = {
    {"EventSignature", "X-Awal-Signature-256",
     "As requests are signed: `POST`, the path and query of the webhook's URL, `X-Timestamp` and "
     "the body, keyed with the webhook's secret.",
     "sha256=f90b85acf2d2a0d679eb8a4d15824a3517e3b15f1354d22c41f35369813151d9", false},
    {"EventPreviousSignature", "X-Awal-Signature-256-Previous",
     "The same, keyed with the previous secret, while that holds too.",
     "sha256=3d3a28eb340079ad838c68984ed0977f001b0f54e5cd6aee42bdbc9561e7170d", true},
    {"EventTime", "X-Timestamp", "Unix seconds of this attempt.", "1704124800", false},
    {"EventDomain", "X-Domain", "The workspace's domain.", "acme", false},
    {"EventId", "webhook-id", "The event's id, the same in every attempt and every replay.",
     "evt_7h2k9m4p6q8r1s3t5v7w9x2z", false},
    {"EventStandardTime", "webhook-timestamp", "Unix seconds of this attempt.", "1704124800",
     false},
    {"EventStandardSignature", "webhook-signature",
     "As Standard Webhooks 1.0 has it: `v1,` and the base64 of the HMAC-SHA256 over `webhook-id`, "
     "`webhook-timestamp` and the body with dots between them, keyed with the bytes of the secret; "
     "behind a blank the previous secret's, while that holds too.",
     "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=", false},
};

void openapi_write_event_headers(struct json_writer *w)
{
    for (size_t i = 0; i < ARRAY_LEN(event_headers); i++) {
        open_object(w, event_headers[i].key);
        json_member_cstr(w, "name", event_headers[i].name);
        json_member_cstr(w, "in", "header");
        json_member_bool(w, "required", !event_headers[i].optional);
        json_member_cstr(w, "description", event_headers[i].description);
        json_key(w, "schema");
        json_raw(w, STR("{\"type\":\"string\"}"));
        json_member_cstr(w, "example", event_headers[i].example);
        json_close(w, '}');
    }
}

static const char event_responses[] =
    "{\"2XX\":{\"description\":\"It is taken. The body is kept on record, and not read.\"},"
    "\"410\":{\"description\":\"Nobody is to have these any more: the webhook is disabled.\"},"
    "\"default\":{\"description\":\"It is sent again later; `Retry-After` is heeded.\"}}";

static void write_envelope_schema(struct json_writer *w, const struct event_doc *e)
{
    json_open(w, '{');
    json_member_cstr(w, "type", "object");
    open_object(w, "properties");
    open_object(w, "event");
    json_member_cstr(w, "type", "string");
    json_member_cstr(w, "const", e->name);
    json_close(w, '}');
    json_key(w, "timestamp");
    json_raw(w, STR("{\"type\":\"string\",\"format\":\"date-time\"}"));
    json_key(w, "data");
    write_ref(w, "schemas", e->data->name);
    json_close(w, '}');
    json_key(w, "required");
    json_raw(w, STR("[\"event\",\"timestamp\",\"data\"]"));
    json_member_bool(w, "additionalProperties", false);
    json_close(w, '}');
}

static void write_event(struct json_writer *w, const struct event_doc *e)
{
    open_object(w, e->name);
    open_object(w, "post");
    json_member_cstr(w, "summary", e->data->description);
    json_key(w, "security");
    json_raw(w, STR("[]"));
    open_list(w, "parameters");
    for (size_t i = 0; i < ARRAY_LEN(event_headers); i++)
        write_ref(w, "parameters", event_headers[i].key);
    json_close(w, ']');
    open_object(w, "requestBody");
    json_member_bool(w, "required", true);
    open_content(w, "application/json");
    json_key(w, "schema");
    write_envelope_schema(w, e);
    json_key(w, "example");
    doc_write_event_example(w, e);
    close_content(w);
    json_close(w, '}');
    json_key(w, "responses");
    json_raw(w, str_from(event_responses));
    json_close(w, '}');
    json_close(w, '}');
}

void openapi_write_events(struct json_writer *w)
{
    open_object(w, "webhooks");
    for (const struct event_doc *e = event_docs; e->name; e++)
        write_event(w, e);
    json_close(w, '}');
}
