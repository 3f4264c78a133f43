#include "api/docs_page.h"
#include "api/doc.h"
#include "json/reader.h"

struct page {
    struct buf *out;
    const struct route *routes;
    const struct endpoints *endpoints;
};

/* --- text --------------------------------------------------------------------------------- */

static void add(struct page *p, const char *html)
{
    buf_add(p->out, str_from(html));
}

static void add_text(struct page *p, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case '&': add(p, "&amp;"); break;
        case '<': add(p, "&lt;"); break;
        case '>': add(p, "&gt;"); break;
        case '"': add(p, "&quot;"); break;
        default: buf_add_char(p->out, text.ptr[i]);
        }
    }
}

/* `backquotes` are code. */
static void add_line(struct page *p, struct str text)
{
    bool code = false;
    while (text.len) {
        size_t at = str_find(text, '`');
        add_text(p, str_make(text.ptr, at));
        if (at == text.len)
            break;
        code = !code;
        add(p, code ? "<code>" : "</code>");
        text = str_skip(text, at + 1);
    }
}

/* Up to the next empty line, or all. */
static struct str take_paragraph(struct str *rest)
{
    size_t len = 0;
    while (len < rest->len && !str_starts(str_skip(*rest, len), STR("\n\n")))
        len++;
    struct str paragraph = str_make(rest->ptr, len);
    *rest = str_skip(*rest, MIN(len + 2, rest->len));
    return paragraph;
}

static void add_code_block(struct page *p, struct str text)
{
    add(p, "<pre>");
    while (text.len) {
        struct str line = str_split(&text, '\n');
        add_text(p, str_starts(line, STR("    ")) ? str_skip(line, 4) : line);
        if (text.len)
            buf_add_char(p->out, '\n');
    }
    add(p, "</pre>");
}

static void add_paragraphs(struct page *p, const char *text)
{
    struct str rest = str_from(text);
    while (rest.len) {
        struct str paragraph = take_paragraph(&rest);
        if (str_starts(paragraph, STR("    "))) {
            add_code_block(p, paragraph);
            continue;
        }
        add(p, "<p>");
        add_line(p, paragraph);
        add(p, "</p>");
    }
}

/* --- examples ----------------------------------------------------------------------------- */

/* Indented; a body on a command line too: it stands between single quotes there. */
static void add_pretty(struct page *p, const struct buf *json)
{
    struct arena arena;
    arena_init(&arena, DOC_TEXT_MAX);
    struct str pretty = json_pretty(buf_str(json), &arena);
    add_text(p, pretty.ptr ? pretty : buf_str(json));
    arena_release(&arena);
}

static void write_target(struct buf *out, const struct route *route)
{
    buf_init(out, DOC_TEXT_MAX);
    doc_write_target_example(out, route);
}

static void write_body_example(struct buf *out, const struct schema *body)
{
    struct json_writer w;
    buf_init(out, DOC_TEXT_MAX);
    json_writer_init(&w, out);
    if (body)
        doc_write_example(&w, body);
}

/* Lines for a shell that sign and send. */
static void add_curl(struct page *p, const char *method, struct str target, const struct buf *json)
{
    add(p, "TIMESTAMP=$(date +%s)\n");
    if (json->len) {
        add(p, "BODY='");
        add_pretty(p, json);
        add(p, "'\n");
    }
    buf_printf(p->out, "SIGNATURE=$(printf %%s \"%s", method);
    add_text(p, target);
    buf_printf(p->out, "$TIMESTAMP%s\" |\n", json->len ? "$BODY" : "");
    add(p, "    openssl dgst -sha256 -hmac \"$HUDHUD_SECRET\" -r | cut -d ' ' -f 1)\ncurl ");
    buf_printf(p->out, "-X %s \\\n", method);
    if (json->len)
        add(p, "    -H \"Content-Type: application/json\" -d \"$BODY\" \\\n");
    add(p,
        "    -H \"X-Awal-Signature-256: sha256=$SIGNATURE\" \\\n"
        "    -H \"X-Timestamp: $TIMESTAMP\" \\\n"
        "    -H \"X-Domain: $HUDHUD_DOMAIN\" \\\n"
        "    -H \"X-Client-ID: $HUDHUD_CLIENT_ID\" \\\n"
        "    \"$HUDHUD_URL/api/developer");
    add_text(p, target);
    add(p, "\"");
}

