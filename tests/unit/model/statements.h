/* Every SQL text of the models, without a second copy of any: the string literals of their library
 * (MODEL_LIBRARY, an ar archive of ELF objects). A statement is always one literal (store.h), so
 * whatever is added to the models is found here too; an object that runs statements and has none,
 * or a literal with parameters that begins with an unknown verb, fails the test. */
#pragma once

#include "base/file.h"

#include <ar.h>
#include <elf.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define STATEMENTS_MAX 256

struct statements {
    struct buf library; /* owns the texts */
    size_t n, objects;  /* objects: those that run statements */
    const char *sql[STATEMENTS_MAX];
};

static inline bool is_statement(const char *text)
{
    static const char *const verbs[] = {"SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ",
                                        "WITH "};
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (strncmp(text, verbs[i], strlen(verbs[i])) == 0)
            return true;
    return false;
}

static inline void statements_add(struct statements *s, const char *text)
{
    if (!is_statement(text)) {
        if (strstr(text, "$1"))
            fail_msg("a statement that begins with no verb that this test knows: %s", text);
        return;
    }
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->sql[i], text) == 0)
            return;
    assert_true(s->n < STATEMENTS_MAX);
    s->sql[s->n++] = text;
}

/* Texts end with a NUL; other constants may stand before one. */
static inline void read_section(struct statements *s, const char *bytes, size_t len)
{
    size_t begin = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c == '\0' && i > begin)
            statements_add(s, bytes + begin);
        if ((c < ' ' && c != '\n' && c != '\t') || c > '~')
            begin = i + 1;
    }
}

static inline bool runs_statements(const char *object, const ElfW(Shdr) * sections,
                                   const ElfW(Shdr) * symbols)
{
    static const char *const names[] = {"tx_query", "tx_exec", "tx_i64"};
    const char *text = object + sections[symbols->sh_link].sh_offset;
    const ElfW(Sym) *list = (const void *)(object + symbols->sh_offset);
    for (size_t i = 0; i < symbols->sh_size / sizeof(*list); i++)
        for (size_t k = 0; k < ARRAY_LEN(names); k++)
            if (list[i].st_shndx == SHN_UNDEF && strcmp(text + list[i].st_name, names[k]) == 0)
                return true;
    return false;
}

static inline void read_object(struct statements *s, const char *object)
{
    const ElfW(Ehdr) *header = (const void *)object;
    assert_memory_equal(header->e_ident, ELFMAG, SELFMAG);
    const ElfW(Shdr) *sections = (const void *)(object + header->e_shoff);
    size_t before = s->n;
    bool runs = false;
    for (size_t i = 0; i < header->e_shnum; i++) {
        const ElfW(Shdr) *section = &sections[i];
        if (section->sh_type == SHT_SYMTAB)
            runs = runs_statements(object, sections, section);
        if (section->sh_type == SHT_PROGBITS && (section->sh_flags & SHF_ALLOC) &&
            !(section->sh_flags & SHF_EXECINSTR))
            read_section(s, object + section->sh_offset, section->sh_size);
    }
    s->objects += runs;
    if (runs && s->n == before)
        fail_msg("an object of the models runs statements, and none was found in it");
}

/* The members of the archive, each moved to where its structures may be read. */
static inline void statements_read(struct statements *s)
{
    struct arena arena;
    struct error error;
    *s = (struct statements){0};
    arena_init(&arena, 64 * KIB);
    error_init(&error, &arena);
    buf_init(&s->library, 64 * MIB);
    if (file_read(MODEL_LIBRARY, &s->library, &error))
        fail_msg("%.*s", STR_FMT(error.message));
    arena_release(&arena);
    struct str rest = buf_str(&s->library);
    assert_true(str_starts(rest, STR(ARMAG)));
    size_t at = SARMAG;
    while (at + sizeof(struct ar_hdr) <= rest.len) {
        const struct ar_hdr *member = (const void *)(rest.ptr + at);
        size_t size = strtoul(member->ar_size, NULL, 10);
        at += sizeof(*member);
        assert_true(size <= rest.len - at);
        /* The archive's own tables are "/", "//" and "/SYM64/"; "/123" is a long name. */
        if (member->ar_name[0] != '/' || (member->ar_name[1] >= '0' && member->ar_name[1] <= '9')) {
            char *aligned = s->library.ptr + at / 16 * 16;
            memmove(aligned, rest.ptr + at, size);
            read_object(s, aligned);
        }
        at += size + size % 2;
    }
    assert_true(s->objects > 0);
}

static inline void statements_release(struct statements *s)
{
    buf_release(&s->library);
}

/* The one statement that has this in it. */
static inline const char *statements_find(const struct statements *s, const char *part)
{
    const char *found = NULL;
    for (size_t i = 0; i < s->n; i++) {
        if (!strstr(s->sql[i], part))
            continue;
        if (found)
            fail_msg("two statements of the models have this in them: %s", part);
        found = s->sql[i];
    }
    if (!found)
        fail_msg("no statement of the models has this in it: %s", part);
    return found;
}
