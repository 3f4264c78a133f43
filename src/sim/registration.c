/* How a number comes to the Cloud API and leaves it: request_code, verify_code, register,
 * deregister, and the PIN of two-step verification (meta-graph.md §2). What Meta keeps to itself of
 * this, a PIN, a code, how often it was tried, are hidden fields of the number: the control API
 * shows and changes them. */
#include "base/clock.h"
#include "sim/edges.h"

#include <inttypes.h>

#define SENT_CODE         "123456" /* unless the scenario states another */
#define REGISTRATIONS_MAX 10       /* of register and deregister together, in */
#define REGISTRATIONS_S   (72 * 3600)
#define GUESSES_MAX       5   /* wrong PINs in a row, after which */
#define GUESSES_REST_S    600 /* no other is looked at */
#define GUESS_APART_S     1   /* after a wrong one */

/* --- hidden fields ------------------------------------------------------------------------ */

static int64_t now_s(void)
{
    return clock_now_ms() / 1000;
}

static int64_t get_count(const struct sim_node *number, const char *name)
{
    int64_t n = 0;
    struct str value = sim_node_value(number, name);
    return value.ptr && str_to_i64(value, &n) ? n : 0;
}

static void set(struct sim_node *number, const char *name, struct str json)
{
    sim_node_set(number, sim_kind_field(SIM_NUMBER, str_from(name)), json);
}

static void set_count(struct sim_node *number, const char *name, int64_t n)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%" PRId64, n);
    set(number, name, str_make(text, (size_t)len));
}

/* A word, which needs no escapes. */
static void set_word(struct sim_node *number, const char *name, struct str word)
{
    char text[SIM_WORD_MAX + 3];
    int len = snprintf(text, sizeof(text), "\"%.*s\"", (int)MIN(word.len, (size_t)SIM_WORD_MAX),
                       word.ptr);
    set(number, name, str_make(text, (size_t)len));
}

static void clear(struct sim_node *number, const char *name)
{
    set(number, name, (struct str){NULL, 0});
}

/* --- parameters --------------------------------------------------------------------------- */

static bool is_six_digits(struct str s)
{
    return s.len == 6 && str_is_digits(s);
}

/* False: the call has failed. */
static bool take_pin(struct sim_call *call, struct str *ret)
{
    *ret = sim_params_get(&call->params, "pin");
    if (!ret->ptr)
        sim_call_fail(call, SIM_FAIL_PARAMETER, "(#100) The parameter pin is required.");
    else if (!is_six_digits(*ret))
        sim_call_fail(call, SIM_FAIL_PARAMETER, "(#100) Param pin must be 6 digits.");
    else
        return true;
    return false;
}

bool sim_expect_product(struct sim_call *call)
{
    struct str product = sim_params_get(&call->params, "messaging_product");
    if (str_eq(product, STR("whatsapp")))
        return true;
    sim_call_fail(call, SIM_FAIL_PARAMETER,
                  product.ptr ? "(#100) Param messaging_product must be one of {WHATSAPP}"
                              : "(#100) The parameter messaging_product is required.");
    return false;
}

static bool is_verified(const struct sim_node *number)
{
    return str_eq(sim_node_word(number, "code_verification_status"), STR("VERIFIED"));
}

/* --- the code ----------------------------------------------------------------------------- */

void sim_request_code(struct sim_call *call)
{
    struct str method = sim_params_get(&call->params, "code_method");
    struct str language = sim_params_get(&call->params, "language");
    if (!sim_word_in("SMS|VOICE", method))
        sim_call_fail(call, SIM_FAIL_PARAMETER,
                      "(#100) Param code_method must be one of {SMS, VOICE}");
    else if (language.len == 0)
        sim_call_fail(call, SIM_FAIL_PARAMETER, "(#100) The parameter language is required.");
    else if (is_verified(call->node))
        sim_call_fail_details(call, SIM_FAIL_CODE_REQUEST, "Request code error",
                              "This phone number is verified already.");
    else {
        if (sim_node_word(call->node, "verification_code").len == 0)
            set_word(call->node, "verification_code", STR(SENT_CODE));
        sim_call_succeed(call);
    }
}

/* Each code is good once. */
void sim_verify_code(struct sim_call *call)
{
    struct str code = sim_params_get(&call->params, "code");
    struct str sent = sim_node_word(call->node, "verification_code");
    if (code.len == 0) {
        sim_call_fail(call, SIM_FAIL_PARAMETER, "(#100) The parameter code is required.");
    } else if (sent.len == 0) {
        sim_call_fail_details(call, SIM_FAIL_CODE_VERIFY, "Verify code error",
                              "Request a code first.");
    } else if (!str_eq(code, sent)) {
        sim_call_fail_details(call, SIM_FAIL_CODE_VERIFY, "Verify code error",
                              "The code is not the one that was sent.");
    } else {
        clear(call->node, "verification_code");
        set_word(call->node, "code_verification_status", STR("VERIFIED"));
        sim_call_succeed(call);
    }
}

