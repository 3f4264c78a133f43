#include "sim/examples.h"

#include "base/clock.h"
#include "base/random.h"

#define METADATA                                                                                   \
    "'messaging_product':'whatsapp',"                                                              \
    "'metadata':{'display_phone_number':'$phone','phone_number_id':'$number_id'},"
#define CONTACTS "'contacts':[{'profile':{'name':'ليلى حداد'},'wa_id':'$customer'}],"
/* A message's type and what is in it. */
#define MESSAGE(type, content)                                                                     \
    "{" METADATA CONTACTS                                                                          \
    "'messages':[{'from':'$customer','id':'$wamid','timestamp':'$now','type':'" type "'," content  \
    "}]}"
#define MEDIA_OF(type, more)                                                                       \
    "'" type "':{'id':'$media_id','mime_type':" more                                               \
    ",'sha256':'ZmFrZSBoYXNoIG9mIGFuIGludmVudGVkIGZpbGU='}"
#define STATUS(status, more)                                                                       \
    "{" METADATA "'statuses':[{'id':'$wamid','status':'" status                                    \
    "','timestamp':'$now','recipient_id':'$customer'" more "}]}"
#define PRICING                                                                                    \
    ",'pricing':{'billable':true,'pricing_model':'PMP','type':'regular','category':'utility'}"
#define TEMPLATE                                                                                   \
    "'message_template_id':$template_id,'message_template_name':'$template_name',"                 \
    "'message_template_language':'$language'"
#define WABA_INFO "'waba_info':{'waba_id':'$account','owner_business_id':'$business'}"
#define GROUP                                                                                      \
    "'messaging_product':'whatsapp',"                                                              \
    "'metadata':{'display_phone_number':'$phone','phone_number_id':'$number_id'},'groups':[{"      \
    "'timestamp':'$now','group_id':'group-of-the-simulator',"

