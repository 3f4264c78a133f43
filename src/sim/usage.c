#include "sim/usage.h"

#include "base/clock.h"

#define US_PER_S     1000000
#define S_PER_MINUTE 60

static bool is_over(const struct sim_usage *usage, const struct sim_limits *limits)
{
    return clock_monotonic_us() - usage->begun_us >= limits->window_s * US_PER_S;
}

static void count(struct sim_usage *usage, const struct sim_limits *limits)
{
    if (usage->calls == 0 || is_over(usage, limits))
        *usage = (struct sim_usage){.begun_us = clock_monotonic_us()};
    usage->calls++;
}

/* An account with a registered number may ask far more often. */
static int64_t account_limit(const struct sim_account *account)
{
    const struct sim_limits *limits = &account->state->limits;
    list_for_each (it, &account->numbers)
        if (str_eq(sim_node_word(CONTAINER_OF(it, struct sim_node, link), "status"),
                   STR("CONNECTED")))
            return limits->active_calls;
    return limits->calls;
}

static int64_t percent(int64_t calls, int64_t limit)
{
    return (calls * 100 + limit - 1) / limit;
}

/* Until the window ends, in minutes, as Meta counts it. */
static int64_t minutes_left(const struct sim_usage *usage, const struct sim_limits *limits)
{
    int64_t left_us = usage->begun_us + limits->window_s * US_PER_S - clock_monotonic_us();
    const int64_t minute = (int64_t)S_PER_MINUTE * US_PER_S;
    return MAX((left_us + minute - 1) / minute, 0);
}

static bool is_throttled_by_fault(const struct sim_call *call)
{
    return call->fault && call->fault->kind == SIM_FAULT_THROTTLE;
}

static bool is_account_throttled(const struct sim_call *call)
{
    return is_throttled_by_fault(call) || call->account->usage.calls > account_limit(call->account);
}

bool sim_usage_count(struct sim_call *call)
{
    const struct sim_limits *limits = &call->state->limits;
    count(&call->state->app_usage, limits);
    if (call->account)
        count(&call->account->usage, limits);
    if (call->state->app_usage.calls > limits->app_calls) {
        sim_call_fail(call, SIM_FAIL_APP_CALLS, "(#4) Application request limit reached");
        return false;
    }
    if (is_throttled_by_fault(call) || (call->account && is_account_throttled(call))) {
        sim_call_fail(
            call, SIM_FAIL_ACCOUNT_CALLS,
            "There have been too many calls to this WhatsApp Business account. Wait a bit "
            "and try again. For more info, please refer to "
            "https://developers.facebook.com/docs/graph-api/overview/rate-limiting.");
        return false;
    }
    return true;
}

struct str sim_usage_app_header(const struct sim_call *call)
{
    int64_t used = percent(call->state->app_usage.calls, call->state->limits.app_calls);
    return arena_printf(call->arena,
                        "{\"call_count\":%lld,\"total_time\":%lld,\"total_cputime\":%lld}",
                        (long long)used, (long long)used / 2, (long long)used / 2);
}

struct str sim_usage_account_header(const struct sim_call *call)
{
    if (!call->account)
        return STR("");
    const struct sim_limits *limits = &call->state->limits;
    int64_t used = percent(call->account->usage.calls, account_limit(call->account));
    int64_t regain = is_account_throttled(call) ? minutes_left(&call->account->usage, limits) : 0;
    if (is_throttled_by_fault(call)) {
        used = MAX(used, 101);
        regain = call->fault->minutes;
    }
    return arena_printf(call->arena,
                        "{\"%.*s\":[{\"type\":\"whatsapp_business_management\",\"call_count\":%lld,"
                        "\"total_cputime\":%lld,\"total_time\":%lld,"
                        "\"estimated_time_to_regain_access\":%lld}]}",
                        STR_FMT(sim_node_id(&call->account->node)), (long long)used,
                        (long long)used / 2, (long long)used / 2, (long long)regain);
}
