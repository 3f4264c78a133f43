#include "model/account_sync.h"
#include "model/account_fact.h"
#include "json/writer.h"

static int compare_facts(const void *a, const void *b)
{
    struct str x = ((const struct number_facts *)a)->phone_number_id;
    struct str y = ((const struct number_facts *)b)->phone_number_id;
    int order = memcmp(x.ptr, y.ptr, MIN(x.len, y.len));
    return order ? order : (x.len > y.len) - (x.len < y.len);
}

void account_facts_sort(struct number_facts *numbers, size_t n)
{
    if (n)
        qsort(numbers, n, sizeof(*numbers), compare_facts);
}

/* One run over an account. */
struct sync {
    struct tx *tx;
    const struct account *account;
    const struct account_facts *facts; /* NULL: Meta refused */
    const struct account_cause *cause;
    struct change_cause change; /* the same, as history has it */
    struct arena *arena;
    struct account_outcome *outcome;
    bool *seen;             /* beside facts->numbers: a row of this account stands for it */
    struct str gone_reason; /* JSON: why numbers without facts are DISCONNECTED */
};

static struct sync sync_make(struct tx *tx, const struct account *a,
                             const struct account_facts *facts, const struct account_cause *cause,
                             struct arena *arena, struct account_outcome *outcome)
{
    return (struct sync){.tx = tx,
                         .account = a,
                         .facts = facts,
                         .cause = cause,
                         .change = {cause->source, cause->now, cause->asked_at},
                         .arena = arena,
                         .outcome = outcome};
}

/* health.reasons of a number that is DISCONNECTED for a reason of ours. */
static struct str reason_json(struct arena *arena, int64_t code, struct str message,
                              const char *solution)
{
    _cleanup_(buf_release)
    struct buf text;
    buf_init(&text, 8 * KIB);
    struct json_writer w;
    json_writer_init(&w, &text);
    json_open(&w, '[');
    json_open(&w, '{');
    json_key(&w, "code");
    if (code)
        json_i64(&w, code);
    else
        json_null(&w);
    json_member_str(&w, "message", message);
    json_member_cstr(&w, "solution", solution);
    json_close(&w, '}');
    json_close(&w, ']');
    return buf_ok(&text) ? arena_dup(arena, buf_str(&text)) : STR("[]");
}

static enum err disconnect(struct sync *s, const struct number *row)
{
    struct number to = *row;
    bool changed;
    to.facts.reasons = s->gone_reason;
    to.status = STR("DISCONNECTED");
    enum err e = number_update(s->tx, row, &to, &s->change, &changed);
    if (!e && changed)
        s->outcome->vanished++;
    return e;
}

static enum err bring_up(struct sync *s, const struct number *row, const struct number_facts *facts)
{
    struct number to = *row;
    bool changed;
    to.facts = *facts;
    to.status = number_status(facts->meta_status);
    to.message_template_count = s->facts->template_count;
    enum err e = number_update(s->tx, row, &to, &s->change, &changed);
    if (!e && changed)
        s->outcome->changed++;
    return e;
}

/* number_update writes while the rows of a query are being read, which no engine likes: the rows
 * are gathered first. */
struct gathered {
    struct arena *arena;
    struct number *rows;
    size_t n, capacity;
};

static enum err gather(void *arg, const struct number *n)
{
    struct gathered *g = arg;
    if (g->n == g->capacity)
        return ERR_INTERNAL;
    struct number *copy = &g->rows[g->n++];
    return number_copy(n, g->arena, copy);
}

static enum err gather_rows(struct sync *s, struct gathered *ret)
{
    int64_t count;
    enum err e = account_count_numbers(s->tx, s->account->id, &count);
    if (e)
        return e;
    *ret = (struct gathered){.arena = s->arena, .capacity = (size_t)count};
    ret->rows = arena_calloc(s->arena, ret->capacity, sizeof(*ret->rows));
    if (!ret->rows)
        return ERR_NO_MEMORY;
    return number_each_of_account(s->tx, s->account->id, gather, ret);
}

static const struct number_facts *facts_of(const struct sync *s, const struct number *row)
{
    if (!s->facts || !s->facts->n_numbers)
        return NULL;
    const struct number_facts *facts = bsearch(&row->facts, s->facts->numbers, s->facts->n_numbers,
                                               sizeof(row->facts), compare_facts);
    if (facts)
        s->seen[facts - s->facts->numbers] = true;
    return facts;
}

static enum err sync_rows(struct sync *s)
{
    struct gathered g;
    enum err e = gather_rows(s, &g);
    for (size_t i = 0; !e && i < g.n; i++) {
        const struct number_facts *facts = facts_of(s, &g.rows[i]);
        e = facts ? bring_up(s, &g.rows[i], facts) : disconnect(s, &g.rows[i]);
    }
    return e;
}

static enum err add(struct sync *s, const struct number_facts *facts)
{
    struct number n = {
        .workspace_id = s->account->workspace_id,
        .account_id = s->account->id,
        .facts = *facts,
        .status = number_status(facts->meta_status),
        .message_template_count = s->facts->template_count,
        .created_at = s->cause->now,
    };
    s->outcome->added++;
    return number_insert(s->tx, &n, &n.id);
}

