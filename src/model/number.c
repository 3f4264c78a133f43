#include "model/number.h"

#define LISTED                                                                                     \
    "n.id, n.phone_number, n.phone_number_id, n.verified_name, n.quality_rating, n.status, "       \
    "n.message_template_count, n.created_at, n.updated_at "
#define WHOLE                                                                                      \
    "n.id, n.phone_number, n.phone_number_id, n.verified_name, n.quality_rating, n.status, "       \
    "n.message_template_count, n.created_at, n.updated_at, n.workspace_id, n.account_id, "         \
    "n.meta_status, n.name_status, n.code_verification_status, n.throughput, n.messaging_limit, "  \
    "n.platform_type, n.can_send_message, n.reasons, n.is_official_business_account, "             \
    "n.previous_quality_rating, n.quality_changed_at, n.unlinked_at, a.confirmed_at, "             \
    "n.status_at, n.limit_at, n.name_at, n.name_decision, n.requested_name, "                      \
    "n.name_rejection "
#define FROM_WHOLE "FROM numbers n JOIN accounts a ON a.id = n.account_id "

struct str number_quality(struct str meta_quality)
{
    static const struct str known[] = {STR_INIT("GREEN"), STR_INIT("YELLOW"), STR_INIT("RED")};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (str_eq(meta_quality, known[i]))
            return known[i];
    return STR("UNKNOWN");
}

struct str number_status(struct str meta_status)
{
    static const struct str flowing[] = {STR_INIT("CONNECTED"), STR_INIT("FLAGGED"),
                                         STR_INIT("RATE_LIMITED")};
    for (size_t i = 0; i < ARRAY_LEN(flowing); i++)
        if (str_eq(meta_status, flowing[i]))
            return STR("CONNECTED");
    return STR("DISCONNECTED");
}

static struct number read_listed(const struct rows *r)
{
    return (struct number){
        .id = row_i64(r, 0),
        .facts.phone_number = row_text(r, 1),
        .facts.phone_number_id = row_text(r, 2),
        .facts.verified_name = row_text(r, 3),
        .facts.quality_rating = row_text(r, 4),
        .status = row_text(r, 5),
        .message_template_count = row_i64(r, 6),
        .created_at = row_i64(r, 7),
        .updated_at = row_i64(r, 8),
    };
}

static struct number read_whole(const struct rows *r)
{
    struct number n = read_listed(r);
    n.workspace_id = row_i64(r, 9);
    n.account_id = row_i64(r, 10);
    n.facts.meta_status = row_text(r, 11);
    n.facts.name_status = row_text(r, 12);
    n.facts.code_verification_status = row_text(r, 13);
    n.facts.throughput = row_text(r, 14);
    n.facts.messaging_limit = row_text(r, 15);
    n.facts.platform_type = row_text(r, 16);
    n.facts.can_send_message = row_text(r, 17);
    n.facts.reasons = row_text(r, 18);
    n.facts.is_official_business_account = row_i64(r, 19) != 0;
    n.previous_quality_rating = row_text(r, 20);
    n.quality_changed_at = row_i64(r, 21);
    n.unlinked_at = row_i64(r, 22);
    n.confirmed_at = row_i64(r, 23);
    n.status_at = row_i64(r, 24);
    n.limit_at = row_i64(r, 25);
    n.name_at = row_i64(r, 26);
    n.name_decision = row_text(r, 27);
    n.requested_name = row_text(r, 28);
    n.name_rejection = row_text(r, 29);
    return n;
}

static enum err each_row(struct rows *rows, bool whole,
                         enum err (*each)(void *arg, const struct number *n), void *arg)
{
    enum err stopped = ERR_OK;
    while (!stopped && rows_next(rows)) {
        struct number n = whole ? read_whole(rows) : read_listed(rows);
        stopped = each(arg, &n);
    }
    enum err e = rows_close(rows);
    return stopped ? stopped : e;
}

enum err number_each(struct tx *tx, int64_t workspace_id, bool whole,
                     enum err (*each)(void *arg, const struct number *n), void *arg)
{
    struct rows rows;
    enum err e = whole
                     ? tx_query(tx,
                                "SELECT " WHOLE FROM_WHOLE
                                "WHERE n.workspace_id = $1 AND n.unlinked_at IS NULL ORDER BY n.id",
                                PARAMS(p_i64(workspace_id)), &rows)
                     : tx_query(tx,
                                "SELECT " LISTED
                                "FROM numbers n "
                                "WHERE n.workspace_id = $1 AND n.unlinked_at IS NULL ORDER BY n.id",
                                PARAMS(p_i64(workspace_id)), &rows);
    return e ? e : each_row(&rows, whole, each, arg);
}