/* The same call twice: with hudhud, which signs, and with curl. */
static void add_request(struct page *p, const struct route *route, const struct schema *body)
{
    _cleanup_(buf_release)
    struct buf target;
    _cleanup_(buf_release)
    struct buf json;
    write_target(&target, route);
    write_body_example(&json, body);
    const char *method = http_method_name(route->method);
    buf_printf(p->out, "<pre dir=\"auto\">hudhud call %s '", method);
    add_text(p, buf_str(&target));
    add(p, "'");
    if (body) {
        add(p, " -d '");
        add_pretty(p, &json);
        add(p, "'");
    }
    add(p, "</pre><details><summary>with curl</summary><pre dir=\"auto\">");
    add_curl(p, method, buf_str(&target), &json);
    add(p, "</pre></details>");
}

static void add_answer(struct page *p, const struct doc *doc)
{
    _cleanup_(buf_release)
    struct buf json;
    struct json_writer w;
    buf_init(&json, DOC_TEXT_MAX);
    json_writer_init(&w, &json);
    add(p, "<pre dir=\"auto\">");
    if (doc->stream) {
        add_text(p, str_from(doc->stream));
    } else {
        doc_write_answer_example(&w, doc);
        add_pretty(p, &json);
    }
    add(p, "</pre>");
}

static void add_examples(struct page *p, const struct route *route)
{
    const struct doc *doc = route->doc;
    add(p, "<div class=\"examples\"><h4>Request</h4>");
    add_request(p, route, doc->body);
    if (doc->or_body)
        add_request(p, route, doc->or_body);
    buf_printf(p->out, "<h4>Answer <span class=\"status\">%d</span></h4>", doc_status(doc));
    add_answer(p, doc);
    add(p, "</div>");
}

/* --- fields ------------------------------------------------------------------------------- */

static void add_type(struct page *p, const struct field *f)
{
    static const char *const names[] = {
        [FIELD_TEXT] = "text",
        [FIELD_INTEGER] = "integer",
        [FIELD_BOOLEAN] = "true or false",
        [FIELD_TIME] = "time",
        [FIELD_OBJECT] = "object",
        [FIELD_LIST] = "list of objects",
        [FIELD_TEXTS] = "list of texts",
        [FIELD_JSON] = "JSON",
    };
    add(p, names[f->type]);
    if (f->max)
        buf_printf(p->out, ", %lld to %lld%s", (long long)f->min, (long long)f->max,
                   f->type == FIELD_INTEGER ? "" : " characters");
    if (f->nullable)
        add(p, ", or null");
}

/* What may be left out is said of what one sends; of answers, the description says when. */
static void add_field(struct page *p, const struct field *f, bool sent)
{
    add(p, "<dt><code>");
    add(p, f->name);
    add(p, "</code> <span class=\"type\">");
    add_type(p, f);
    add(p, "</span>");
    if (sent && !f->optional)
        add(p, " <span class=\"required\">required</span>");
    add(p, "</dt><dd>");
    add_line(p, str_from(f->description));
    if (f->fallback) {
        add(p, " Default <code>");
        add_text(p, str_from(f->fallback));
        add(p, "</code>.");
    }
    if (f->schema) {
        add(p, "<details><summary>Fields</summary><dl>");
        const struct field *inner;
        for (size_t n = 0; (inner = schema_field(f->schema, n)); n++)
            add_field(p, inner, sent);
        add(p, "</dl></details>");
    }
    add(p, "</dd>");
}

