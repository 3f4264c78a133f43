/* One item of phone_numbers, as src/graph/number.c reads it, and a refusal's message, out of which
 * it reads a field's name. What is taken is whole: an id of digits, texts that are UTF-8 and
 * bounded, and nothing that still points into the document. */
#include "base/limits.h"
#include "graph/number.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool truth, const char *what)
{
    if (!truth)
        die(what);
}

static void check_text(struct str s)
{
    demand(str_is_utf8(s), "a text is not UTF-8");
    demand(s.len <= GRAPH_TEXT_MAX, "a text is not bounded");
}

static void check_number(const struct graph_number *n)
{
    demand(str_is_digits(n->id) && n->id.len <= META_ID_MAX, "an id that is none");
    const struct str texts[] = {
        n->display_phone_number, n->verified_name,    n->quality_rating,           n->status,
        n->name_status,          n->platform_type,    n->code_verification_status, n->throughput,
        n->messaging_limit,      n->can_send_message,
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        check_text(texts[i]);
    size_t count = 0;
    for (const struct graph_reason *r = n->reasons; r; r = r->next, count++) {
        check_text(r->message);
        check_text(r->solution);
        demand(r->code || r->message.len, "an empty reason");
    }
    demand(count <= GRAPH_REASONS_MAX, "too many reasons");
}

static void check_refusal(struct str text)
{
    struct graph_answer a = {.outcome = GRAPH_REFUSED, .code = 100, .message = text};
    uint32_t dropped = 0;
    if (graph_number_drop_field(&a, &dropped)) {
        demand(dropped && !(dropped & (dropped - 1)), "one field is one bit");
        demand(!graph_number_drop_field(&a, &dropped), "a field is dropped once");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_release)
    struct arena kept;
    arena_init(&kept, 8 * MIB);
    struct str text = str_make((const char *)data, size);
    check_refusal(text);

    struct arena document;
    arena_init(&document, 8 * MIB);
    struct json item = {NULL};
    struct error error;
    error_init(&error, &document);
    struct graph_number *n = NULL;
    const char *wrong = NULL;
    if (json_parse_loose(text, &document, &item, &error) == ERR_OK) {
        n = graph_number_read(item, &kept, &wrong);
        demand(n || wrong, "nothing, and no reason");
    }
    arena_release(&document);
    if (n)
        check_number(n);
    return 0;
}
