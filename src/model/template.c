#include "model/template.h"
#include "model/event.h"
#include "json/writer.h"

struct row {
    int64_t id;
    int64_t at[4]; /* of each aspect */
    struct buf value[4];
};

/* What of a template changes, each told by a webhook of its own. */
static const struct aspect {
    const char *name; /* of the column, and in history */
    const char *event;
    size_t offset; /* in struct template_facts */
    const char *update;
} aspects[] = {
    {"status", "template.status.updated", offsetof(struct template_facts, status),
     "UPDATE templates SET status = $2, status_at = $3, reason = $4, updated_at = $5 "
     "WHERE id = $1"},
    {"category", "template.category.updated", offsetof(struct template_facts, category),
     "UPDATE templates SET category = $2, category_at = $3, reason = coalesce($4, reason), "
     "updated_at = $5 WHERE id = $1"},
    {"quality", "template.quality.updated", offsetof(struct template_facts, quality),
     "UPDATE templates SET quality = $2, quality_at = $3, reason = coalesce($4, reason), "
     "updated_at = $5 WHERE id = $1"},
    {"components", "template.components.updated", offsetof(struct template_facts, components),
     "UPDATE templates SET components = $2, components_at = $3, reason = coalesce($4, reason), "
     "updated_at = $5 WHERE id = $1"},
};

static struct str value_of(const struct template_facts *f, const struct aspect *aspect)
{
    return *(const struct str *)((const char *)f + aspect->offset);
}

/* --- the row ------------------------------------------------------------------------------ */

static enum err read_row(struct tx *tx, int64_t account_id, struct str meta_id, struct row *ret)
{
    struct rows rows;
    enum err e = tx_query(tx,
                          "SELECT id, status, category, quality, components, status_at, "
                          "category_at, quality_at, components_at FROM templates "
                          "WHERE account_id = $1 AND meta_id = $2",
                          PARAMS(p_i64(account_id), p_text(meta_id)), &rows);
    if (e)
        return e;
    bool found = rows_next(&rows), fits = true;
    if (found)
        ret->id = row_i64(&rows, 0);
    for (int i = 0; found && i < (int)ARRAY_LEN(aspects); i++) {
        buf_add(&ret->value[i], row_text(&rows, 1 + i));
        ret->at[i] = row_i64(&rows, 5 + i);
        fits = fits && buf_ok(&ret->value[i]);
    }
    e = rows_close(&rows);
    if (!e && !fits)
        e = ERR_NO_MEMORY;
    return e ? e : found ? ERR_OK : ERR_NOT_FOUND;
}

static enum err find_or_insert(struct tx *tx, const struct account *a,
                               const struct template_facts *f, int64_t now, struct row *ret)
{
    enum err e = read_row(tx, a->id, f->meta_id, ret);
    if (e != ERR_NOT_FOUND)
        return e;
    return tx_i64(tx,
                  "INSERT INTO templates (account_id, meta_id, name, language, category, "
                  "status_at, category_at, quality_at, components_at, created_at, updated_at) "
                  "VALUES ($1, $2, $3, $4, $5, 0, 0, 0, 0, $6, $6) RETURNING id",
                  PARAMS(p_i64(a->id), p_text(f->meta_id), p_text(f->name), p_text(f->language),
                         p_opt(f->first_category), p_i64(now)),
                  &ret->id);
}

static enum err record(struct tx *tx, int64_t template_id, const char *field, struct str from,
                       struct str to, const struct change_cause *cause)
{
    return tx_exec(tx,
                   "INSERT INTO template_changes (template_id, position, field, from_value, "
                   "to_value, source, at) VALUES ($1, (SELECT coalesce(max(position), 0) + 1 "
                   "FROM template_changes WHERE template_id = $1), $2, $3, $4, $5, $6)",
                   PARAMS(p_i64(template_id), p_text(str_from(field)), p_opt(from), p_opt(to),
                          p_text(str_from(cause->source)), p_i64(cause->now)),
                   NULL);
}

/* --- the event ---------------------------------------------------------------------------- */

/* Components are JSON themselves. */
static void write_value(struct json_writer *w, const char *key, struct str value, bool is_json)
{
    if (!is_json) {
        json_member_opt(w, key, value);
        return;
    }
    json_key(w, key);
    json_raw(w, value.len ? value : STR("null"));
}