static void add_schema(struct page *p, const char *title, const struct schema *s, bool sent)
{
    if (!s)
        return;
    buf_printf(p->out, "<h4>%s</h4><p>", title);
    add_line(p, str_from(s->description));
    add(p, "</p><dl>");
    const struct field *f;
    for (size_t n = 0; (f = schema_field(s, n)); n++)
        add_field(p, f, sent);
    add(p, "</dl>");
}

static void add_parameters(struct page *p, const struct doc *doc)
{
    const struct field *f;
    if (!doc->path && !doc_query_field(doc, 0))
        return;
    add(p, "<h4>Parameters</h4><dl>");
    for (f = doc->path; f && f->name; f++)
        add_field(p, f, true);
    for (size_t n = 0; (f = doc_query_field(doc, n)); n++)
        add_field(p, f, true);
    add(p, "</dl>");
}

static void add_errors(struct page *p, const struct route *route)
{
    add(p,
        "<details><summary>Errors</summary><table><thead><tr><th>Status</th><th>Code</th>"
        "<th>When</th></tr></thead><tbody>");
    for (const int *status = doc_statuses; *status; status++) {
        struct doc_error errors[DOC_ERRORS_MAX];
        size_t n = doc_errors(route, *status, errors);
        for (size_t i = 0; i < n; i++) {
            buf_printf(p->out, "<tr><td>%d</td><td><code>%s</code></td><td>", *status,
                       err_code(errors[i].err));
            add_line(p, str_from(errors[i].when));
            add(p, "</td></tr>");
        }
    }
    add(p, "</tbody></table></details>");
}

/* --- endpoints ---------------------------------------------------------------------------- */

/* "GET" is green and so on: the style knows the lower-case names as classes. */
static const char *method_class(enum http_method method)
{
    static const char *const names[HTTP_METHOD_COUNT] = {
        [HTTP_GET] = "get",     [HTTP_POST] = "post",     [HTTP_PUT] = "put",
        [HTTP_PATCH] = "patch", [HTTP_DELETE] = "delete",
    };
    return names[method];
}

static void add_method(struct page *p, const struct route *route)
{
    buf_printf(p->out, "<span class=\"method %s\">%s</span>", method_class(route->method),
               http_method_name(route->method));
}

static void add_deprecation(struct page *p, const struct deprecation *d)
{
    if (d)
        buf_printf(p->out,
                   "<p class=\"deprecated\">Deprecated since %s; goes on %s. Use "
                   "<code>%s</code> instead.</p>",
                   d->since, d->sunset, d->instead);
}

static void add_limit(struct page *p, const struct limit *limit)
{
    char text[LIMIT_TEXT_MAX];
    if (limit->requests == 0)
        return;
    limit_format(limit, text);
    buf_printf(p->out, "<p class=\"limit\">Limit: %s, for each client.</p>", text);
}

static void add_endpoint(struct page *p, const struct route *route)
{
    const struct doc *doc = route->doc;
    buf_printf(p->out, "<article id=\"%s\"><h3>%s</h3><p class=\"path\">", doc->id, doc->summary);
    add_method(p, route);
    buf_printf(p->out, " <code>%s</code></p><div class=\"columns\"><div>", route->pattern);
    add_deprecation(p, route->deprecated);
    add_paragraphs(p, doc->description ? doc->description : "");
    add_limit(p, &p->endpoints->list[route - p->routes].limit);
    add_parameters(p, doc);
    add_schema(p, doc->body_optional ? "Body, which may be left out" : "Body", doc->body, true);
    add_schema(p, "Or", doc->or_body, true);
    add_schema(p, doc->shape == DOC_ONE ? "Answer" : "Answer: a list", doc->data, false);
    add_errors(p, route);
    add(p, "</div>");
    add_examples(p, route);
    add(p, "</div></article>");
}

static bool is_first_of_group(const struct page *p, const struct route *route)
{
    for (const struct route *r = p->routes; r < route; r++)
        if (r->doc && r->doc->group == route->doc->group)
            return false;
    return true;
}

typedef void route_visitor(struct page *p, const struct route *route);

