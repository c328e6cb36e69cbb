/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/api/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/api/route.h"

static const char head[] =
	"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>pgw</title>"
	"<style>body{font:16px/1.5 sans-serif;max-width:40em;margin:3em auto;padding:0 1em}"
	"code{background:#eee;padding:0 .3em}input{font:inherit;padding:.3em}"
	".wrong{color:#a00}</style></head><body><h1>Private gateway</h1>\n";
static const char foot[] = "</body></html>\n";

static void field(char to[PAGE_FIELD_BYTES], const char *value)
{
	if (strlen(value) < PAGE_FIELD_BYTES)
		snprintf(to, PAGE_FIELD_BYTES, "%s", value);
}

void page_read(struct page_form *form, const char *text)
{
	char *copy = strdup(text ? text : ""), *rest = copy, *pair;

	memset(form, 0, sizeof(*form));
	while (rest && (pair = strsep(&rest, "&"))) {
		char *value = strchr(pair, '=');

		if (!value)
			continue;
		*value++ = '\0';
		if (!route_decode(value, true))
			continue;
		if (strcmp(pair, "credentialToken") == 0)
			field(form->token, value);
		else if (strcmp(pair, "code") == 0)
			field(form->code, value);
		else if (strcmp(pair, "action") == 0)
			field(form->action, value);
	}
	free(copy);
}

static void escaped(FILE *out, const char *text)
{
	for (; text && *text; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			putc(*text, out);
		}
	}
}

static void rules(FILE *out, const json_t *list)
{
	fputs("<ul>", out);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *rule = json_array_get(list, i);

		fputs("<li><code>", out);
		escaped(out, json_string_value(json_object_get(rule, "method")));
		putc(' ', out);
		escaped(out, json_string_value(json_object_get(rule, "path")));
		fputs("</code></li>", out);
	}
	fputs("</ul>\n", out);
}

char *page_credential(const json_t *credential, const char *token, const char *wrong)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		return NULL;
	fputs(head, out);
	fputs("<p>The application <b>", out);
	escaped(out, json_string_value(json_object_get(credential, "application")));
	fputs("</b> asks to be allowed to call:</p>\n", out);
	rules(out, json_object_get(credential, "rules"));
	if (wrong) {
		fputs("<p class=\"wrong\">", out);
		escaped(out, wrong);
		fputs("</p>\n", out);
	}
	fprintf(out,
		"<p>Its validation code is shown on the gateway by <code>pgw credential show id "
		"%lld</code>.</p>\n<form method=\"post\" action=\"validate\">"
		"<input type=\"hidden\" name=\"credentialToken\" value=\"",
		(long long)json_integer_value(json_object_get(credential, "credential-id")));
	escaped(out, token);
	fputs("\"><p><label>Validation code <input name=\"code\" autocomplete=\"off\" required>"
	      "</label></p><p><button name=\"action\" value=\"validate\">Allow</button> "
	      "<button name=\"action\" value=\"refuse\">Refuse</button></p></form>\n",
	      out);
	fputs(foot, out);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

char *page_message(const char *text)
{
	char *page = NULL;
	size_t bytes;
	FILE *out = open_memstream(&page, &bytes);

	if (!out)
		return NULL;
	fputs(head, out);
	fputs("<p>", out);
	escaped(out, text);
	fputs("</p>\n", out);
	fputs(foot, out);
	if (fclose(out)) {
		free(page);
		return NULL;
	}
	return page;
}
