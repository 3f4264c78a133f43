/* /waba-numbers/{id}/profile: the business profile that customers see (developer-api.md §2.2). It
 * is Meta's alone: nothing of it is kept here. */
#include "api/handlers.h"
#include "api/numbers.h"

/* --- what is sent ------------------------------------------------------------------------- */

/* As Meta lists them; empty: none. */
static bool is_vertical(struct str s)
{
    for (const char *const *v = profile_verticals; *v; v++)
        if (str_eq(str_from(*v), s))
            return true;
    return false;
}

/* A text that is there, which may be empty and is cleared then; else {NULL, 0}: it stays. */
static struct str read_text(struct body *b, const char *key, size_t min, size_t max)
{
    bool is_there = body_has(b, key);
    struct str text = body_text(b, key, min, max, false);
    return is_there ? str_make(text.ptr ? text.ptr : "", text.len) : (struct str){NULL, 0};
}

/* Whether it is anybody's is not ours to say; but it can be seen that a text is none. */
static bool is_email(struct str s)
{
    struct str host = s;
    struct str user = str_split(&host, '@');
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= ' ')
            return false;
    return user.len && host.len && str_find(host, '@') == host.len;
}

static bool is_website(struct str url)
{
    size_t points = str_code_points(url);
    bool is_web = str_starts(url, STR("https://")) || str_starts(url, STR("http://"));
    return is_web && points <= PROFILE_WEBSITE_MAX && str_find(url, ' ') == url.len;
}

static void read_websites(struct body *b, struct call *call, struct graph_profile_change *change)
{
    struct json list = body_value(b, "websites");
    change->has_websites = json_present(list);
    if (change->has_websites && (!json_is_array(list) || json_len(list) > GRAPH_WEBSITES_MAX))
        body_complain(b, "websites", "must be a list of at most %d", GRAPH_WEBSITES_MAX);
    size_t i = 0;
    json_for_each (item, list) {
        struct str key = arena_printf(call->arena, "websites[%zu]", i++);
        struct str url = json_as_str(item, STR(""));
        if (i > GRAPH_WEBSITES_MAX || !key.ptr)
            return;
        if (!is_website(url))
            body_complain(b, key.ptr,
                          "must begin with http:// or https://, have no blanks and at "
                          "most " TEXT_OF(PROFILE_WEBSITE_MAX) " characters");
        change->websites[change->n_websites++] = url;
    }
}

static bool is_empty(const struct graph_profile_change *c)
{
    return !c->about.ptr && !c->address.ptr && !c->description.ptr && !c->email.ptr &&
           !c->vertical.ptr && !c->has_websites;
}

static enum err read_change(struct call *call, struct graph_profile_change *change)
{
    struct body b;
    enum err e = body_begin(&b, call->request->body, call->arena, &call->error);
    if (e)
        return e;
    change->about = read_text(&b, "about", 1, PROFILE_ABOUT_MAX); /* Meta has it never empty */
    change->address = read_text(&b, "address", 0, PROFILE_ADDRESS_MAX);
    change->description = read_text(&b, "description", 0, PROFILE_DESCRIPTION_MAX);
    change->email = read_text(&b, "email", 0, PROFILE_EMAIL_MAX);
    change->vertical = read_text(&b, "vertical", 0, WORD_MAX);
    read_websites(&b, call, change);
    if (change->email.len && !is_email(change->email))
        body_complain(&b, "email", "must be an e-mail address");
    if (change->vertical.len && !is_vertical(change->vertical))
        body_complain(&b, "vertical", "must be one of Meta's, such as RETAIL, or empty");
    e = body_end(&b);
    if (e || !is_empty(change))
        return e;
    return error_set(&call->error, ERR_VALIDATION,
                     "Send at least one of about, address, description, email, vertical, websites");
}

enum err numbers_profile(struct call *call)
{
    return numbers_begin_task(call, JOBS_FETCH_PROFILE);
}

enum err numbers_change_profile(struct call *call)
{
    enum err e = read_change(call, &call->task.change);
    return e ? e : numbers_begin_task(call, JOBS_CHANGE_PROFILE);
}

/* --- answers ------------------------------------------------------------------------------ */

static void write_websites(struct json_writer *w, const struct graph_profile *p)
{
    json_key(w, "websites");
    if (p->n_websites == 0) {
        json_null(w);
        return;
    }
    json_open(w, '[');
    for (size_t i = 0; i < p->n_websites; i++)
        json_str(w, p->websites[i]);
    json_close(w, ']');
}

static void write_profile(struct json_writer *w, const struct graph_profile *p)
{
    json_open(w, '{');
    json_member_opt(w, "about", p->about);
    json_member_opt(w, "address", p->address);
    json_member_opt(w, "description", p->description);
    json_member_opt(w, "email", p->email);
    json_member_opt(w, "vertical", p->vertical);
    write_websites(w, p);
    json_member_opt(w, "profile_picture_url", p->profile_picture_url);
    json_close(w, '}');
}

enum err numbers_profile_fetched(struct call *call)
{
    call_begin(call);
    write_profile(&call->out, &call->task.profile);
    call_end(call);
    return ERR_OK;
}

/* Null where Meta took the change and could not be asked after it. */
enum err numbers_profile_changed(struct call *call)
{
    call_begin_message(call, "Profile updated successfully");
    if (call->task.has_profile)
        write_profile(&call->out, &call->task.profile);
    else
        json_null(&call->out);
    call_end(call);
    return ERR_OK;
}