static void each_of_group(struct page *p, const struct route *first, route_visitor *visit)
{
    for (const struct route *r = first; r->pattern; r++)
        if (r->doc && r->doc->group == first->doc->group)
            visit(p, r);
}

/* --- the page ----------------------------------------------------------------------------- */

static void add_nav_item(struct page *p, const struct route *route)
{
    buf_printf(p->out, "<li><a href=\"#%s\">", route->doc->id);
    add_method(p, route);
    buf_printf(p->out, "%s</a></li>", route->doc->summary);
}

static void add_nav(struct page *p)
{
    add(p, "<nav aria-label=\"Contents\"><p class=\"name\"><a href=\"#top\">Hudhud</a></p><ul>");
    for (const struct doc_topic *topic = doc_topics; topic->id; topic++)
        buf_printf(p->out, "<li><a href=\"#%s\">%s</a></li>", topic->id, topic->title);
    add(p, "</ul>");
    for (const struct route *r = p->routes; r->pattern; r++) {
        if (!r->doc || !is_first_of_group(p, r))
            continue;
        buf_printf(p->out, "<p>%s</p><ul>", r->doc->group->name);
        each_of_group(p, r, add_nav_item);
        add(p, "</ul>");
    }
    add(p, "<p>Events</p><ul>");
    for (const struct event_doc *e = event_docs; e->name; e++)
        buf_printf(p->out, "<li><a href=\"#%s\">%s</a></li>", e->name, e->name);
    add(p, "</ul></nav>");
}

static void add_topics(struct page *p)
{
    for (const struct doc_topic *topic = doc_topics; topic->id; topic++) {
        buf_printf(p->out, "<section id=\"%s\" class=\"topic\"><h2>%s</h2>", topic->id,
                   topic->title);
        add_paragraphs(p, topic->text);
        add(p, "</section>");
    }
}

static void add_event(struct page *p, const struct event_doc *e)
{
    _cleanup_(buf_release)
    struct buf json;
    struct json_writer w;
    buf_init(&json, DOC_TEXT_MAX);
    json_writer_init(&w, &json);
    doc_write_event_example(&w, e);
    buf_printf(p->out, "<div id=\"%s\"><h3><code>%s</code></h3>", e->name, e->name);
    add(p, "<div class=\"columns\"><div>");
    add_schema(p, "Data", e->data, false);
    add(p, "</div><div class=\"examples\"><h4>Body</h4><pre dir=\"auto\">");
    add_pretty(p, &json);
    add(p, "</pre></div></div></div>");
}

static void add_events(struct page *p)
{
    add(p,
        "<section id=\"events\"><h2>Events</h2><p>What is delivered to webhooks, and how it is "
        "signed: see there.</p>");
    for (const struct event_doc *e = event_docs; e->name; e++)
        add_event(p, e);
    add(p, "</section>");
}

static void add_groups(struct page *p)
{
    for (const struct route *r = p->routes; r->pattern; r++) {
        if (!r->doc || !is_first_of_group(p, r))
            continue;
        buf_printf(p->out, "<section><h2>%s</h2>", r->doc->group->name);
        add_paragraphs(p, r->doc->group->description);
        each_of_group(p, r, add_endpoint);
        add(p, "</section>");
    }
}

void docs_page_write(struct buf *out, const struct route *routes, const struct endpoints *endpoints)
{
    struct page p = {out, routes, endpoints};
    add(&p,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
        "<meta name=\"color-scheme\" content=\"light dark\">"
        "<title>Hudhud developer API</title><style>");
    add(&p, docs_page_style);
    add(&p, "</style></head><body id=\"top\">");
    add_nav(&p);
    add(&p,
        "<main><header><h1>Hudhud developer API</h1><p>WhatsApp for business, from a server of "
        "your own. Version " HUDHUD_VERSION
        ". For code generators: "
        "<a href=\"/openapi.json\">openapi.json</a>.</p></header>");
    add_topics(&p);
    add_groups(&p);
    add_events(&p);
    add(&p, "</main></body></html>\n");
}
