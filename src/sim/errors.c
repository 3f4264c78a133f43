/* Meta's errors: meta-graph.md §7.1, §7.2. */
#include "base/random.h"
#include "sim/call.h"

static const struct {
    int status;
    const char *type;
    int code, subcode;
    const char *reason; /* in www-authenticate */
    bool transient;
} failures[] = {
    [SIM_FAIL_BAD_TOKEN] = {401, "OAuthException", 190, 0, "invalid_token", false},
    [SIM_FAIL_EXPIRED_TOKEN] = {401, "OAuthException", 190, 463, "invalid_token", false},
    [SIM_FAIL_NO_TOKEN] = {401, "OAuthException", 104, 0, "invalid_request", false},
    [SIM_FAIL_PERMISSION] = {403, "OAuthException", 200, 0, "insufficient_scope", false},
    [SIM_FAIL_OBJECT] = {400, "GraphMethodException", 100, 33, "invalid_request", false},
    [SIM_FAIL_PATH] = {400, "OAuthException", 2500, 0, "invalid_request", false},
    [SIM_FAIL_PARAMETER] = {400, "OAuthException", 100, 0, "invalid_request", false},
    [SIM_FAIL_PROOF] = {400, "GraphMethodException", 100, 0, "invalid_request", false},
    [SIM_FAIL_CODE_USED] = {400, "OAuthException", 100, 36009, "invalid_code", false},
    [SIM_FAIL_CODE_UNKNOWN] = {400, "OAuthException", 100, 36007, "invalid_code", false},
    [SIM_FAIL_ACCOUNT_CALLS] = {400, "OAuthException", 80008, 0, "invalid_request", false},
    [SIM_FAIL_APP_CALLS] = {403, "OAuthException", 4, 0, "invalid_request", true},
    [SIM_FAIL_TRANSIENT] = {503, "OAuthException", 2, 0, "invalid_request", true},
    [SIM_FAIL_PIN] = {400, "OAuthException", 133005, 0, "invalid_request", false},
    [SIM_FAIL_NOT_VERIFIED] = {400, "OAuthException", 133006, 0, "invalid_request", false},
    [SIM_FAIL_PIN_GUESSES] = {400, "OAuthException", 133008, 0, "invalid_request", false},
    [SIM_FAIL_PIN_TOO_FAST] = {400, "OAuthException", 133009, 0, "invalid_request", false},
    [SIM_FAIL_NOT_REGISTERED] = {400, "OAuthException", 133010, 0, "invalid_request", false},
    [SIM_FAIL_REGISTRATIONS] = {400, "OAuthException", 133016, 0, "invalid_request", false},
    [SIM_FAIL_CODE_REQUEST] = {400, "OAuthException", 136024, 0, "invalid_request", false},
    /* Not in Meta's tables of codes: as those who called verify_code have seen it. */
    [SIM_FAIL_CODE_VERIFY] = {400, "OAuthException", 136025, 0, "invalid_request", false},
    [SIM_FAIL_APP_TOKEN] = {400, "OAuthException", 15, 0, "invalid_request", false},
    [SIM_FAIL_CALLBACK] = {400, "OAuthException", 2200, 0, "invalid_request", false},
};

static void write_error(struct sim_call *call, enum sim_failure failure)
{
    char trace[24];
    random_name(trace, sizeof(trace));
    struct json_writer *w = &call->json;
    json_open(w, '{');
    json_key(w, "error");
    json_open(w, '{');
    json_member_str(w, "message", call->message);
    json_member_cstr(w, "type", failures[failure].type);
    if (failures[failure].transient)
        json_member_bool(w, "is_transient", true);
    json_member_i64(w, "code", failures[failure].code);
    if (failures[failure].subcode)
        json_member_i64(w, "error_subcode", failures[failure].subcode);
    if (call->details) {
        json_key(w, "error_data");
        json_open(w, '{');
        json_member_cstr(w, "messaging_product", "whatsapp");
        json_member_cstr(w, "details", call->details);
        json_close(w, '}');
    }
    json_member_str(w, "fbtrace_id", str_make(trace, sizeof(trace)));
    json_close(w, '}');
    json_close(w, '}');
}

void sim_call_fail(struct sim_call *call, enum sim_failure failure, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    call->message = arena_vprintf(call->arena, fmt, args);
    va_end(args);
    if (!call->message.ptr)
        call->message = STR("");
    call->status = failures[failure].status;
    call->www_authenticate = failures[failure].reason;
    buf_clear(&call->body);
    json_writer_init(&call->json, &call->body);
    write_error(call, failure);
}

void sim_call_fail_details(struct sim_call *call, enum sim_failure failure, const char *title,
                           const char *details)
{
    call->details = details;
    sim_call_fail(call, failure, "(#%d) %s", failures[failure].code, title);
}

/* "Unsupported get request." */
static const char *const method_words[HTTP_METHOD_COUNT] = {
    [HTTP_GET] = "get",         [HTTP_HEAD] = "get",    [HTTP_POST] = "post",
    [HTTP_PUT] = "put",         [HTTP_PATCH] = "patch", [HTTP_DELETE] = "delete",
    [HTTP_OPTIONS] = "options",
};

void sim_call_fail_object(struct sim_call *call)
{
    sim_call_fail(call, SIM_FAIL_OBJECT,
                  "Unsupported %s request. Object with ID '%.*s' does not exist, cannot be loaded "
                  "due to missing permissions, or does not support this operation. Please read the "
                  "Graph API documentation at https://developers.facebook.com/docs/graph-api",
                  method_words[call->request->method], STR_FMT(call->object));
}

void sim_call_succeed(struct sim_call *call)
{
    json_open(&call->json, '{');
    json_member_bool(&call->json, "success", true);
    json_close(&call->json, '}');
}