static const struct sim_example examples[] = {
    {"messages/text", "messages", MESSAGE("text", "'text':{'body':'مرحبا! هل الطلب جاهز؟ 🌿'}")},
    {"messages/reply", "messages",
     MESSAGE("text", "'context':{'from':'$phone','id':'$wamid'},'text':{'body':'Yes, please'}")},
    {"messages/image", "messages",
     MESSAGE("image", MEDIA_OF("image", "'image/jpeg','caption':'The broken lid'"))},
    {"messages/video", "messages", MESSAGE("video", MEDIA_OF("video", "'video/mp4'"))},
    {"messages/audio", "messages",
     MESSAGE("audio", MEDIA_OF("audio", "'audio/ogg; codecs=opus','voice':true"))},
    {"messages/document", "messages",
     MESSAGE("document", MEDIA_OF("document", "'application/pdf','filename':'receipt.pdf'"))},
    {"messages/sticker", "messages",
     MESSAGE("sticker", MEDIA_OF("sticker", "'image/webp','animated':false"))},
    {"messages/location", "messages",
     MESSAGE("location",
             "'location':{'latitude':24.7136,'longitude':46.6753,"
             "'name':'Market gate','address':'Old Town'}")},
    {"messages/contacts", "messages",
     MESSAGE("contacts",
             "'contacts':[{'name':{'formatted_name':'Omar Nasser','first_name':'Omar'},"
             "'phones':[{'phone':'+966 50 555 0199','wa_id':'966505550199',"
             "'type':'CELL'}]}]")},
    {"messages/reaction", "messages",
     MESSAGE("reaction", "'reaction':{'message_id':'$wamid','emoji':'👍'}")},
    {"messages/button", "messages",
     MESSAGE("button", "'button':{'payload':'confirm','text':'Confirm'}")},
    {"messages/button_reply", "messages",
     MESSAGE("interactive",
             "'interactive':{'type':'button_reply',"
             "'button_reply':{'id':'later','title':'Later today'}}")},
    {"messages/list_reply", "messages",
     MESSAGE("interactive",
             "'interactive':{'type':'list_reply','list_reply':"
             "{'id':'slot-2','title':'10:30','description':'Second slot'}}")},
    {"messages/flow_reply", "messages",
     MESSAGE("interactive",
             "'interactive':{'type':'nfm_reply','nfm_reply':{'name':'flow',"
             "'body':'Sent','response_json':'{}'}}")},
    {"messages/order", "messages",
     MESSAGE("order",
             "'order':{'catalog_id':'730010001','text':'Two boxes','product_items':"
             "[{'product_retailer_id':'dates-1kg','quantity':2,'item_price':35,"
             "'currency':'SAR'}]}")},
    {"messages/system", "messages",
     "{" METADATA "'messages':[{'from':'$customer','id':'$wamid','timestamp':'$now',"
     "'type':'system','system':{'body':'The customer has another number now','wa_id':"
     "'966505550188','type':'user_changed_number'}}]}"},
    {"messages/unsupported", "messages",
     MESSAGE("unsupported",
             "'errors':[{'code':131051,'title':'Message type unknown','message':"
             "'Message type unknown','error_data':{'details':"
             "'This kind of message is not supported'}}]")},
    {"messages/referral", "messages",
     MESSAGE("text",
             "'referral':{'source_url':'https://example.com/ad','source_id':'7311',"
             "'source_type':'ad','headline':'Fresh dates','body':'This week',"
             "'media_type':'image','ctwa_clid':'invented-click'},"
             "'text':{'body':'Is it still on?'}")},
    {"messages/sent", "messages", STATUS("sent", PRICING)},
    {"messages/delivered", "messages", STATUS("delivered", PRICING)},
    {"messages/read", "messages", STATUS("read", "")},
    {"messages/played", "messages", STATUS("played", "")},
    {"messages/failed", "messages",
     STATUS("failed",
            ",'errors':[{'code':131026,'title':'Message undeliverable','message':"
            "'Message undeliverable','error_data':{'details':"
            "'The number cannot receive it'}}]")},
    {"messages/error", "messages",
     "{" METADATA "'errors':[{'code':130429,'title':'Rate limit hit','message':'Rate limit hit',"
     "'error_data':{'details':'Too many messages in a short time'}}]}"},

    {"account_update/deleted", "account_update", "{'event':'ACCOUNT_DELETED'}"},
    {"account_update/restriction", "account_update",
     "{'event':'ACCOUNT_RESTRICTION','restriction_info':[{'restriction_type':"
     "'RESTRICTED_ADD_PHONE_NUMBER_ACTION','expiration':$in_a_week}]}"},
    {"account_update/violation", "account_update",
     "{'event':'ACCOUNT_VIOLATION','violation_info':{'violation_type':'SPAM'}}"},
    {"account_update/disabled", "account_update",
     "{'event':'DISABLED_UPDATE','ban_info':{'waba_ban_state':'SCHEDULE_FOR_DISABLE',"
     "'waba_ban_date':'March 3, 2027'}}"},
    {"account_update/partner_added", "account_update", "{'event':'PARTNER_ADDED'," WABA_INFO "}"},
    {"account_update/partner_removed", "account_update",
     "{'event':'PARTNER_REMOVED'," WABA_INFO ",'disconnection_info':{'reason':'CHANGE_NUMBER',"
     "'initiated_by':'USER'}}"},
    {"account_update/country", "account_update",
     "{'event':'BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE','country':'SA'}"},
    {"account_update/volume_tier", "account_update",
     "{'event':'VOLUME_BASED_PRICING_TIER_UPDATE','volume_tier_info':{'tier_update_time':$now,"
     "'pricing_category':'UTILITY','tier':'25000:100000','effective_month':'2027-03',"
     "'region':'Saudi Arabia'}}"},
    {"account_update/offboarded", "account_update", "{'event':'ACCOUNT_OFFBOARDED'}"},
    {"account_update/reconnected", "account_update", "{'event':'ACCOUNT_RECONNECTED'}"},
    {"account_alerts", "account_alerts",
     "{'entity_type':'PHONE_NUMBER','entity_id':'$number_id','alert_info':{'alert_severity':"
     "'INFORMATIONAL','alert_status':'NONE','alert_type':'OBA_APPROVED','alert_description':"
     "'The number has its badge now'}}"},
    {"account_review_update", "account_review_update", "{'decision':'APPROVED'}"},
    {"account_settings_update", "account_settings_update",
     "{'messaging_product':'whatsapp','timestamp':'$now','type':'phone_number_settings',"
     "'phone_number_settings':{'phone_number_id':'$number_id'}}"},

    {"phone_number_quality_update", "phone_number_quality_update",
     "{'display_phone_number':'$phone','event':'FLAGGED','current_limit':'TIER_10K',"
     "'max_daily_conversations_per_business':'TIER_10K'}"},
    {"phone_number_quality_update/throughput", "phone_number_quality_update",
     "{'display_phone_number':'$phone','event':'THROUGHPUT_UPGRADE',"
     "'max_daily_conversations_per_business':'TIER_UNLIMITED'}"},
    {"phone_number_name_update", "phone_number_name_update",
     "{'display_phone_number':'$phone','decision':'REJECTED','requested_verified_name':"
     "'متجر الهدهد','rejection_reason':'NAME_NOT_CONSISTENT'}"},
    {"business_capability_update", "business_capability_update",
     "{'max_daily_conversations_per_business':10000,'max_phone_numbers_per_waba':25}"},
    {"security", "security",
     "{'display_phone_number':'$phone','event':'PIN_CHANGED','requester':'$business'}"},

    {"message_template_status_update", "message_template_status_update",
     "{'event':'APPROVED'," TEMPLATE ",'reason':'NONE','message_template_category':'UTILITY'}"},
    {"message_template_status_update/rejected", "message_template_status_update",
     "{'event':'REJECTED'," TEMPLATE ",'reason':'INVALID_FORMAT','message_template_category':"
     "'UTILITY','rejection_info':{'reason':'The text ends with a parameter','recommendation':"
     "'Let words follow it'}}"},
    {"message_template_status_update/paused", "message_template_status_update",
     "{'event':'PAUSED'," TEMPLATE ",'reason':null,'message_template_category':'MARKETING',"
     "'other_info':{'title':'SECOND_PAUSE','description':'It rests for six hours'}}"},
    {"message_template_quality_update", "message_template_quality_update",
     "{'previous_quality_score':'GREEN','new_quality_score':'RED'," TEMPLATE "}"},
    {"message_template_components_update", "message_template_components_update",
     "{" TEMPLATE ",'message_template_title':'Your parcel','message_template_element':"
     "'{{1}} is on its way','message_template_footer':'Hudhud'}"},
    {"template_category_update", "template_category_update",
     "{" TEMPLATE ",'previous_category':'UTILITY','new_category':'MARKETING'}"},

    {"flows", "flows",
     "{'message':'The flow is published','event':'FLOW_STATUS_CHANGE','flow_id':'81000100',"
     "'old_status':'DRAFT','new_status':'PUBLISHED'}"},
    {"smb_message_echoes", "smb_message_echoes",
     "{" METADATA "'message_echoes':[{'from':'$phone','to':'$customer','id':'$wamid',"
     "'timestamp':'$now','type':'text','text':{'body':'From the app on the phone'}}]}"},
    {"message_echoes", "message_echoes",
     "{" METADATA "'message_echoes':[{'from':'$phone','to':'$customer','id':'$wamid',"
     "'timestamp':'$now','type':'text','text':{'body':'From another partner'}}]}"},
    {"smb_app_state_sync", "smb_app_state_sync",
     "{" METADATA "'state_sync':[{'type':'contact','contact':{'full_name':'ليلى حداد',"
     "'first_name':'ليلى','phone_number':'$customer'},'action':'add','metadata':{'timestamp':"
     "'$now'}}]}"},
    {"history", "history",
     "{" METADATA "'history':[{'metadata':{'phase':0,'chunk_order':1,'progress':100},'threads':"
     "[{'id':'$customer','messages':[{'from':'$customer','id':'$wamid','timestamp':'$now',"
     "'type':'text','text':{'body':'A while ago'},'history_context':{'status':'READ'}}]}]}]}"},
    {"user_preferences", "user_preferences",
     "{" METADATA CONTACTS "'user_preferences':[{'wa_id':'$customer','detail':"
     "'The customer wants no offers','category':'marketing_messages','value':'stop',"
     "'timestamp':$now}]}"},
    {"payment_configuration_update", "payment_configuration_update",
     "{'configuration_name':'shop-payments','provider_name':'an invented one','provider_mid':"
     "'acc_000','status':'Needs Testing','created_timestamp':$now,'updated_timestamp':$now}"},
    {"partner_solutions", "partner_solutions",
     "{'event':'SOLUTION_CREATED','solution_id':'77001','solution_status':'INITIATED'}"},
    {"automatic_events", "automatic_events",
     "{" METADATA "'automatic_events':[{'id':'$wamid','event_name':'LeadSubmitted','timestamp':"
     "$now,'ctwa_clid':'invented-click'}]}"},
    {"calls", "calls",
     "{" METADATA "'calls':[{'id':'wacid.invented','from':'$customer','to':'$phone','event':"
     "'connect','timestamp':'$now','direction':'USER_INITIATED'}]}"},
    {"consumer_profile", "consumer_profile",
     "{" METADATA "'consumer_profile':{'wa_id':'$customer','name':'ليلى حداد'}}"},
    {"messaging_handovers", "messaging_handovers",
     "{" METADATA "'messaging_handovers':[{'recipient':'$customer','timestamp':'$now',"
     "'type':'control_passed'}]}"},
    {"group_lifecycle_update", "group_lifecycle_update",
     "{" GROUP "'type':'group_create','subject':'Family orders'}]}"},
    {"group_participants_update", "group_participants_update",
     "{" GROUP "'type':'group_participants_add','added_participants':[{'wa_id':'$customer'}]}]}"},
    {"group_settings_update", "group_settings_update",
     "{" GROUP "'type':'group_settings_update','group_subject':{'text':'Weekly orders',"
     "'update_successful':true}}]}"},
    {"group_status_update", "group_status_update", "{" GROUP "'type':'group_suspend'}]}"},
};