/* The number was another account's of this workspace. One that is left without any is unlinked: it
 * could be neither seen nor unlinked by hand, for numbers are what a person unlinks. */
static enum err take_over(struct sync *s, const struct number *row,
                          const struct number_facts *facts)
{
    int64_t left;
    enum err e = number_move(s->tx, row->id, s->account->id);
    if (!e) /* or an older answer about that account would take the number back */
        e = account_touch(s->tx, row->account_id);
    if (!e)
        e = account_count_numbers(s->tx, row->account_id, &left);
    if (!e && left == 0)
        e = account_unlink(s->tx, row->account_id, s->cause->now);
    if (!e)
        s->outcome->added++;
    return e ? e : bring_up(s, row, facts);
}

/* A number of Meta's list that no row of this account stands for: new, moved here from another
 * account, unlinked by hand, or another workspace's. */
static enum err place(struct sync *s, const struct number_facts *facts)
{
    struct number row;
    int64_t workspace_id = s->account->workspace_id;
    enum err e = number_find_linked(s->tx, facts->phone_number_id, s->arena, &row);
    if (!e && row.workspace_id != workspace_id) {
        s->outcome->elsewhere++;
        return ERR_OK;
    }
    if (!e)
        return take_over(s, &row, facts);
    if (e != ERR_NOT_FOUND)
        return e;
    e = number_find_unlinked(s->tx, workspace_id, facts->phone_number_id, s->arena, &row);
    if (e == ERR_NOT_FOUND)
        return add(s, facts);
    if (e || !s->cause->linking)
        return e;
    s->outcome->added++;
    e = number_revive(s->tx, row.id, s->account->id, s->cause->now);
    row.updated_at = s->cause->now;
    return e ? e : bring_up(s, &row, facts);
}

/* Whether Meta takes the account's token is what a business has to hear of first. */
static enum err tell_state(struct sync *s, struct str state)
{
    const struct account_fact fact = {STR("state"), state, s->cause->asked_at};
    const struct account_news news = {.webhook = NULL};
    bool changed;
    return account_fact_put(s->tx, s->account, &fact, &news, &s->change, &changed);
}

static enum err sync_account_row(struct sync *s, struct account *target)
{
    const struct account *a = s->account;
    bool numbers_changed = s->outcome->added || s->outcome->changed || s->outcome->vanished;
    if (!str_eq(a->state, target->state)) {
        enum err e = tell_state(s, target->state);
        if (e)
            return e;
    }
    if (!s->cause->linking && !numbers_changed && str_eq(a->name, target->name) &&
        str_eq(a->state, target->state) && str_eq(a->state_reason, target->state_reason) &&
        a->template_count == target->template_count)
        return ERR_OK;
    return account_update(s->tx, target);
}

/* A link, a sync by hand or another replica has written since: this answer may be older than the
 * rows. Times would not tell, as they come from the clocks of different machines. */
static bool is_superseded(const struct account *a, const struct account_cause *cause)
{
    return !cause->linking && a->revision != cause->revision;
}

enum err account_apply_facts(struct tx *tx, const struct account *a,
                             const struct account_facts *facts, const struct account_cause *cause,
                             struct arena *arena, struct account_outcome *ret)
{
    *ret = (struct account_outcome){.superseded = is_superseded(a, cause)};
    if (ret->superseded)
        return ERR_OK;
    struct sync s = sync_make(tx, a, facts, cause, arena, ret);
    s.seen = arena_calloc(arena, facts->n_numbers, sizeof(*s.seen));
    s.gone_reason = reason_json(arena, 0, STR("Meta no longer lists this number for its account."),
                                "Check the number in WhatsApp Manager, or unlink it here.");
    if (!s.seen || !s.gone_reason.ptr)
        return ERR_NO_MEMORY;
    enum err e = sync_rows(&s);
    for (size_t i = 0; !e && i < facts->n_numbers; i++)
        if (!s.seen[i])
            e = place(&s, &facts->numbers[i]);
    if (e)
        return e;
    struct account target = *a;
    target.name = facts->name;
    target.template_count = facts->template_count;
    target.state = STR(ACCOUNT_OK);
    target.state_reason = STR("");
    target.confirmed_at = cause->asked_at;
    return sync_account_row(&s, &target);
}

enum err account_apply_refusal(struct tx *tx, const struct account *a, const char *state,
                               struct str why, const struct account_cause *cause,
                               struct arena *arena, struct account_outcome *ret)
{
    *ret = (struct account_outcome){.superseded = is_superseded(a, cause)};
    if (ret->superseded)
        return ERR_OK;
    struct sync s = sync_make(tx, a, NULL, cause, arena, ret);
    /* Meta's text tells the time of day: the first one stays, or each sync would be a change. */
    if (str_eq(a->state, str_from(state)))
        why = a->state_reason;
    bool token = str_eq(str_from(state), STR(ACCOUNT_TOKEN_REFUSED));
    s.gone_reason = reason_json(arena, token ? 190 : 100, why,
                                "Link the account again with a token that Meta accepts.");
    if (!s.gone_reason.ptr)
        return ERR_NO_MEMORY;
    enum err e = sync_rows(&s);
    if (e)
        return e;
    struct account target = *a;
    target.state = str_from(state);
    target.state_reason = why;
    return sync_account_row(&s, &target);
}
