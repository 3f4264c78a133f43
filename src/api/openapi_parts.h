/* What the files that write the OpenAPI document share. */
#pragma once

#include "api/doc.h"

static inline void open_object(struct json_writer *w, const char *key)
{
    json_key(w, key);
    json_open(w, '{');
}

static inline void open_list(struct json_writer *w, const char *key)
{
    json_key(w, key);
    json_open(w, '[');
}

static inline void write_ref(struct json_writer *w, const char *kind, const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "#/components/%s/%s", kind, name);
    json_open(w, '{');
    json_member_cstr(w, "$ref", path);
    json_close(w, '}');
}

static inline void open_content(struct json_writer *w, const char *type)
{
    open_object(w, "content");
    open_object(w, type);
}

static inline void close_content(struct json_writer *w)
{
    json_close(w, '}');
    json_close(w, '}');
}

/* openapi_events.c: the events that webhooks get, and the headers of their deliveries. */
void openapi_write_events(struct json_writer *w);
void openapi_write_event_headers(struct json_writer *w);