const struct sim_example *sim_example(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(examples); i++)
        if (str_eq(name, str_from(examples[i].name)))
            return &examples[i];
    return NULL;
}

const struct sim_example *sim_example_at(size_t i)
{
    return i < ARRAY_LEN(examples) ? &examples[i] : NULL;
}

/* --- filling in --------------------------------------------------------------------------- */

struct filling {
    const struct sim_account *account;
    const struct sim_node *number, *tmpl; /* NULL: none */
    struct buf *out;
};

static void add_digits(struct str text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] >= '0' && text.ptr[i] <= '9')
            buf_add_char(out, text.ptr[i]);
}

static void add_word(const struct sim_node *node, const char *field, const char *otherwise,
                     struct buf *out)
{
    struct str word = node ? sim_node_word(node, field) : STR("");
    buf_add(out, word.len ? word : str_from(otherwise));
}

static void add_phone(const struct filling *f)
{
    struct str shown = f->number ? sim_node_word(f->number, "display_phone_number") : STR("");
    add_digits(shown.len ? shown : STR("+966 50 555 0100"), f->out);
}

/* A new one each time, so that two of an example are two messages. */
static void add_wamid(struct buf *out)
{
    char name[36];
    random_name(name, sizeof(name));
    buf_add(out, STR("wamid."));
    buf_add(out, str_make(name, sizeof(name)));
}