enum err number_each_of_account(struct tx *tx, int64_t account_id,
                                enum err (*each)(void *arg, const struct number *n), void *arg)
{
    struct rows rows;
    enum err e = tx_query(tx,
                          "SELECT " WHOLE FROM_WHOLE
                          "WHERE n.account_id = $1 "
                          "AND n.unlinked_at IS NULL ORDER BY n.phone_number_id",
                          PARAMS(p_i64(account_id)), &rows);
    return e ? e : each_row(&rows, true, each, arg);
}

/* The text columns of a number, so that copying and comparing need no list of their own. */
static const struct {
    const char *name; /* in the database and in the API */
    size_t offset;    /* in struct number_facts */
    bool listed;      /* moves updated_at (developer-api.md §2.1) */
    bool history;     /* has rows of history */
} fields[] = {
    {"phone_number", offsetof(struct number_facts, phone_number), true, true},
    {"verified_name", offsetof(struct number_facts, verified_name), true, true},
    {"quality_rating", offsetof(struct number_facts, quality_rating), true, true},
    {"meta_status", offsetof(struct number_facts, meta_status), false, true},
    {"name_status", offsetof(struct number_facts, name_status), false, true},
    {"code_verification_status", offsetof(struct number_facts, code_verification_status), false,
     true},
    {"throughput", offsetof(struct number_facts, throughput), false, true},
    {"messaging_limit", offsetof(struct number_facts, messaging_limit), false, true},
    {"platform_type", offsetof(struct number_facts, platform_type), false, true},
    {"can_send_message", offsetof(struct number_facts, can_send_message), false, true},
    {"reasons", offsetof(struct number_facts, reasons), false, false},
};

static struct str field_of(const struct number_facts *facts, size_t i)
{
    return *(const struct str *)((const char *)facts + fields[i].offset);
}

enum err number_copy(const struct number *from, struct arena *arena, struct number *ret)
{
    struct number copy = *from, *n = &copy;
    bool full = false;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        struct str *text = (struct str *)((char *)&n->facts + fields[i].offset);
        *text = arena_dup(arena, *text);
        full = full || !text->ptr;
    }
    struct str *others[] = {&n->facts.phone_number_id,   &n->status,
                            &n->previous_quality_rating, &n->name_decision,
                            &n->requested_name,          &n->name_rejection};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        *others[i] = arena_dup(arena, *others[i]);
        full = full || !others[i]->ptr;
    }
    if (full)
        return ERR_NO_MEMORY;
    *ret = copy;
    return ERR_OK;
}

struct keeper {
    struct arena *arena;
    struct number number;
    bool found;
};

static enum err keep_first(void *arg, const struct number *n)
{
    struct keeper *k = arg;
    if (k->found)
        return ERR_OK;
    k->found = true;
    return number_copy(n, k->arena, &k->number);
}

static enum err find(struct tx *tx, const char *sql, const struct param *params, size_t n_params,
                     struct arena *arena, struct number *ret)
{
    struct keeper k = {.arena = arena};
    struct rows rows;
    enum err e = tx_query(tx, sql, params, n_params, &rows);
    if (!e)
        e = each_row(&rows, true, keep_first, &k);
    if (!e && !k.found)
        e = ERR_NOT_FOUND;
    if (!e)
        *ret = k.number;
    return e;
}

enum err number_find(struct tx *tx, int64_t workspace_id, struct str id, struct arena *arena,
                     struct number *ret)
{
    int64_t ours;
    struct param our_id = str_to_i64(id, &ours) ? p_i64(ours) : (struct param){.kind = PARAM_NULL};
    return find(tx,
                "SELECT " WHOLE FROM_WHOLE
                "WHERE n.id = coalesce((SELECT id FROM numbers WHERE phone_number_id = $2 "
                "AND workspace_id = $1 AND unlinked_at IS NULL), $3) "
                "AND n.workspace_id = $1 AND n.unlinked_at IS NULL",
                PARAMS(p_i64(workspace_id), p_text(id), our_id), arena, ret);
}

enum err number_find_phone(struct tx *tx, int64_t account_id, struct str phone_number,
                           struct arena *arena, struct number *ret)
{
    return find(tx,
                "SELECT " WHOLE FROM_WHOLE
                "WHERE n.account_id = $1 AND n.phone_number = $2 AND n.unlinked_at IS NULL",
                PARAMS(p_i64(account_id), p_text(phone_number)), arena, ret);
}

enum err number_find_linked(struct tx *tx, struct str phone_number_id, struct arena *arena,
                            struct number *ret)
{
    return find(tx,
                "SELECT " WHOLE FROM_WHOLE "WHERE n.phone_number_id = $1 AND n.unlinked_at IS NULL",
                PARAMS(p_text(phone_number_id)), arena, ret);
}

