/* SPDX-License-Identifier: GPL-2.0-or-later */
/* page - where an operator validates a credential with a browser; plain HTML, no script. */
#ifndef PGW_API_PAGE_H
#define PGW_API_PAGE_H

#include <jansson.h>

#define PAGE_FIELD_BYTES 128u

/* What the form sends. */
struct page_form {
	char token[PAGE_FIELD_BYTES];
	char code[PAGE_FIELD_BYTES];
	char action[PAGE_FIELD_BYTES]; /* "validate", "refuse"; "": none */
};

/* page_read() - fields of a query or of a form's body; what is too long or unknown is left out */
void page_read(struct page_form *form, const char *text);

/**
 * page_credential() - the form for a credential
 * @credential: as credential-show tells it
 * @wrong: what was wrong with the last try, or NULL
 * Return: malloc'ed, NULL without memory.
 */
char *page_credential(const json_t *credential, const char *token, const char *wrong);

/* page_message() - a page that says @text. Return: malloc'ed, NULL without memory. */
char *page_message(const char *text);

#endif
