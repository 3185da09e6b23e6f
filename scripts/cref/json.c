// SPDX-License-Identifier: Apache-2.0
//
// Reads the few fields of an order of tunbench ab, which is a JSON object on one line.
// It takes well-formed JSON only, as Go's encoder writes it. Strings are compared as they
// are written: none that matters has an escape.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tunref.h"

static const char *skip_space(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

// The end of the string that begins at p with its quote.
static const char *skip_string(const char *p)
{
	for (p++; *p && *p != '"'; p++)
		if (*p == '\\' && p[1])
			p++;
	return *p ? p + 1 : p;
}

// The end of the value that begins at p.
static const char *skip_value(const char *p)
{
	int depth = 0;

	do {
		if (*p == '"') {
			p = skip_string(p);
			continue;
		}
		if (*p == '{' || *p == '[')
			depth++;
		if (*p == '}' || *p == ']')
			depth--;
		p++;
	} while (*p && (depth > 0 || !strchr(",]}", *p)));
	return p;
}

const char *json_next(const char *list, const char *last)
{
	const char *p = skip_space(last ? skip_value(last) : list);

	if (*p != (last ? ',' : '['))
		return NULL;
	p = skip_space(p + 1);
	return *p && *p != ']' ? p : NULL;
}

const char *json_member(const char *object, const char *last, const char **value)
{
	const char *p = object;

	if (last) // its key, a colon and its value were seen
		p = skip_space(skip_value(skip_space(skip_space(skip_string(last)) + 1)));
	p = skip_space(p);
	if (*p != (last ? ',' : '{'))
		return NULL;
	p = skip_space(p + 1);
	if (*p != '"')
		return NULL;
	*value = skip_space(skip_string(p));
	if (**value != ':')
		return NULL;
	*value = skip_space(*value + 1);
	return p;
}

const char *json_find(const char *object, const char *key)
{
	const char *name = NULL, *value;

	if (!object)
		return NULL;
	while ((name = json_member(object, name, &value)))
		if (json_is(name, key))
			return value;
	return NULL;
}

bool json_is(const char *value, const char *text)
{
	size_t n = strlen(text);

	return value && *value == '"' && !strncmp(value + 1, text, n) && value[1 + n] == '"';
}

bool json_number(const char *value, double *number)
{
	char *end;

	if (!value)
		return false;
	if (*value == '"')
		value++;
	*number = strtod(value, &end);
	return end > value;
}

void json_print(const char *text)
{
	putchar('"');
	for (; *text; text++)
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else if ((unsigned char)*text >= ' ')
			putchar(*text);
	putchar('"');
}