/* --- the PIN ------------------------------------------------------------------------------ */

static void store_pin(struct sim_node *number, struct str pin)
{
    set_word(number, "pin", pin);
    set(number, "is_pin_enabled", STR("true"));
    clear(number, "pin_guesses");
    clear(number, "pin_guessed_at");
}

/* The first PIN is taken, and later ones are held against it. False: the call has failed. */
static bool match_pin(struct sim_call *call, struct str pin)
{
    struct sim_node *number = call->node;
    struct str known = sim_node_word(number, "pin");
    int64_t since = now_s() - get_count(number, "pin_guessed_at");
    int64_t guesses = get_count(number, "pin_guesses");
    if (known.len && guesses >= GUESSES_MAX && since < GUESSES_REST_S) {
        sim_call_fail_details(call, SIM_FAIL_PIN_GUESSES,
                              "Too many two step verification PIN guesses",
                              "Too many wrong PINs were entered. Wait before the next one.");
        return false;
    }
    if (known.len && guesses && since < GUESS_APART_S) {
        sim_call_fail_details(call, SIM_FAIL_PIN_TOO_FAST,
                              "Two step verification PIN guessed too fast",
                              "PINs were entered too quickly. Wait before the next one.");
        return false;
    }
    if (!known.len || str_eq(known, pin)) {
        store_pin(number, pin);
        return true;
    }
    set_count(number, "pin_guesses", guesses >= GUESSES_MAX ? 1 : guesses + 1);
    set_count(number, "pin_guessed_at", now_s());
    sim_call_fail_details(call, SIM_FAIL_PIN, "Two step verification PIN Mismatch",
                          "The PIN is not the one of this number.");
    return false;
}

/* POST /{number}: of all that Meta takes there, the PIN and where webhooks go. */
void sim_number_update(struct sim_call *call)
{
    struct str pin;
    if (sim_params_get(&call->params, "webhook_configuration").len) {
        sim_number_override(call);
        return;
    }
    if (!take_pin(call, &pin))
        return;
    store_pin(call->node, pin);
    sim_call_succeed(call);
}

/* --- registration ------------------------------------------------------------------------- */

/* Every attempt counts, whatever comes of it. False: the call has failed. */
static bool count_registration(struct sim_call *call)
{
    struct sim_node *number = call->node;
    int64_t now = now_s();
    bool is_new = now - get_count(number, "registrations_since") >= REGISTRATIONS_S;
    int64_t n = is_new ? 0 : get_count(number, "registrations");
    if (n >= REGISTRATIONS_MAX) {
        sim_call_fail_details(call, SIM_FAIL_REGISTRATIONS, "Registration rate limit exceeded",
                              "This number was registered or deregistered too often. Try again "
                              "when 72 hours are over.");
        return false;
    }
    if (is_new)
        set_count(number, "registrations_since", now);
    set_count(number, "registrations", n + 1);
    return true;
}

static bool is_region(struct str s)
{
    return s.len == 0 || sim_word_in("AU|ID|IN|JP|SG|KR|DE|CH|GB|BR|BH|ZA|AE|CA", s);
}

void sim_register(struct sim_call *call)
{
    struct str pin;
    if (!sim_expect_product(call) || !take_pin(call, &pin))
        return;
    if (!is_region(sim_params_get(&call->params, "data_localization_region"))) {
        sim_call_fail(call, SIM_FAIL_PARAMETER,
                      "(#100) Param data_localization_region is not a supported region");
        return;
    }
    if (!count_registration(call))
        return;
    if (!is_verified(call->node)) {
        sim_call_fail_details(call, SIM_FAIL_NOT_VERIFIED, "Phone number re-verification needed",
                              "Phone number needs to be verified before registering.");
        return;
    }
    if (!match_pin(call, pin))
        return;
    set_word(call->node, "status", STR("CONNECTED"));
    set_word(call->node, "platform_type", STR("CLOUD_API"));
    sim_call_succeed(call);
}

void sim_deregister(struct sim_call *call)
{
    if (!count_registration(call))
        return;
    if (str_eq(sim_node_word(call->node, "status"), STR("DISCONNECTED"))) {
        sim_call_fail_details(call, SIM_FAIL_NOT_REGISTERED, "Phone number not registered",
                              "Phone number not registered on the WhatsApp Business Platform.");
        return;
    }
    set_word(call->node, "status", STR("DISCONNECTED"));
    sim_call_succeed(call);
}
