/* /waba-numbers/{id}/request-code, verify-code, register, deregister, pin: Meta's steps of a
 * number's registration (developer-api.md §2.2). Codes and PINs go to Meta and stay nowhere. */
#include "api/handlers.h"
#include "api/numbers.h"

enum err numbers_begin_task(struct call *call, enum jobs_kind kind)
{
    struct number n;
    enum err e = numbers_find(call, call_param(call, 0), &n);
    if (e)
        return e;
    call->task.kind = kind;
    call->task.account_id = n.account_id;
    call->task.phone_number_id = n.facts.phone_number_id;
    return ERR_OK;
}

/* --- what is sent ------------------------------------------------------------------------- */

static bool is_six_digits(struct str s)
{
    return s.len == 6 && str_is_digits(s);
}

/* Into the task, as a secret. */
static void read_digits(struct call *call, struct body *b, const char *key, const char *otherwise)
{
    struct str digits = body_text(b, key, 1, WORD_MAX, true);
    if (is_six_digits(digits))
        secret_set(&call->task.pin, digits);
    else if (digits.len)
        body_complain(b, key, "%s", otherwise);
}

static enum err read_one_secret(struct call *call, const char *key, const char *otherwise)
{
    struct body b;
    enum err e = body_begin(&b, call->request->body, call->arena, &call->error);
    if (e)
        return e;
    read_digits(call, &b, key, otherwise);
    return body_end(&b);
}

static const char pin_is_wrong[] = "must be six digits";
static const char code_is_wrong[] = "must be the six digits of the code, without a dash";

static bool is_letters(struct str s, size_t min, size_t max)
{
    for (size_t i = 0; i < s.len; i++)
        if ((s.ptr[i] | 0x20) < 'a' || (s.ptr[i] | 0x20) > 'z')
            return false;
    return s.len >= min && s.len <= max;
}

/* "en", "en_US", "zh_HK": whether Meta speaks it is Meta's to say. */
static bool is_language(struct str s)
{
    struct str country = s;
    struct str language = str_split(&country, '_');
    bool has_country = language.len < s.len;
    return is_letters(language, 2, 3) && (!has_country || is_letters(country, 2, 4));
}

static enum err read_request(struct call *call)
{
    struct jobs_task *task = &call->task;
    struct body b;
    enum err e = body_begin(&b, call->request->body, call->arena, &call->error);
    if (e)
        return e;
    task->method = body_text(&b, "method", 1, WORD_MAX, true);
    task->language = body_text(&b, "language", 1, WORD_MAX, true);
    if (task->method.len && !str_eq(task->method, STR("SMS")) &&
        !str_eq(task->method, STR("VOICE")))
        body_complain(&b, "method", "must be SMS or VOICE");
    if (task->language.len && !is_language(task->language))
        body_complain(&b, "language", "must be a language as Meta names it, such as en_US or ar");
    return body_end(&b);
}

/* Where Meta keeps the messages of a number that asks for it: meta-graph.md §2. */
static bool is_region(struct str s)
{
    static const char regions[] = "AU,ID,IN,JP,SG,KR,DE,CH,GB,BR,BH,ZA,AE,CA";
    struct str rest = str_from(regions);
    while (rest.len)
        if (str_eq(str_split(&rest, ','), s))
            return true;
    return false;
}

static enum err read_registration(struct call *call)
{
    struct jobs_task *task = &call->task;
    struct body b;
    enum err e = body_begin(&b, call->request->body, call->arena, &call->error);
    if (e)
        return e;
    read_digits(call, &b, "pin", pin_is_wrong);
    task->region = body_text(&b, "data_localization_region", 1, WORD_MAX, false);
    if (task->region.len && !is_region(task->region))
        body_complain(&b, "data_localization_region",
                      "must be one of AU, ID, IN, JP, SG, KR, DE, CH, GB, BR, BH, ZA, AE, CA");
    return body_end(&b);
}

/* --- the steps ---------------------------------------------------------------------------- */

enum err numbers_request_code(struct call *call)
{
    enum err e = read_request(call);
    return e ? e : numbers_begin_task(call, JOBS_REQUEST_CODE);
}

enum err numbers_verify_code(struct call *call)
{
    enum err e = read_one_secret(call, "code", code_is_wrong);
    return e ? e : numbers_begin_task(call, JOBS_VERIFY_CODE);
}

enum err numbers_register(struct call *call)
{
    enum err e = read_registration(call);
    return e ? e : numbers_begin_task(call, JOBS_REGISTER);
}

enum err numbers_deregister(struct call *call)
{
    enum err e = call_expect_no_fields(call);
    return e ? e : numbers_begin_task(call, JOBS_DEREGISTER);
}

enum err numbers_set_pin(struct call *call)
{
    enum err e = read_one_secret(call, "pin", pin_is_wrong);
    return e ? e : numbers_begin_task(call, JOBS_SET_PIN);
}

/* --- answers ------------------------------------------------------------------------------ */

/* The number, whose state the step has changed: as the sync behind it left it. */
static enum err answer_number(struct call *call, const char *message)
{
    struct number n;
    enum err e = numbers_find(call, call_param(call, 0), &n);
    if (e)
        return e;
    call_begin_message(call, message);
    numbers_write(call, &n, true);
    call_end(call);
    return ERR_OK;
}

/* The step changed nothing that we show. */
static enum err answer_name(struct call *call, const char *message)
{
    struct number n;
    enum err e = numbers_find(call, call_param(call, 0), &n);
    if (e)
        return e;
    call_begin_message(call, message);
    json_open(&call->out, '{');
    json_member_i64(&call->out, "id", n.id);
    json_member_str(&call->out, "phone_number", n.facts.phone_number);
    json_member_str(&call->out, "phone_number_id", n.facts.phone_number_id);
    json_close(&call->out, '}');
    call_end(call);
    return ERR_OK;
}

enum err numbers_code_requested(struct call *call)
{
    return answer_name(call, "Code requested successfully");
}

enum err numbers_code_verified(struct call *call)
{
    return answer_number(call, "Number verified successfully");
}

enum err numbers_registered(struct call *call)
{
    return answer_number(call, "Number registered successfully");
}

enum err numbers_deregistered(struct call *call)
{
    return answer_number(call, "Number deregistered successfully");
}

enum err numbers_pin_set(struct call *call)
{
    return answer_name(call, "PIN set successfully");
}