static void write_data(struct json_writer *w, const struct account *a,
                       const struct template_facts *f, const struct aspect *aspect, int64_t id,
                       struct str previous, const struct change_cause *cause)
{
    bool is_json = str_eq(str_from(aspect->name), STR("components"));
    json_open(w, '{');
    json_member_i64(w, "template_id", id);
    json_member_str(w, "meta_id", f->meta_id);
    json_member_str(w, "waba_id", a->waba_id);
    json_member_str(w, "name", f->name);
    json_member_str(w, "language", f->language);
    write_value(w, "previous", previous, is_json);
    write_value(w, "current", value_of(f, aspect), is_json);
    json_member_opt(w, "reason", f->reason);
    json_member_cstr(w, "source", cause->source);
    json_member_time(w, "at", cause->now);
    json_close(w, '}');
}

static enum err tell(struct tx *tx, const struct account *a, const struct template_facts *f,
                     const struct aspect *aspect, int64_t id, struct str previous,
                     const struct change_cause *cause)
{
    char key[64];
    snprintf(key, sizeof(key), "template:%lld", (long long)id);
    _cleanup_(buf_release)
    struct buf data;
    struct json_writer w;
    buf_init(&data, EVENT_MAX);
    json_writer_init(&w, &data);
    write_data(&w, a, f, aspect, id, previous, cause);
    if (!buf_ok(&data))
        return ERR_NO_MEMORY;
    const struct new_event event = {.workspace_id = a->workspace_id,
                                    .name = aspect->event,
                                    .order_key = str_from(key),
                                    .data = buf_str(&data),
                                    .now = cause->now};
    return event_emit(tx, &event);
}

/* --- applying ----------------------------------------------------------------------------- */

static enum err apply_aspect(struct tx *tx, const struct account *a, const struct template_facts *f,
                             size_t i, const struct row *row, const struct change_cause *cause,
                             bool *ret_changed)
{
    const struct aspect *aspect = &aspects[i];
    struct str to = value_of(f, aspect), from = buf_str(&row->value[i]);
    bool same = str_eq(from, to);
    if (!to.len || cause->known_at + WEBHOOK_SECOND_MS < row->at[i] ||
        (same && cause->known_at <= row->at[i]))
        return ERR_OK;
    enum err e = tx_exec(tx, aspect->update,
                         PARAMS(p_i64(row->id), p_text(to), p_i64(cause->known_at),
                                p_opt(f->reason), p_i64(cause->now)),
                         NULL);
    if (e || same)
        return e;
    *ret_changed = true;
    if (!from.len)
        from = f->previous;
    e = record(tx, row->id, aspect->name, from, to, cause);
    return e ? e : tell(tx, a, f, aspect, row->id, from, cause);
}

enum err template_apply(struct tx *tx, const struct account *a, const struct template_facts *f,
                        const struct change_cause *cause, bool *ret_changed)
{
    struct row row = {.id = 0};
    *ret_changed = false;
    for (size_t i = 0; i < ARRAY_LEN(aspects); i++)
        buf_init(&row.value[i], EVENT_MAX);
    enum err e = find_or_insert(tx, a, f, cause->now, &row);
    for (size_t i = 0; !e && i < ARRAY_LEN(aspects); i++)
        e = apply_aspect(tx, a, f, i, &row, cause, ret_changed);
    for (size_t i = 0; i < ARRAY_LEN(aspects); i++)
        buf_release(&row.value[i]);
    return e;
}

enum err template_each_change(struct tx *tx, int64_t template_id, int64_t newest, int64_t limit,
                              enum err (*each)(void *arg, const struct change_entry *c), void *arg)
{
    struct rows rows;
    enum err e = tx_query(tx,
                          "SELECT field, from_value, to_value, source, at FROM template_changes "
                          "WHERE template_id = $1 AND position <= $2 AND position > $3 "
                          "ORDER BY position DESC",
                          PARAMS(p_i64(template_id), p_i64(newest), p_i64(newest - limit)), &rows);
    return e ? e : change_each_row(&rows, each, arg);
}