enum err number_find_unlinked(struct tx *tx, int64_t workspace_id, struct str phone_number_id,
                              struct arena *arena, struct number *ret)
{
    return find(tx,
                "SELECT " WHOLE FROM_WHOLE
                "WHERE n.phone_number_id = $2 AND n.workspace_id = $1 "
                "AND n.unlinked_at IS NOT NULL ORDER BY n.id DESC LIMIT 1",
                PARAMS(p_i64(workspace_id), p_text(phone_number_id)), arena, ret);
}

enum err number_insert(struct tx *tx, const struct number *n, int64_t *ret_id)
{
    const struct number_facts *f = &n->facts;
    return tx_i64(
        tx,
        "INSERT INTO numbers (workspace_id, account_id, phone_number_id, phone_number, "
        "verified_name, quality_rating, status, meta_status, name_status, "
        "code_verification_status, throughput, messaging_limit, platform_type, can_send_message, "
        "reasons, is_official_business_account, message_template_count, created_at, updated_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, "
        "$18, $18) RETURNING id",
        PARAMS(p_i64(n->workspace_id), p_i64(n->account_id), p_text(f->phone_number_id),
               p_text(f->phone_number), p_text(f->verified_name), p_text(f->quality_rating),
               p_text(n->status), p_text(f->meta_status), p_opt(f->name_status),
               p_opt(f->code_verification_status), p_opt(f->throughput), p_opt(f->messaging_limit),
               p_opt(f->platform_type), p_opt(f->can_send_message), p_text(f->reasons),
               p_i64(f->is_official_business_account), p_i64(n->message_template_count),
               p_i64(n->created_at)),
        ret_id);
}

enum err number_revive(struct tx *tx, int64_t id, int64_t account_id, int64_t now)
{
    return tx_exec(tx,
                   "UPDATE numbers SET unlinked_at = NULL, account_id = $2, created_at = $3, "
                   "updated_at = $3 WHERE id = $1",
                   PARAMS(p_i64(id), p_i64(account_id), p_i64(now)), NULL);
}

enum err number_move(struct tx *tx, int64_t id, int64_t account_id)
{
    return tx_exec(tx, "UPDATE numbers SET account_id = $2 WHERE id = $1",
                   PARAMS(p_i64(id), p_i64(account_id)), NULL);
}

enum err number_unlink(struct tx *tx, int64_t id, int64_t now)
{
    return tx_exec(tx, "UPDATE numbers SET unlinked_at = $2 WHERE id = $1",
                   PARAMS(p_i64(id), p_i64(now)), NULL);
}

/* --- changes ------------------------------------------------------------------------------ */

enum err number_record(struct tx *tx, int64_t number_id, const char *field, struct str from,
                       struct str to, const struct change_cause *cause)
{
    return tx_exec(tx,
                   "INSERT INTO number_changes (number_id, position, field, from_value, to_value, "
                   "source, at) VALUES ($1, (SELECT coalesce(max(position), 0) + 1 "
                   "FROM number_changes WHERE number_id = $1), $2, $3, $4, $5, $6)",
                   PARAMS(p_i64(number_id), p_text(str_from(field)), p_opt(from), p_opt(to),
                          p_text(str_from(cause->source)), p_i64(cause->now)),
                   NULL);
}

static enum err record_count(struct tx *tx, int64_t number_id, int64_t from, int64_t to,
                             const struct change_cause *cause)
{
    char texts[2][24];
    snprintf(texts[0], sizeof(texts[0]), "%lld", (long long)from);
    snprintf(texts[1], sizeof(texts[1]), "%lld", (long long)to);
    return number_record(tx, number_id, "message_template_count", str_from(texts[0]),
                         str_from(texts[1]), cause);
}

static enum err write_row(struct tx *tx, const struct number *n)
{
    const struct number_facts *f = &n->facts;
    return tx_exec(tx,
                   "UPDATE numbers SET phone_number = $2, verified_name = $3, "
                   "quality_rating = $4, status = $5, meta_status = $6, name_status = $7, "
                   "code_verification_status = $8, throughput = $9, messaging_limit = $10, "
                   "platform_type = $11, can_send_message = $12, reasons = $13, "
                   "is_official_business_account = $14, message_template_count = $15, "
                   "previous_quality_rating = $16, quality_changed_at = $17, updated_at = $18, "
                   "status_at = $19, limit_at = $20, name_at = $21, name_decision = $22, "
                   "requested_name = $23, name_rejection = $24 "
                   "WHERE id = $1",
                   PARAMS(p_i64(n->id), p_text(f->phone_number), p_text(f->verified_name),
                          p_text(f->quality_rating), p_text(n->status), p_text(f->meta_status),
                          p_opt(f->name_status), p_opt(f->code_verification_status),
                          p_opt(f->throughput), p_opt(f->messaging_limit), p_opt(f->platform_type),
                          p_opt(f->can_send_message), p_text(f->reasons),
                          p_i64(f->is_official_business_account), p_i64(n->message_template_count),
                          p_opt(n->previous_quality_rating), p_opt_i64(n->quality_changed_at),
                          p_i64(n->updated_at), p_i64(n->status_at), p_i64(n->limit_at),
                          p_i64(n->name_at), p_opt(n->name_decision), p_opt(n->requested_name),
                          p_opt(n->name_rejection)),
                   NULL);
}

