#include "inbound/inbound.h"
#include "base/clock.h"
#include "inbound/apply.h"
#include "json/writer.h"

void inbound_read(struct inbound_delivery *d, struct arena *arena)
{
    struct sha256 hash;
    struct error error;
    sha256_begin(&hash);
    sha256_add(&hash, d->body);
    sha256_end(&hash, d->digest);
    error_init(&error, arena);
    d->unreadable = NULL;
    if (json_parse_loose(d->body, arena, &d->json, &error) != ERR_OK)
        d->unreadable = "it is no JSON that can be read";
    else if (!json_is_object(d->json) || !json_is_array(json_get(d->json, "entry")))
        d->unreadable = "it has no list of entries";
    else if (!str_eq(json_as_str(json_get(d->json, "object"), STR("whatsapp_business_account")),
                     STR("whatsapp_business_account")))
        d->unreadable = "its object is no whatsapp_business_account";
    if (d->unreadable)
        d->json = (struct json){NULL};
}

/* --- fields ------------------------------------------------------------------------------- */

static const struct rule {
    const char *field;
    apply_fn *apply; /* NULL: known, and kept until a version applies it */
} rules[] = {
    {"phone_number_quality_update", apply_number_quality},
    {"phone_number_name_update", apply_number_name},
    {"security", apply_security},
    {"business_capability_update", apply_capability},
    {"account_update", apply_account_update},
    {"account_review_update", apply_account_review},
    {"account_alerts", apply_account_alert},
    {"message_template_status_update", apply_template_status},
    {"message_template_quality_update", apply_template_quality},
    {"message_template_components_update", apply_template_components},
    {"template_category_update", apply_template_category},
    {"messages", NULL},
};

static const struct rule *find_rule(struct str field)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (str_eq(field, str_from(rules[i].field)))
            return &rules[i];
    return NULL;
}

/* --- what the families of fields share ------------------------------------------------------ */

enum err apply_not(struct applying *a, const char *reason)
{
    a->reason = reason;
    return ERR_OK;
}

enum err apply_hint(struct applying *a)
{
    if (a->hinted == a->account.id)
        return ERR_OK;
    a->hinted = a->account.id;
    return account_hint(a->tx, a->account.id);
}

/* As it came; beyond a size that nothing of Meta's has, left out. */
static struct str details_of(struct applying *a, struct json details)
{
    struct str text = json_text(details, a->arena);
    return text.ptr && text.len <= META_DETAILS_MAX ? text : STR("");
}

enum err apply_fact(struct applying *a, struct str field, struct str value, struct str event,
                    struct str phone, struct json details)
{
    const struct account_fact fact = {field, value, a->cause.known_at};
    const struct account_news news = {.webhook = arena_cstr(a->arena, a->field),
                                      .event = event,
                                      .phone_number = phone,
                                      .value = details_of(a, details)};
    bool changed;
    if (!field.ptr || !value.ptr || !news.webhook)
        return ERR_NO_MEMORY;
    enum err e = account_fact_put(a->tx, &a->account, &fact, &news, &a->cause, &changed);
    a->changed = a->changed || (!e && changed);
    return e;
}

struct str apply_time(struct applying *a)
{
    char text[CLOCK_ISO_LEN];
    clock_format_iso(a->cause.known_at, text);
    return arena_dup(a->arena, str_make(text, sizeof(text)));
}

struct str apply_text(struct applying *a, struct json object, const char *key)
{
    struct json v = json_get(object, key);
    int64_t number;
    if (json_to_i64(v, &number)) {
        struct str text = arena_printf(a->arena, "%lld", (long long)number);
        return text.ptr ? text : STR("");
    }
    return str_cut(json_as_str(v, STR("")), META_TEXT_MAX);
}

struct str apply_phone(struct applying *a, struct json value)
{
    struct str shown = apply_text(a, value, "display_phone_number");
    char *digits = arena_alloc(a->arena, shown.len + 1);
    size_t n = 0;
    for (size_t i = 0; digits && i < shown.len; i++)
        if (shown.ptr[i] >= '0' && shown.ptr[i] <= '9')
            digits[n++] = shown.ptr[i];
    return digits ? str_make(digits, n) : STR("");
}

/* --- one delivery ------------------------------------------------------------------------- */

struct taking {
    struct applying a;
    int64_t workspace_id; /* 0: any */
    int64_t received_at;
    struct inbound_outcome outcome;
    int64_t n_reasons;
    struct buf reasons_text;
    struct json_writer reasons;
};

