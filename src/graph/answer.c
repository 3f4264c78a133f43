#include "graph/answer.h"

#include "base/limits.h"

const char *graph_outcome_name(enum graph_outcome o)
{
    static const char *const names[] = {
        [GRAPH_OK] = "ok",
        [GRAPH_TOKEN_DEAD] = "token_dead",
        [GRAPH_FORBIDDEN] = "forbidden",
        [GRAPH_NOT_FOUND] = "not_found",
        [GRAPH_THROTTLED] = "throttled",
        [GRAPH_TRANSIENT] = "transient",
        [GRAPH_REFUSED] = "refused",
        [GRAPH_UNREACHABLE] = "unreachable",
        [GRAPH_UNUSABLE] = "unusable",
        [GRAPH_CANCELLED] = "cancelled",
    };
    return names[o];
}

/* --- text --------------------------------------------------------------------------------- */

/* Bytes of the character that begins with c, in well-formed UTF-8. */
static size_t char_size(unsigned char c)
{
    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* C0, DEL and C1 (U+0080 to U+009F); marks of writing direction are none of them and stay. */
static bool is_control(struct str c)
{
    const unsigned char *b = (const unsigned char *)c.ptr;
    return c.len == 1 ? b[0] < 0x20 || b[0] == 0x7f : c.len == 2 && b[0] == 0xc2 && b[1] < 0xa0;
}

struct str graph_text(struct str s, const struct secret *token, struct arena *arena)
{
    struct str hidden = token ? secret_reveal(token) : STR("");
    char text[GRAPH_TEXT_MAX];
    size_t len = 0;
    while (s.len) {
        struct str from = str_make(s.ptr, MIN(char_size((unsigned char)s.ptr[0]), s.len));
        struct str to = is_control(from) ? STR(" ") : from;
        if (hidden.len && str_starts(s, hidden)) {
            from = hidden;
            to = STR("(token)");
        }
        if (len + to.len > sizeof(text))
            break;
        memcpy(text + len, to.ptr, to.len);
        len += to.len;
        s = str_skip(s, from.len);
    }
    struct str kept = arena_dup(arena, str_make(text, len));
    return kept.ptr ? kept : STR("");
}

/* --- usage (meta-graph.md §7.4) ----------------------------------------------------------- */

void graph_usage_add(struct graph_usage *worst, struct graph_usage more)
{
    worst->percent = MAX(worst->percent, more.percent);
    worst->regain_minutes = MAX(worst->regain_minutes, more.regain_minutes);
}

/* A count of Meta's as an int: nothing below zero, nothing absurd. */
static int small(struct json v)
{
    int64_t n = json_as_i64(v, 0);
    return (int)MAX(0, MIN(n, 1000000));
}

static void add_usage_object(struct graph_usage *worst, struct json v)
{
    static const char *const percents[] = {"call_count", "total_time", "total_cputime"};
    struct graph_usage usage = {
        .regain_minutes = small(json_get(v, "estimated_time_to_regain_access")),
    };
    for (size_t i = 0; i < ARRAY_LEN(percents); i++)
        usage.percent = MAX(usage.percent, small(json_get(v, percents[i])));
    graph_usage_add(worst, usage);
}

/* Headers that are no JSON, or of another shape, say nothing: they are only a hint. */
static struct graph_usage read_usage(const struct graph_raw *raw, struct arena *arena)
{
    struct graph_usage usage = {0};
    struct error ignored;
    error_init(&ignored, arena);
    struct json app = {NULL}, business = {NULL};
    if (raw->app_usage.len && json_parse_loose(raw->app_usage, arena, &app, &ignored) == ERR_OK)
        add_usage_object(&usage, app);
    if (raw->business_usage.len &&
        json_parse_loose(raw->business_usage, arena, &business, &ignored) == ERR_OK) {
        json_for_each_member (id, entries, business) {
            (void)id; /* whichever object is worst off */
            json_for_each (entry, entries)
                add_usage_object(&usage, entry);
        }
    }
    return usage;
}

/* --- errors (meta-graph.md §7) ------------------------------------------------------------ */

/* Codes and what to do about them; all others are GRAPH_REFUSED, among them 368 and 131031, an
 * account that Meta restricted or locked: nothing that we could ask again changes that. */
static const struct {
    int64_t first, last;
    enum graph_outcome outcome;
} code_table[] = {
    {0, 0, GRAPH_TOKEN_DEAD},          /* AuthException */
    {1, 2, GRAPH_TRANSIENT},           /* API Unknown, API Service */
    {3, 3, GRAPH_FORBIDDEN},           /* API Method: capability or permissions */
    {4, 4, GRAPH_THROTTLED},           /* API Too Many Calls */
    {10, 10, GRAPH_FORBIDDEN},         /* API Permission Denied */
    {17, 17, GRAPH_THROTTLED},         /* a user's limit */
    {32, 32, GRAPH_THROTTLED},         /* a page's limit */
    {33, 33, GRAPH_NOT_FOUND},         /* the business phone number has been deleted */
    {102, 102, GRAPH_TOKEN_DEAD},      /* session key invalid */
    {104, 104, GRAPH_TOKEN_DEAD},      /* an access token is required */
    {190, 190, GRAPH_TOKEN_DEAD},      /* expired, revoked or malformed, whatever its subcode */
    {200, 299, GRAPH_FORBIDDEN},       /* permission not granted or removed */
    {613, 613, GRAPH_THROTTLED},       /* a custom limit */
    {80007, 80008, GRAPH_THROTTLED},   /* limits of the WhatsApp Business Account */
    {130429, 130429, GRAPH_THROTTLED}, /* message throughput */
    {131000, 131000, GRAPH_TRANSIENT}, /* something went wrong */
    {131005, 131005, GRAPH_FORBIDDEN}, /* access denied */
    {131016, 131016, GRAPH_TRANSIENT}, /* service unavailable */
    {131056, 131056, GRAPH_THROTTLED}, /* a pair of numbers' limit */
    {131057, 131057, GRAPH_TRANSIENT}, /* the account is in maintenance */
    {133004, 133004, GRAPH_TRANSIENT}, /* server temporarily unavailable */
};

static enum graph_outcome outcome_of(int64_t code, int64_t subcode, bool is_transient)
{
    for (size_t i = 0; i < ARRAY_LEN(code_table); i++) {
        if (code >= code_table[i].first && code <= code_table[i].last)
            return code_table[i].outcome;
    }
    if (code == 100 && subcode == 33) /* unknown object, or not this token's (§7.2) */
        return GRAPH_NOT_FOUND;
    /* Only now: throttles carry is_transient too, and are more than that. */
    return is_transient ? GRAPH_TRANSIENT : GRAPH_REFUSED;
}

/* A number that may have been written as text. */
static bool read_integer(struct json v, struct arena *arena, int64_t *ret)
{
    struct str text = json_as_id(v, arena);
    if (text.len)
        return str_to_i64(text, ret);
    return json_to_i64(v, ret);
}

static struct str first_text(struct json a, struct json b)
{
    struct str text = json_as_str(a, STR(""));
    return text.len ? text : json_as_str(b, STR(""));
}

/* "(#130429) Rate limit hit: Cloud API message throughput has been reached." */
static struct str join(struct str message, struct str details, struct arena *arena)
{
    if (!details.len || str_eq(message, details))
        return message;
    if (!message.len)
        return details;
    struct str both = arena_printf(arena, "%.*s: %.*s", STR_FMT(message), STR_FMT(details));
    return both.ptr ? both : message;
}

/* "Rate limit hit", of "(#130429) Rate limit hit". */
static struct str without_code(struct str message)
{
    struct str rest = str_skip(message, str_starts(message, STR("(#")) ? 2 : message.len);
    size_t digits = 0;
    while (digits < rest.len && rest.ptr[digits] >= '0' && rest.ptr[digits] <= '9')
        digits++;
    rest = str_skip(rest, digits);
    return digits && str_starts(rest, STR(")")) ? str_trim(str_skip(rest, 1)) : message;
}

/* What a person takes for the error's name; `type` is "OAuthException" of nearly all. */
static struct str title_of(struct json error)
{
    struct str title = json_as_str(json_get(error, "error_user_title"), STR(""));
    if (!title.len)
        title = without_code(json_as_str(json_get(error, "message"), STR("")));
    return title.len ? title : json_as_str(json_get(error, "type"), STR(""));
}

static enum graph_outcome outcome_of_status(int http_status)
{
    if (http_status == 429)
        return GRAPH_THROTTLED;
    return http_status >= 500 && http_status <= 599 ? GRAPH_TRANSIENT : GRAPH_UNUSABLE;
}

/* `error` is Meta's object. Its code decides, not the HTTP status (§7.1); only an error without a
 * code is judged by that. */
static void read_error(struct json error, const struct secret *token, struct arena *arena,
                       struct graph_answer *a)
{
    struct json data = json_get(error, "error_data");
    struct json user_message = json_get(error, "error_user_msg");
    a->title = graph_text(title_of(error), token, arena);
    a->details = graph_text(first_text(json_get(data, "details"), user_message), token, arena);
    a->fbtrace_id = graph_text(json_as_str(json_get(error, "fbtrace_id"), STR("")), token, arena);
    struct str message = graph_text(json_as_str(json_get(error, "message"), STR("")), token, arena);
    a->message = join(message, a->details, arena);
    if (!a->message.len)
        a->message = STR("Meta sent an error without a message");

    bool is_transient = json_as_bool(json_get(error, "is_transient"), false);
    if (!read_integer(json_get(error, "error_subcode"), arena, &a->subcode))
        a->subcode = 0;
    if (read_integer(json_get(error, "code"), arena, &a->code))
        a->outcome = outcome_of(a->code, a->subcode, is_transient);
    else
        a->outcome = is_transient ? GRAPH_TRANSIENT : outcome_of_status(a->http_status);
}

/* --- answers that are neither Meta's object nor Meta's error ------------------------------ */

static struct str printed(struct str text)
{
    return text.ptr ? text : STR("the answer cannot be used, and there is no memory to say why");
}

static void read_foreign(const struct graph_raw *raw, enum err e, const struct error *why,
                         struct arena *arena, struct graph_answer *a)
{
    struct str text = str_trim(raw->body);
    a->outcome = outcome_of_status(raw->http_status);
    if (e == ERR_NO_MEMORY)
        a->message = STR("the answer is too large to be read");
    else if (raw->http_status / 100 != 2)
        a->message = printed(arena_printf(
            arena, "HTTP %d without an error of Meta's: is this the address of the Graph API?",
            raw->http_status));
    else if (!text.len)
        a->message = STR("the answer is empty, a JSON object was expected");
    else if (text.ptr[0] == '<')
        a->message =
            STR("the answer is a web page, a JSON object was expected: is a proxy in "
                "between, or the address of the Graph API wrong?");
    else if (e != ERR_OK)
        a->message = printed(arena_printf(arena, "the answer is not JSON: %.*s",
                                          STR_FMT(graph_text(why->message, NULL, arena))));
    else
        a->message = STR("the answer is JSON but no object");
}

void graph_answer_read(const struct graph_raw *raw, const struct secret *token, struct arena *arena,
                       struct graph_answer *ret)
{
    *ret = (struct graph_answer){.http_status = raw->http_status};
    ret->usage = read_usage(raw, arena);
    struct json body = {NULL};
    struct error why;
    error_init(&why, arena);
    enum err e = json_parse_loose(raw->body, arena, &body, &why);
    struct json error = e == ERR_OK ? json_get(body, "error") : (struct json){NULL};
    if (json_is_object(error)) {
        read_error(error, token, arena, ret);
    } else if (e == ERR_OK && raw->http_status / 100 == 2 && json_is_object(body)) {
        ret->outcome = GRAPH_OK;
        ret->json = body;
    } else {
        read_foreign(raw, e, &why, arena, ret);
    }
}

struct graph_answer graph_answer_make(enum graph_outcome outcome, struct str message)
{
    return (struct graph_answer){.outcome = outcome, .message = message};
}

static struct str copied(struct str s, struct arena *arena)
{
    struct str copy = arena_dup(arena, s);
    return copy.ptr ? copy : STR("");
}

struct graph_answer graph_answer_copy(const struct graph_answer *from, const char *what,
                                      struct arena *arena)
{
    struct graph_answer a = *from;
    a.json = (struct json){NULL};
    a.title = copied(from->title, arena);
    a.details = copied(from->details, arena);
    a.fbtrace_id = copied(from->fbtrace_id, arena);
    a.message = printed(arena_printf(arena, "%s: %.*s", what, STR_FMT(from->message)));
    return a;
}
