/* What every file of Hudhud sees first: attributes, clean-up, and the functions we do without. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MUST_USE               __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN               __attribute__((noreturn))

/* A local that owns something names what releases it: _cleanup_(buf_release) struct buf b = ... */
#define _cleanup_(release) __attribute__((cleanup(release)))

/* The value of a macro as a string literal. */
#define STRINGIFY(macro)                STRINGIFY_TEXT(macro)
#define STRINGIFY_TEXT(text)            #text
#define ARRAY_LEN(a)                    (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define MIN(a, b)                       ((a) < (b) ? (a) : (b))
#define MAX(a, b)                       ((a) > (b) ? (a) : (b))

/* A limit's number as a literal. */
#define TEXT_OF(number)   TEXT_OF_1(number)
#define TEXT_OF_1(number) #number

/* Small fixed allocations: there is no sensible way on without them, so they abort. Whatever a
 * client can size is allocated with malloc() and answers ERR_NO_MEMORY. */
void *xmalloc(size_t size) MUST_USE;
void *xcalloc(size_t count, size_t size) MUST_USE;
char *xstrdup(const char *s) MUST_USE;
void NORETURN die(const char *why);

/* For _cleanup_(freep) on a local pointer from malloc. */
void freep(void *pointer_to_pointer);
/* For _cleanup_(closep) on a local file descriptor; -1 is left alone. */
void closep(int *fd);

/* Functions that cannot be used safely do not compile (style.md). The headers that declare them
 * come first: the macros would break them. */
#define hudhud_banned(name) hudhud_##name##_is_banned
#undef strcpy
#define strcpy(a, b) hudhud_banned(strcpy)
#undef strcat
#define strcat(a, b) hudhud_banned(strcat)
#undef sprintf
#define sprintf(...) hudhud_banned(sprintf)
#undef vsprintf
#define vsprintf(...) hudhud_banned(vsprintf)
#undef strtok
#define strtok(a, b) hudhud_banned(strtok)
#undef gets
#define gets(a) hudhud_banned(gets)
#undef atoi
#define atoi(a) hudhud_banned(atoi)
#undef atol
#define atol(a) hudhud_banned(atol)
#undef rand
#define rand() hudhud_banned(rand)
#undef localtime
#define localtime(a) hudhud_banned(localtime)
#undef gmtime
#define gmtime(a) hudhud_banned(gmtime)
#undef alloca
#define alloca(a) hudhud_banned(alloca)
