#include "sim/journal.h"

#include "base/clock.h"

static bool is_secret(struct str name)
{
    static const char *const secrets[] = {"access_token", "input_token",     "client_secret",
                                          "code",         "appsecret_proof", "pin"};
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
        if (str_eq(name, str_from(secrets[i])))
            return true;
    return false;
}

/* The query without its "?" and without what is nobody's business. Raw bytes that are no UTF-8
 * cannot go into an answer: such a query is not kept at all. */
static char *keep_query(struct str query)
{
    struct buf kept;
    buf_init(&kept, SIM_REQUEST_TEXT_MAX);
    if (query.len && query.ptr[0] == '?')
        query = str_skip(query, 1);
    while (query.len && buf_ok(&kept)) {
        struct str pair = str_split(&query, '&');
        struct str value = pair;
        struct str name = str_split(&value, '=');
        if (kept.len)
            buf_add_char(&kept, '&');
        buf_add(&kept, is_secret(name) ? name : pair);
    }
    char *copy = strndup(str_is_utf8(buf_str(&kept)) ? buf_str(&kept).ptr : "", kept.len);
    buf_release(&kept);
    return copy;
}

static char *keep_path(struct str path)
{
    if (!str_is_utf8(path))
        path = STR("");
    return strndup(path.ptr, MIN(path.len, (size_t)SIM_REQUEST_TEXT_MAX));
}

static void forget(struct sim_journal_entry *entry)
{
    free(entry->path);
    free(entry->query);
    *entry = (struct sim_journal_entry){0};
}

void sim_journal_add(struct sim_journal *journal, const char *method, struct str path,
                     struct str query, int status)
{
    struct sim_journal_entry *entry = &journal->entries[journal->n++ % SIM_REQUESTS_MAX];
    forget(entry);
    entry->method = method;
    entry->path = keep_path(path);
    entry->query = keep_query(query);
    entry->status = status;
    entry->time_ms = clock_now_ms();
}

void sim_journal_clear(struct sim_journal *journal)
{
    for (size_t i = 0; i < SIM_REQUESTS_MAX; i++)
        forget(&journal->entries[i]);
    journal->n = 0;
}

void sim_journal_write(const struct sim_journal *journal, struct json_writer *w)
{
    json_open(w, '{');
    json_member_i64(w, "total", (int64_t)journal->n);
    json_key(w, "data");
    json_open(w, '[');
    uint64_t first = journal->n > SIM_REQUESTS_MAX ? journal->n - SIM_REQUESTS_MAX : 0;
    for (uint64_t i = first; i < journal->n; i++) {
        const struct sim_journal_entry *entry = &journal->entries[i % SIM_REQUESTS_MAX];
        json_open(w, '{');
        json_member_cstr(w, "method", entry->method);
        json_member_cstr(w, "path", entry->path);
        json_member_cstr(w, "query", entry->query);
        json_member_i64(w, "status", entry->status);
        json_member_i64(w, "time_ms", entry->time_ms);
        json_close(w, '}');
    }
    json_close(w, ']');
    json_close(w, '}');
}
