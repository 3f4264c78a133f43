#include "sim/webhook.h"

static const struct sim_webhook_field fields[] = {
    {"account_alerts", .timed = true},
    {"account_review_update", .timed = true},
    {"account_settings_update", .timed = true, .overridable = true},
    {"account_update", .timed = true},
    {.name = "automatic_events"},
    {"business_capability_update", .timed = true},
    {"calls", .overridable = true},
    {"consumer_profile", .overridable = true},
    {"flows", .timed = true},
    {"group_lifecycle_update", .overridable = true},
    {"group_participants_update", .overridable = true},
    {"group_settings_update", .overridable = true},
    {"group_status_update", .overridable = true},
    {"history", .overridable = true},
    {"message_echoes", .overridable = true},
    {"message_template_components_update", .timed = true},
    {"message_template_quality_update", .timed = true},
    {"message_template_status_update", .timed = true},
    {"messages", .overridable = true},
    {"messaging_handovers", .overridable = true},
    {"partner_solutions", .timed = true},
    {"payment_configuration_update", .timed = true},
    {"phone_number_name_update", .timed = true},
    {"phone_number_quality_update", .timed = true},
    {"security", .timed = true},
    {"smb_app_state_sync", .overridable = true},
    {"smb_message_echoes", .overridable = true},
    {"template_category_update", .timed = true},
    {.name = "user_preferences"},
};

const struct sim_webhook_field *sim_webhook_field(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (str_eq(name, str_from(fields[i].name)))
            return &fields[i];
    return NULL;
}

const struct sim_webhook_field *sim_webhook_field_at(size_t i)
{
    return i < ARRAY_LEN(fields) ? &fields[i] : NULL;
}

/* --- where a change goes ------------------------------------------------------------------ */

static struct json parse(struct str text, struct arena *arena)
{
    struct json v = {NULL};
    struct error ignored;
    error_init(&ignored, arena);
    return text.len && json_parse_loose(text, arena, &v, &ignored) == ERR_OK ? v
                                                                             : (struct json){NULL};
}

/* Of partners Meta tells under the id of the business portfolio. */
static struct str entry_id(const struct sim_change *change, struct json value,
                           const struct sim_account *account, struct arena *arena)
{
    struct str event = json_as_str(json_get(value, "event"), STR(""));
    bool of_partner =
        str_eq(change->field, STR("partner_solutions")) ||
        (str_eq(change->field, STR("account_update")) && str_starts(event, STR("PARTNER_")));
    if (of_partner) {
        struct json owner = parse(sim_node_value(&account->node, "owner_business_info"), arena);
        struct str id = json_as_id(json_get(owner, "id"), arena);
        if (id.len)
            return id;
    }
    return sim_node_id(&account->node);
}

/* The override of the number that the value speaks of; empty when there is none. */
static struct str number_override(struct json value, const struct sim_account *account,
                                  struct arena *arena)
{
    struct str id = json_as_id(json_get(json_get(value, "metadata"), "phone_number_id"), arena);
    const struct sim_node *number = sim_state_find(account->state, id);
    if (!number || number->kind != SIM_NUMBER || number->account != account)
        return STR("");
    struct json configuration = parse(sim_node_value(number, "webhook_configuration"), arena);
    return json_as_str(json_get(configuration, "phone_number"), STR(""));
}

static struct str override_of(const struct sim_change *change, struct json value,
                              const struct sim_account *account, struct arena *arena)
{
    const struct sim_webhook_field *field = sim_webhook_field(change->field);
    if (!field || !field->overridable)
        return STR("");
    struct str url = number_override(value, account, arena);
    return url.len ? url : str_from(account->override_uri);
}

const char sim_why_unsubscribed[] = "no app is subscribed to the account (its subscribed_apps)";

const char *sim_change_route(struct sim_change *change, const struct sim_account *account,
                             struct arena *arena)
{
    const struct sim_webhook *webhook = &account->state->app.webhook;
    struct json value = parse(change->value, arena);
    change->entry_id = entry_id(change, value, account, arena);
    change->url = STR("");
    if (!webhook->url)
        return "the app has no webhook";
    if (webhook->fields && !sim_word_in(webhook->fields, change->field))
        return "the app has not subscribed to the field";
    if (!account->subscribed)
        return sim_why_unsubscribed;
    change->url = override_of(change, value, account, arena);
    if (change->url.len)
        return NULL;
    if (!webhook->verified)
        return "the app's webhook has not answered its challenge yet";
    change->url = str_from(webhook->url);
    return NULL;
}

/* --- how it is written -------------------------------------------------------------------- */

static bool is_timed(const struct sim_change *change)
{
    const struct sim_webhook_field *field = sim_webhook_field(change->field);
    return !field || field->timed;
}

static bool share_an_entry(const struct sim_change *a, const struct sim_change *b)
{
    return str_eq(a->entry_id, b->entry_id) && is_timed(a) == is_timed(b);
}

static void open_entry(const struct sim_change *change, int64_t now_s, struct json_writer *w)
{
    json_open(w, '{');
    json_member_str(w, "id", change->entry_id);
    if (is_timed(change))
        json_member_i64(w, "time", now_s);
    json_key(w, "changes");
    json_open(w, '[');
}

static void close_entry(struct json_writer *w)
{
    json_close(w, ']');
    json_close(w, '}');
}

static void write_changes(const struct sim_change *changes, size_t n, int64_t now_s, struct buf *to)
{
    struct json_writer w;
    json_writer_init(&w, to);
    json_open(&w, '{');
    json_member_cstr(&w, "object", "whatsapp_business_account");
    json_key(&w, "entry");
    json_open(&w, '[');
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || !share_an_entry(&changes[i - 1], &changes[i])) {
            if (i)
                close_entry(&w);
            open_entry(&changes[i], now_s, &w);
        }
        json_open(&w, '{');
        json_key(&w, "value");
        json_raw(&w, changes[i].value);
        json_member_str(&w, "field", changes[i].field);
        json_close(&w, '}');
    }
    if (n)
        close_entry(&w);
    json_close(&w, ']');
    json_close(&w, '}');
}

void sim_payload_write(const struct sim_change *changes, size_t n, int64_t now_s, struct buf *out)
{
    _cleanup_(buf_release)
    struct buf text;
    buf_init(&text, out->max);
    write_changes(changes, n, now_s, &text);
    if (buf_ok(&text))
        sim_payload_escape(buf_str(&text), out);
    else
        out->failed = true;
}

/* One character of well-formed UTF-8; its length. */
static size_t code_point(const unsigned char *s, uint32_t *ret)
{
    size_t len = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    uint32_t c = len == 1 ? s[0] : s[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (s[i] & 0x3f);
    *ret = c;
    return len;
}

void sim_payload_escape(struct str json, struct buf *out)
{
    for (size_t i = 0; i < json.len;) {
        uint32_t c;
        i += code_point((const unsigned char *)json.ptr + i, &c);
        if (c < 0x80)
            buf_add_char(out, (char)c);
        else if (c < 0x10000)
            buf_printf(out, "\\u%04x", c);
        else
            buf_printf(out, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                       0xdc00 + ((c - 0x10000) & 0x3ff));
    }
}