/* What of a row differs from what it is brought to. */
struct difference {
    bool any, listed; /* listed: moves updated_at (developer-api.md §2.1) */
    bool times;
};

static enum err record_facts(struct tx *tx, const struct number *old, const struct number *to,
                             const struct change_cause *cause, struct difference *d)
{
    enum err e = ERR_OK;
    for (size_t i = 0; !e && i < ARRAY_LEN(fields); i++) {
        struct str before = field_of(&old->facts, i), after = field_of(&to->facts, i);
        if (str_eq(before, after))
            continue;
        d->any = true;
        d->listed = d->listed || fields[i].listed;
        if (fields[i].history)
            e = number_record(tx, old->id, fields[i].name, before, after, cause);
    }
    return e;
}

static enum err record_others(struct tx *tx, const struct number *old, const struct number *to,
                              const struct change_cause *cause, struct difference *d)
{
    enum err e = ERR_OK;
    if (!str_eq(old->status, to->status)) {
        d->any = d->listed = true;
        e = number_record(tx, old->id, "status", old->status, to->status, cause);
    }
    if (!e && old->message_template_count != to->message_template_count) {
        d->any = d->listed = true;
        e = record_count(tx, old->id, old->message_template_count, to->message_template_count,
                         cause);
    }
    if (!e && !(str_eq(old->name_decision, to->name_decision) &&
                str_eq(old->requested_name, to->requested_name))) {
        d->any = true;
        e = number_record(tx, old->id, "name_decision", old->name_decision, to->name_decision,
                          cause);
    }
    return e;
}

static struct number aged(const struct number *old, const struct number *to,
                          const struct change_cause *cause, const struct difference *d)
{
    const struct number_facts *before = &old->facts, *after = &to->facts;
    struct number n = *to;
    n.updated_at = d->listed ? cause->now : old->updated_at;
    if (!str_eq(before->quality_rating, after->quality_rating)) {
        n.previous_quality_rating = before->quality_rating;
        n.quality_changed_at = cause->now;
    }
    if (!str_eq(before->meta_status, after->meta_status))
        n.status_at = MAX(n.status_at, cause->known_at);
    if (!str_eq(before->messaging_limit, after->messaging_limit))
        n.limit_at = MAX(n.limit_at, cause->known_at);
    if (!str_eq(before->verified_name, after->verified_name))
        n.name_at = MAX(n.name_at, cause->known_at);
    return n;
}

enum err number_update(struct tx *tx, const struct number *old, const struct number *to,
                       const struct change_cause *cause, bool *ret_changed)
{
    struct difference d = {
        .any = old->facts.is_official_business_account != to->facts.is_official_business_account,
        .times = old->status_at != to->status_at || old->limit_at != to->limit_at ||
                 old->name_at != to->name_at,
    };
    enum err e = record_facts(tx, old, to, cause, &d);
    if (!e)
        e = record_others(tx, old, to, cause, &d);
    *ret_changed = d.any;
    if (e || !(d.any || d.times))
        return e;
    const struct number n = aged(old, to, cause, &d);
    e = write_row(tx, &n);
    return !e && d.any ? number_tell(tx, old, &n, cause) : e;
}

enum err number_each_change(struct tx *tx, int64_t number_id, int64_t newest, int64_t limit,
                            enum err (*each)(void *arg, const struct change_entry *c), void *arg)
{
    struct rows rows;
    enum err e = tx_query(tx,
                          "SELECT field, from_value, to_value, source, at FROM number_changes "
                          "WHERE number_id = $1 AND position <= $2 AND position > $3 "
                          "ORDER BY position DESC",
                          PARAMS(p_i64(number_id), p_i64(newest), p_i64(newest - limit)), &rows);
    return e ? e : change_each_row(&rows, each, arg);
}

enum err number_count_changes(struct tx *tx, int64_t number_id, int64_t *ret)
{
    return tx_i64(tx, "SELECT coalesce(max(position), 0) FROM number_changes WHERE number_id = $1",
                  PARAMS(p_i64(number_id)), ret);
}