/* Why a change is not applied, or, without one, the whole delivery. */
static void note_reason(struct taking *t, bool of_change, struct str field, const char *reason)
{
    if (t->n_reasons++ >= INBOUND_REASONS_MAX)
        return;
    json_open(&t->reasons, '{');
    json_key(&t->reasons, "change");
    if (of_change)
        json_i64(&t->reasons, t->outcome.changes - 1);
    else
        json_null(&t->reasons);
    json_member_opt(&t->reasons, "field", str_cut(field, INBOUND_FIELD_MAX));
    json_member_cstr(&t->reasons, "reason", reason);
    json_close(&t->reasons, '}');
}

static enum err find_account(struct taking *t, struct str waba_id, struct arena *arena,
                             bool *ret_known)
{
    enum err e =
        waba_id.len ? account_find_brief(t->a.tx, waba_id, arena, &t->a.account) : ERR_NOT_FOUND;
    *ret_known = !e && (!t->workspace_id || t->a.account.workspace_id == t->workspace_id);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* Of partners Meta tells under the id of the business portfolio, and only the value names the
 * account (meta-graph.md §6.2). */
static enum err find_account_of_value(struct taking *t, struct json value, bool *ret_known)
{
    struct json waba_id = json_get(json_get(value, "waba_info"), "waba_id");
    return find_account(t, json_as_id(waba_id, t->a.arena), t->a.arena, ret_known);
}

/* `known_account`: the entry's, which a->account is; else the value's own is looked for. */
static enum err apply_change(struct taking *t, struct json change, bool known_account)
{
    struct applying *a = &t->a;
    struct json value = json_get(change, "value");
    a->field = json_as_str(json_get(change, "field"), STR(""));
    a->reason = NULL;
    a->changed = false;
    const struct rule *rule = find_rule(a->field);
    enum err e = ERR_OK;
    t->outcome.changes++;
    if (rule && rule->apply && !known_account)
        e = find_account_of_value(t, value, &known_account);
    if (e)
        return e;
    if (!rule)
        a->reason = "this version does not know the field";
    else if (!rule->apply)
        a->reason = "this version does not apply the field yet";
    else if (!known_account)
        a->reason = t->workspace_id ? "the workspace has no such account linked"
                                    : "no workspace has linked the account";
    else
        e = rule->apply(a, value);
    t->outcome.unapplied += a->reason != NULL;
    if (a->reason)
        note_reason(t, true, a->field, a->reason);
    t->outcome.changed += a->changed;
    return e;
}

/* Meta's clock, in seconds; nothing that is yet to come is known. */
static int64_t time_of(struct json entry, int64_t received_at, int64_t now)
{
    int64_t seconds = json_as_i64(json_get(entry, "time"), 0);
    return seconds > 0 && seconds < now / 1000 ? seconds * 1000 : received_at;
}

/* In-flight questions to Meta may be older than what was applied: they are to be asked again. */
static enum err end_account(struct taking *t)
{
    bool changed = t->a.numbers_changed;
    t->a.numbers_changed = false;
    return changed ? account_touch(t->a.tx, t->a.account.id) : ERR_OK;
}

/* All changes are of the entry's account; or, where that is none of ours, each of its own. */
static enum err apply_entry(struct taking *t, struct json entry, struct arena *arena)
{
    bool known;
    enum err e = find_account(t, json_as_id(json_get(entry, "id"), arena), arena, &known);
    t->a.cause.known_at = time_of(entry, t->received_at, t->a.cause.now);
    t->a.numbers_changed = false;
    json_for_each (change, json_get(entry, "changes")) {
        if (e)
            break;
        arena_clear(t->a.arena);
        e = apply_change(t, change, known);
        if (!e && !known)
            e = end_account(t);
    }
    return e || !known ? e : end_account(t);
}

static int64_t count_changes(struct json delivery)
{
    int64_t n = 0;
    json_for_each (entry, json_get(delivery, "entry"))
        n += (int64_t)json_len(json_get(entry, "changes"));
    return n;
}

static enum err apply_entries(struct taking *t, struct json delivery)
{
    struct arena of_entry, of_change;
    enum err e = ERR_OK;
    arena_init(&of_entry, INBOUND_ARENA_MAX);
    arena_init(&of_change, INBOUND_ARENA_MAX);
    t->a.arena = &of_change;
    json_for_each (entry, json_get(delivery, "entry")) {
        if (e)
            break;
        arena_clear(&of_entry);
        e = apply_entry(t, entry, &of_entry);
    }
    t->a.arena = NULL;
    arena_release(&of_change);
    arena_release(&of_entry);
    return e;
}

static enum err apply_delivery(struct taking *t, const struct inbound_delivery *d)
{
    if (d->unreadable) {
        note_reason(t, false, STR(""), d->unreadable);
        return ERR_OK;
    }
    int64_t n = count_changes(d->json);
    if (n <= INBOUND_CHANGES_MAX)
        return apply_entries(t, d->json);
    t->outcome.changes = n;
    note_reason(t, false, STR(""), "it holds more than " TEXT_OF(INBOUND_CHANGES_MAX) " changes");
    t->outcome.unapplied = n;
    return ERR_OK;
}

static void taking_init(struct taking *t, struct tx *tx, const struct inbound_delivery *d)
{
    *t = (struct taking){.a.tx = tx,
                         .a.cause = {.source = SOURCE_WEBHOOK, .now = d->now},
                         .workspace_id = d->workspace_id,
                         .received_at = d->received_at};
    buf_init(&t->reasons_text, INBOUND_REASONS_MAX * INBOUND_REASON_MAX);
    json_writer_init(&t->reasons, &t->reasons_text);
    json_open(&t->reasons, '[');
}

static struct str state_of(const struct taking *t)
{
    return t->outcome.kept ? STR(INBOUND_KEPT) : STR(INBOUND_APPLIED);
}

static enum err insert(struct tx *tx, const struct inbound_delivery *d, struct taking *t)
{
    const struct inbound row = {
        .workspace_id = d->workspace_id,
        .app_row_id = d->app_row_id,
        .digest = str_make((const char *)d->digest, sizeof(d->digest)),
        .body = d->body,
        .state = state_of(t),
        .changes = t->outcome.changes,
        .unapplied = t->outcome.unapplied,
        .reasons = buf_str(&t->reasons_text),
        .received_at = d->received_at,
    };
    return inbound_insert(tx, &row, &t->outcome.id);
}

static enum err write_down(struct tx *tx, const struct inbound_delivery *d, struct taking *t)
{
    json_close(&t->reasons, ']');
    t->outcome.kept = t->n_reasons > 0;
    if (!buf_ok(&t->reasons_text))
        return ERR_NO_MEMORY;
    if (!t->outcome.id)
        return insert(tx, d, t);
    return inbound_set_outcome(tx, t->outcome.id, state_of(t), t->outcome.changes,
                               t->outcome.unapplied, buf_str(&t->reasons_text));
}

/* `id` is that of its row; 0: it has none yet. */
static enum err take(struct tx *tx, const struct inbound_delivery *d, int64_t id, const char *why,
                     struct inbound_outcome *ret)
{
    struct taking t;
    enum err e = ERR_OK;
    taking_init(&t, tx, d);
    t.outcome.id = id;
    if (why)
        note_reason(&t, false, STR(""), why);
    else
        e = apply_delivery(&t, d);
    if (!e)
        e = write_down(tx, d, &t);
    buf_release(&t.reasons_text);
    *ret = t.outcome;
    return e;
}

static enum err arrive(struct tx *tx, const struct inbound_delivery *d, struct inbound_known *ret)
{
    struct str digest = str_make((const char *)d->digest, sizeof(d->digest));
    return inbound_arrive(tx, digest, d->now, ret);
}

/* What came before and could not be applied is tried once more, as of then: it may be, meanwhile.
 */
enum err inbound_take(struct tx *tx, const struct inbound_delivery *d, struct inbound_outcome *ret)
{
    struct inbound_known before;
    enum err e = arrive(tx, d, &before);
    if (e)
        return e;
    struct inbound_delivery as_of = *d;
    if (before.id)
        as_of.received_at = before.received_at;
    if (!before.applied)
        return take(tx, &as_of, before.id, NULL, ret);
    *ret = (struct inbound_outcome){.id = before.id, .known = true};
    return ERR_OK;
}

enum err inbound_keep(struct tx *tx, const struct inbound_delivery *d, const char *why,
                      struct inbound_outcome *ret)
{
    struct inbound_known before;
    enum err e = arrive(tx, d, &before);
    if (e || !before.id)
        return e ? e : take(tx, d, 0, why, ret);
    *ret = (struct inbound_outcome){.id = before.id, .known = true, .kept = !before.applied};
    return ERR_OK;
}

enum err inbound_reapply(struct tx *tx, int64_t id, int64_t now, struct inbound_outcome *ret)
{
    struct arena arena;
    struct inbound row;
    arena_init(&arena, INBOUND_ARENA_MAX);
    enum err e = inbound_find(tx, id, &arena, &row);
    if (!e) {
        struct inbound_delivery d = {
            .body = row.body,
            .workspace_id = row.workspace_id,
            .received_at = row.received_at,
            .now = now,
        };
        inbound_read(&d, &arena);
        e = take(tx, &d, id, NULL, ret);
    }
    arena_release(&arena);
    return e;
}
