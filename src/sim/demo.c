/* The demo scenario: made up, the same every time, and varied enough to show every kind of number
 * and template. All names, numbers and ids are inventions. */
#include "sim/scenario.h"

#define FIRST_NUMBER_ID   106540352242922
#define FIRST_TEMPLATE_ID 1689556908129832

static const char *const demo_names[] = {
    "متجر الهدهد",   "Hudhud Store",     "مطعم الياسمين",        "Jasmine Café",
    "صيدلية الشفاء", "Blue Nile Travel", "مكتبة بيت الحكمة",     "Atlas Couriers",
    "عيادات النور",  "Saffron & Sons",   "مخبز السنابل الذهبية", "Zürich Optik",
};

static const struct {
    const char *rating, *status, *limit, *name_status;
} demo_states[] = {
    {"GREEN", "CONNECTED", "TIER_100K", "APPROVED"},
    {"GREEN", "CONNECTED", "TIER_10K", "APPROVED"},
    {"YELLOW", "CONNECTED", "TIER_2K", "APPROVED"},
    {"RED", "FLAGGED", "TIER_2K", "APPROVED"},
    {"UNKNOWN", "PENDING", "TIER_250", "PENDING_REVIEW"},
    {"GREEN", "CONNECTED", "TIER_UNLIMITED", "APPROVED"},
    {"NA", "DISCONNECTED", "TIER_250", "AVAILABLE_WITHOUT_REVIEW"},
    {"YELLOW", "RESTRICTED", "TIER_10K", "APPROVED"},
    {"UNKNOWN", "CONNECTED", "TIER_250", "PENDING_REVIEW"},
};

static const struct {
    const char *name, *category, *en, *ar;
} demo_templates[] = {
    {"order_confirmed", "UTILITY", "Your order {{1}} is confirmed.", "تم تأكيد طلبك {{1}}."},
    {"order_shipped", "UTILITY", "Your order {{1}} is on its way.", "طلبك {{1}} في الطريق إليك."},
    {"order_delivered", "UTILITY", "Order {{1}} was delivered.", "تم تسليم الطلب {{1}}."},
    {"appointment_reminder", "UTILITY", "See you on {{1}}.", "موعدك معنا يوم {{1}}."},
    {"invoice_ready", "UTILITY", "Invoice {{1}} is ready.", "فاتورتك {{1}} جاهزة."},
    {"payment_received", "UTILITY", "We received {{1}}.", "استلمنا مبلغ {{1}}."},
    {"feedback_request", "UTILITY", "How was order {{1}}?", "كيف كان طلبك {{1}}؟"},
    {"welcome_offer", "MARKETING", "Welcome! {{1}} off today.", "أهلا بك! خصم {{1}} اليوم."},
    {"season_sale", "MARKETING", "Our sale ends {{1}}.", "ينتهي التخفيض {{1}}."},
    {"new_arrivals", "MARKETING", "New this week: {{1}}.", "جديد هذا الأسبوع: {{1}}."},
    {"back_in_stock", "MARKETING", "{{1}} is back.", "عاد {{1}} من جديد."},
    {"loyalty_points", "MARKETING", "You have {{1}} points.", "رصيدك {{1}} نقطة."},
    {"event_invitation", "MARKETING", "Join us on {{1}}.", "ندعوك إلى حضورنا يوم {{1}}."},
    {"login_code", "AUTHENTICATION", "{{1}} is your code.", "رمزك هو {{1}}."},
};

static const char *const demo_template_states[] = {
    "APPROVED", "APPROVED", "PENDING",  "APPROVED", "REJECTED",
    "APPROVED", "PAUSED",   "APPROVED", "DISABLED",
};

