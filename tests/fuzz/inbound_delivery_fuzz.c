/* Bodies of Meta's webhooks, applied to a real store in which an account with two numbers is linked
 * and a webhook wants every event. Each is taken twice and applied once more; then all is undone.
 * No body is an error: what cannot be applied is kept, with its reasons. */
#include "inbound/inbound.h"
#include "model/account.h"
#include "model/event.h"
#include "model/webhook.h"
#include "model/workspace.h"

#include <unistd.h>

#define NOW INT64_C(1767225600000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/hudhud-fuzz-XXXXXX";
static char path[sizeof(folder) + 16];
static struct store *store;

/* --- the store ---------------------------------------------------------------------------- */

static void close_all(void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    store_close(store);
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        char name[sizeof(path) + 16];
        snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        unlink(name);
    }
    rmdir(folder);
}

static enum err add_number(struct tx *tx, const char *id, const char *phone)
{
    struct number n = {.workspace_id = 1, .account_id = 1, .status = STR("CONNECTED")};
    int64_t row;
    n.facts.phone_number_id = str_from(id);
    n.facts.phone_number = str_from(phone);
    n.facts.verified_name = STR("Palm Books");
    n.facts.quality_rating = STR("GREEN");
    n.facts.meta_status = STR("CONNECTED");
    n.facts.reasons = STR("[]");
    return number_insert(tx, &n, &row);
}

static enum err make_rows(struct store_write *w, struct tx *tx)
{
    const struct webhook all = {
        .workspace_id = 1, .url = STR("https://a.example/"), .events = STR("*"), .created_at = 1};
    int64_t id;
    enum err e = workspace_insert(tx, STR("acme"), STR("Acme"), 1, &id);
    if (!e)
        e = account_insert(tx, 1, STR("900"), STR("Palm"), STR("sealed"), 1, &id);
    if (!e)
        e = add_number(tx, "11", "966500001000");
    if (!e)
        e = add_number(tx, "12", "966500001001");
    return e ? e : webhook_insert(tx, &all, &id);
}

static void open_once(void)
{
    struct arena arena;
    struct error error;
    struct store_write make = {.apply = make_rows};
    if (store)
        return;
    arena_init(&arena, MIB);
    error_init(&error, &arena);
    if (!mkdtemp(folder))
        die("cannot make a folder");
    snprintf(path, sizeof(path), "%s/hudhud.db", folder);
    if (store_open(&(struct store_options){.path = path, .create = true}, &store, &error) ||
        store_write_now(store, &make))
        die("cannot make a store");
    arena_release(&arena);
    atexit(close_all);
}

/* --- one delivery ------------------------------------------------------------------------- */

static enum err check_event(void *arg, const struct event *e)
{
    struct error error;
    struct json json;
    struct arena arena;
    arena_init(&arena, 64 * MIB);
    error_init(&error, &arena);
    if (!event_is_known(e->name) || !str_is_utf8(e->body) ||
        json_parse_loose(e->body, &arena, &json, &error) != ERR_OK)
        die("an event that nobody can read");
    arena_release(&arena);
    return ERR_OK;
}

/* Is all of it applied? */
static bool check_outcome(struct tx *tx, const struct inbound_outcome *o, struct str body)
{
    struct error error;
    struct json reasons;
    struct inbound row;
    struct arena arena;
    arena_init(&arena, 64 * MIB);
    error_init(&error, &arena);
    if (o->unapplied > o->changes || o->changed > o->changes || o->changed < 0)
        die("more came of it than it holds");
    if (inbound_find(tx, o->id, &arena, &row) || !str_eq(row.body, body))
        die("it is not kept byte for byte");
    /* of a body that is not looked into, one thing is told */
    if (json_parse(row.reasons, &arena, &reasons, &error) || !json_is_array(reasons) ||
        json_len(reasons) > INBOUND_REASONS_MAX || (o->unapplied && !json_len(reasons)))
        die("its reasons cannot be read");
    bool applied = json_len(reasons) == 0;
    if (str_eq(row.state, STR(INBOUND_APPLIED)) != applied || row.changes != o->changes ||
        row.unapplied != o->unapplied)
        die("its row says something else");
    if (event_each_after(tx, 1, 0, 100, check_event, NULL))
        die("its events cannot be read");
    arena_release(&arena);
    return applied;
}

struct taking {
    struct store_write write;
    struct inbound_delivery delivery;
};

static enum err take(struct store_write *w, struct tx *tx)
{
    const struct inbound_delivery *d = &CONTAINER_OF(w, struct taking, write)->delivery;
    struct inbound_outcome first, again, more;
    if (inbound_take(tx, d, &first))
        die("a body is an error");
    bool applied = check_outcome(tx, &first, d->body);
    if (inbound_take(tx, d, &again) || again.id != first.id || again.known != applied)
        die("the same body again is not known");
    if (inbound_reapply(tx, first.id, NOW + 1000, &more) || more.changes != first.changes ||
        more.unapplied != first.unapplied)
        die("applied once more, something else comes of it");
    check_outcome(tx, &more, d->body);
    return ERR_CONFLICT; /* all is undone */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct taking t = {
        .write.apply = take,
        .delivery = {.body = str_make((const char *)data, size), .received_at = NOW, .now = NOW},
    };
    struct arena arena;
    arena_init(&arena, INBOUND_ARENA_MAX);
    inbound_read(&t.delivery, &arena); /* before open_once: OpenSSL's own end is then the last */
    open_once();
    if (store_write_now(store, &t.write) != ERR_CONFLICT)
        die("the store failed");
    arena_release(&arena);
    return 0;
}
