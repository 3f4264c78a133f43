#include "sim/send.h"

#include "base/clock.h"
#include "base/log.h"

/* splitmix64: the same seed gives the same order everywhere. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void shuffle(struct sim_change *changes, size_t n, uint64_t seed)
{
    for (size_t i = n; i > 1; i--) {
        size_t other = next_random(&seed) % i;
        struct sim_change swapped = changes[i - 1];
        changes[i - 1] = changes[other];
        changes[other] = swapped;
    }
}

enum err sim_send_body(struct sim *sim, const struct sim_parcel *parcel,
                       const struct sim_sending *how, size_t *ret_n, struct error *error)
{
    for (int64_t i = 0; i < how->copies; i++) {
        enum err e = sim_deliveries_add(sim->deliveries, parcel, error);
        if (e)
            return e;
        ++*ret_n;
    }
    return ERR_OK;
}

/* How many of the changes, all to one address, go into one delivery. */
static size_t batch_of(const struct sim_change *changes, size_t n, const struct sim_sending *how)
{
    size_t bytes = 0, most = MIN(n, (size_t)how->batch);
    for (size_t i = 0; i < most; i++) {
        bytes += 6 * changes[i].value.len + KIB; /* at most, when it is all escaped */
        if (i && (bytes > SIM_WEBHOOK_BODY_MAX || !str_eq(changes[i].url, changes[0].url)))
            return i;
    }
    return most;
}

static enum err send_batch(struct sim *sim, const struct sim_change *changes, size_t n,
                           const struct sim_sending *how, size_t *ret_n, struct error *error)
{
    _cleanup_(buf_release)
    struct buf body;
    buf_init(&body, 6 * SIM_SCENARIO_MAX + MIB);
    sim_payload_write(changes, n, clock_now_ms() / 1000, &body);
    if (!buf_ok(&body))
        return error_set(error, ERR_NO_MEMORY, "there is no memory for the webhook");
    const struct sim_parcel parcel = {
        .url = changes[0].url,
        .body = buf_str(&body),
        .field = changes[0].field,
        .n_changes = n,
        .delay_ms = how->delay_ms,
        .wrong_signature = how->wrong_signature,
    };
    return sim_send_body(sim, &parcel, how, ret_n, error);
}

enum err sim_send_changes(struct sim *sim, struct sim_change *changes, size_t n,
                          const struct sim_sending *how, size_t *ret_n, struct error *error)
{
    *ret_n = 0;
    if (how->shuffle)
        shuffle(changes, n, (uint64_t)how->seed);
    while (n) {
        size_t batch = batch_of(changes, n, how);
        enum err e = send_batch(sim, changes, batch, how, ret_n, error);
        if (e)
            return e;
        changes += batch;
        n -= batch;
    }
    return ERR_OK;
}

/* One line an account: a person who waits for webhooks learns why none come, and who wants none is
 * not told with each change. */
static void note_unsent(struct sim *sim, struct sim_account *account, const char *field,
                        const char *why)
{
    sim_deliveries_skip(sim->deliveries, why);
    if (why != sim_why_unsubscribed || account->told_unsubscribed || sim->quiet)
        return;
    account->told_unsubscribed = true;
    log_event(LOG_INFO, "webhook_not_sent", LOG_STR("account", sim_node_id(&account->node)),
              LOG_CSTR("field", field), LOG_CSTR("why", why),
              LOG_CSTR("mend", "hudhud number link --replace subscribes one"));
}

void sim_tell(struct sim *sim, struct sim_account *account, const char *field, struct str value)
{
    struct arena arena;
    struct error error;
    arena_init(&arena, SIM_SCENARIO_ARENA_MAX);
    error_init(&error, &arena);
    struct sim_change change = {.field = str_from(field), .value = value};
    size_t n;
    const char *why = sim_change_route(&change, account, &arena);
    if (why)
        note_unsent(sim, account, field, why);
    else if (sim_send_changes(sim, &change, 1, &SIM_SENDING_PLAIN, &n, &error) != ERR_OK &&
             !sim->quiet)
        fprintf(stderr, "hudhud sim: %.*s\n", STR_FMT(error.message));
    arena_release(&arena);
}