static void write_printf(struct json_writer *w, const char *key, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
static void write_printf(struct json_writer *w, const char *key, const char *fmt, ...)
{
    char text[64];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    json_member_cstr(w, key, text);
}

static void write_number(int i, struct json_writer *w)
{
    const size_t name = (size_t)i % ARRAY_LEN(demo_names);
    const size_t state = (size_t)i % ARRAY_LEN(demo_states);
    const bool arabic = name % 2 == 0;
    json_open(w, '{');
    write_printf(w, "id", "%lld", (long long)FIRST_NUMBER_ID + i);
    if (arabic)
        write_printf(w, "display_phone_number", "+966 50 555 %04d", i);
    else
        write_printf(w, "display_phone_number", "+1 631-555-%04d", i);
    json_member_cstr(w, "country_code", arabic ? "SA" : "US");
    json_member_cstr(w, "country_dial_code", arabic ? "966" : "1");
    json_member_cstr(w, "verified_name", demo_names[name]);
    json_member_cstr(w, "quality_rating", demo_states[state].rating);
    json_member_cstr(w, "status", demo_states[state].status);
    json_member_cstr(w, "name_status", demo_states[state].name_status);
    json_member_cstr(w, "whatsapp_business_manager_messaging_limit", demo_states[state].limit);
    json_member_bool(w, "is_official_business_account", i == 0);
    /* A minute apart, the first one the newest: Meta lists the newest first. */
    int minute = SIM_NUMBERS_MAX - i;
    write_printf(w, "last_onboarded_time", "2025-03-%02dT%02d:%02d:00+0000", 1 + minute / 1440,
                 minute / 60 % 24, minute % 60);
    json_close(w, '}');
}

static void write_template(int i, struct json_writer *w)
{
    const size_t which = (size_t)i / 2;
    const bool arabic = i % 2 == 1;
    json_open(w, '{');
    write_printf(w, "id", "%lld", (long long)FIRST_TEMPLATE_ID + i);
    json_member_cstr(w, "name", demo_templates[which].name);
    json_member_cstr(w, "language", arabic ? "ar" : "en_US");
    json_member_cstr(w, "category", demo_templates[which].category);
    json_member_cstr(w, "status",
                     demo_template_states[(size_t)i % ARRAY_LEN(demo_template_states)]);
    json_key(w, "components");
    json_open(w, '[');
    json_open(w, '{');
    json_member_cstr(w, "type", "BODY");
    json_member_cstr(w, "text", arabic ? demo_templates[which].ar : demo_templates[which].en);
    json_close(w, '}');
    json_close(w, ']');
    json_close(w, '}');
}

static void write_account(int n, struct json_writer *w)
{
    json_open(w, '{');
    json_member_cstr(w, "id", "102290129340398");
    json_member_cstr(w, "name", "Hudhud Trading · مؤسسة الهدهد");
    json_member_cstr(w, "currency", "USD");
    json_member_cstr(w, "country", "US");
    json_member_cstr(w, "timezone_id", "1");
    json_key(w, "owner_business_info");
    json_open(w, '{');
    json_member_cstr(w, "id", "2729063490586005");
    json_member_cstr(w, "name", "Hudhud Trading");
    json_close(w, '}');
    json_key(w, "numbers");
    json_open(w, '[');
    for (int i = 0; i < n; i++)
        write_number(i, w);
    json_close(w, ']');
    json_key(w, "templates");
    json_open(w, '[');
    for (int i = 0; i < 2 * (int)ARRAY_LEN(demo_templates); i++)
        write_template(i, w);
    json_close(w, ']');
    json_close(w, '}');
}

/* The first token is good for everything; the second one has expired. */
static void write_access(struct json_writer *w)
{
    json_key(w, "tokens");
    json_open(w, '[');
    json_open(w, '{');
    json_member_cstr(w, "token", "EAAHudhudDemoTokenIsNoSecretAndWorksOnTheSimulatorOnly");
    json_close(w, '}');
    json_open(w, '{');
    json_member_cstr(w, "token", "EAAHudhudDemoTokenThatHasExpired");
    json_member_bool(w, "expired", true);
    json_close(w, '}');
    json_close(w, ']');
    json_key(w, "codes");
    json_open(w, '[');
    json_open(w, '{');
    json_member_cstr(w, "code", "demo-signup-code");
    json_member_cstr(w, "token", "EAAHudhudDemoTokenIsNoSecretAndWorksOnTheSimulatorOnly");
    json_close(w, '}');
    json_close(w, ']');
}

void sim_demo_write(int n, struct json_writer *w)
{
    json_open(w, '{');
    json_key(w, "app");
    json_open(w, '{');
    json_member_cstr(w, "id", "670843887433847");
    json_member_cstr(w, "name", "Hudhud Demo");
    json_member_cstr(w, "secret", "demo-app-secret");
    json_close(w, '}');
    write_access(w);
    json_key(w, "accounts");
    json_open(w, '[');
    write_account(n, w);
    json_close(w, ']');
    json_close(w, '}');
}
