/** Writing XML as text: what goes out is built in a GString, escaped here and nowhere else. Pure.
 * Thread: any. */
#pragma once

#include <glib.h>

#include <stdbool.h>

/** Append @p text as character data. What XML 1.0 (2.2) does not allow becomes U+FFFD, so that one
 * odd byte never costs the stream. NULL: nothing. */
void xml_text(GString *s, const char *text);
/** Append " name='value'"; nothing when @p value is NULL. */
void xml_attr(GString *s, const char *name, const char *value);
/** Append " name='number'". */
void xml_attr_number(GString *s, const char *name, guint64 number);
/** Append "<name>text</name>". */
void xml_leaf(GString *s, const char *name, const char *text);