#define WEEK_S (7 * 86400)

static void add_variable(const struct filling *f, struct str name)
{
    int64_t now_s = clock_now_ms() / 1000;
    if (str_eq(name, STR("account")))
        buf_add(f->out, sim_node_id(&f->account->node));
    else if (str_eq(name, STR("number_id")))
        add_word(f->number, "id", "106540352249999", f->out);
    else if (str_eq(name, STR("phone")))
        add_phone(f);
    else if (str_eq(name, STR("template_id")))
        add_word(f->tmpl, "id", "1689556908139999", f->out);
    else if (str_eq(name, STR("template_name")))
        add_word(f->tmpl, "name", "order_confirmed", f->out);
    else if (str_eq(name, STR("language")))
        add_word(f->tmpl, "language", "ar", f->out);
    else if (str_eq(name, STR("wamid")))
        add_wamid(f->out);
    else if (str_eq(name, STR("now")))
        buf_add_i64(f->out, now_s);
    else if (str_eq(name, STR("in_a_week")))
        buf_add_i64(f->out, now_s + WEEK_S);
    else if (str_eq(name, STR("customer")))
        buf_add(f->out, STR("966505550142"));
    else if (str_eq(name, STR("media_id")))
        buf_add(f->out, STR("1003383421387256"));
    else if (str_eq(name, STR("business")))
        buf_add(f->out, STR("2729063490586005"));
}

static bool is_variable(char c)
{
    return (c >= 'a' && c <= 'z') || c == '_';
}

static const struct sim_node *first(const struct list *nodes)
{
    return list_empty(nodes) ? NULL : CONTAINER_OF(nodes->next, struct sim_node, link);
}

void sim_example_write(const struct sim_example *example, const struct sim_account *account,
                       const struct sim_node *number, struct buf *out)
{
    const struct filling f = {
        .account = account,
        .number = number ? number : first(&account->numbers),
        .tmpl = first(&account->templates),
        .out = out,
    };
    for (const char *p = example->value; *p;) {
        char c = *p++;
        if (c == '$') {
            const char *name = p;
            while (is_variable(*p))
                p++;
            add_variable(&f, str_make(name, (size_t)(p - name)));
        } else {
            buf_add_char(out, c == '\'' ? '"' : c);
        }
    }
}
