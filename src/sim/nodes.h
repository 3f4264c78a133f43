/* A node of the graph: an account, a phone number or a template. Its fields are rows of a table for
 * its kind (node_kinds.c), which drives what a scenario may say, what a request may select and what
 * is answered when it selects nothing. A value is kept as the JSON text that goes into answers. */
#pragma once

#include "base/list.h"
#include "sim/fields.h"
#include "json/reader.h"
#include "json/writer.h"

enum sim_kind { SIM_ACCOUNT, SIM_NUMBER, SIM_TEMPLATE, SIM_KIND_COUNT };

enum sim_field_kind {
    SIM_FIELD_ID,     /* decimal digits; a scenario may write it as an integer */
    SIM_FIELD_TEXT,   /* not empty */
    SIM_FIELD_WORD,   /* letters, digits and _ only */
    SIM_FIELD_CHOICE, /* one of `accepts`, separated by '|' */
    SIM_FIELD_BOOL,
    SIM_FIELD_INTEGER,
    SIM_FIELD_TIME,   /* "2023-08-22T19:05:53+0000" */
    SIM_FIELD_OBJECT, /* with members out of `accepts` */
    SIM_FIELD_LIST,   /* of objects with members out of `accepts`; empty `accepts`: of anything */
};

struct sim_node;

struct sim_field {
    const char *name;
    enum sim_field_kind kind;
    const char *accepts;
    const char *fallback; /* the value, as JSON, where a scenario is silent; NULL: none */
    bool required;        /* in a scenario */
    bool by_default;      /* answered when a request selects nothing */
    bool is_hidden;       /* no field of Meta's: only scenarios and the control API know it */
    const char *alias;    /* another name that the control API takes */
    /* Writes the value when there is none: it follows from other fields. */
    void (*compute)(const struct sim_node *node, struct json_writer *w);
};

struct sim_kind_info {
    const char *type;               /* as Meta's error about an unknown field calls it */
    const struct sim_field *fields; /* the first one is the id */
    size_t n_fields;
};
extern const struct sim_kind_info sim_kinds[SIM_KIND_COUNT];

struct sim_account;

struct sim_node {
    struct list link;  /* in its account's numbers or templates, or the state's accounts */
    struct list by_id; /* in a bucket of the state's index */
    enum sim_kind kind;
    struct sim_account *account;  /* whose it is; an account's is itself */
    char *values[SIM_FIELDS_MAX]; /* JSON text from malloc, by row of the kind's table */
};

/* Sets up a zeroed node, and releases its values. */
void sim_node_init(struct sim_node *node, enum sim_kind kind, struct sim_account *account);
void sim_node_release(struct sim_node *node);
/* Sets up a zeroed node with copies of the values: how it was before a change. */
void sim_node_copy(struct sim_node *to, const struct sim_node *from);

/* The row, or NULL. */
const struct sim_field *sim_kind_field(enum sim_kind kind, struct str name);

/* Stored, else the fallback, as JSON text; {NULL,0} when there is neither. */
struct str sim_node_value(const struct sim_node *node, const char *name);
/* The same for a value that is a string without escapes (an id, a choice, a word, a time): without
 * its quotes; empty when there is none. */
struct str sim_node_word(const struct sim_node *node, const char *name);
static inline struct str sim_node_id(const struct sim_node *node)
{
    return sim_node_word(node, "id");
}
void sim_node_set(struct sim_node *node, const struct sim_field *field, struct str json);

/* What sim_node_check needs to know beside the object. */
struct sim_check {
    const char *path;    /* of the object: "accounts[0].numbers[2]."; "" at the top */
    const char *others;  /* member names that somebody else reads, separated by '|' */
    bool patch;          /* required fields may be missing, null clears, the id may not change */
    bool id_optional;    /* it is made up when it is not there */
    struct error *error; /* each complaint becomes a detail of it */
};
/* Complains about each wrong member of an object that is to become, or to change, a node. */
void sim_node_check(enum sim_kind kind, struct json object, const struct sim_check *check);
/* Takes the fields over from a checked object. */
void sim_node_apply(struct sim_node *node, struct json object, struct arena *arena);

/* Writes the selected fields, and the id always; no selection: the default ones. Returns
 * ERR_VALIDATION with a message in Meta's words when a selected field does not exist. */
enum err sim_node_write(const struct sim_node *node, const struct sim_selection *selection,
                        struct json_writer *w, struct arena *arena, struct error *error) MUST_USE;
/* Checks a selection without a node: a list may be empty. */
enum err sim_selection_check(enum sim_kind kind, const struct sim_selection *selection,
                             struct error *error) MUST_USE;
/* Writes every field that has a value as members of the open object: how a scenario is saved. */
void sim_node_write_members(const struct sim_node *node, struct json_writer *w);

/* "a" among "b|a|c"? */
bool sim_word_in(const char *words, struct str word);
