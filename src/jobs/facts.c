#include "jobs/runner.h"
#include "json/writer.h"

/* "+966 50 123 4567" -> "966501234567" (developer-api.md §2.1). */
static struct str digits_of(struct str display, struct arena *arena)
{
    char *digits = arena_alloc(arena, display.len);
    if (!digits)
        return (struct str){NULL, 0};
    size_t n = 0;
    for (size_t i = 0; i < display.len; i++)
        if (display.ptr[i] >= '0' && display.ptr[i] <= '9')
            digits[n++] = display.ptr[i];
    return str_make(digits, n);
}

static void write_reason(struct json_writer *w, const struct graph_reason *r)
{
    json_open(w, '{');
    json_key(w, "code");
    if (r->code)
        json_i64(w, r->code);
    else
        json_null(w);
    json_member_opt(w, "message", r->message);
    json_member_opt(w, "solution", r->solution);
    json_close(w, '}');
}

static struct str reasons_json(const struct graph_reason *first, struct arena *arena)
{
    if (!first)
        return STR("[]");
    _cleanup_(buf_release)
    struct buf text;
    buf_init(&text, NUMBER_REASONS_MAX);
    struct json_writer w;
    json_writer_init(&w, &text);
    json_open(&w, '[');
    for (const struct graph_reason *r = first; r; r = r->next)
        write_reason(&w, r);
    json_close(&w, ']');
    return buf_ok(&text) ? arena_dup(arena, buf_str(&text)) : STR("[]");
}

static bool read_number(const struct graph_number *n, struct arena *arena, struct number_facts *ret)
{
    *ret = (struct number_facts){
        .phone_number_id = n->id,
        .phone_number = digits_of(n->display_phone_number, arena),
        .verified_name = n->verified_name,
        .quality_rating = number_quality(n->quality_rating),
        .meta_status = n->status.len ? n->status : STR("UNKNOWN"),
        .name_status = n->name_status,
        .code_verification_status = n->code_verification_status,
        .throughput = n->throughput,
        .messaging_limit = n->messaging_limit,
        .platform_type = n->platform_type,
        .can_send_message = n->can_send_message,
        .reasons = reasons_json(n->reasons, arena),
        .is_official_business_account = n->is_official_business_account,
    };
    return ret->phone_number.ptr && ret->reasons.ptr;
}

bool job_read_facts(const struct graph_account *account, struct arena *arena,
                    struct account_facts *ret)
{
    struct number_facts *numbers = arena_calloc(arena, account->n_numbers, sizeof(*numbers));
    if (!numbers)
        return false;
    size_t n = 0;
    for (const struct graph_number *from = account->numbers; from; from = from->next)
        if (!read_number(from, arena, &numbers[n++]))
            return false;
    account_facts_sort(numbers, n);
    *ret = (struct account_facts){account->name, account->template_count, numbers, n};
    return true;
}
