/* SPDX-License-Identifier: GPL-2.0-or-later */
/* error - messages about statements. */
#ifndef PGW_CONFIG_ERROR_H
#define PGW_CONFIG_ERROR_H

#include "control/config/model.h"

/* error_set() - say what is wrong. @line and @column count from 1, 0 = the whole.
 * Return: -EINVAL. */
int error_set(struct config_error *error, unsigned line, unsigned column, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* error_memory() - Return: -ENOMEM, with a message. */
int error_memory(struct config_error *error);

/* error_word() - @word as a message shows it: shortened where it is long */
#define ERROR_WORD_BYTES 48
const char *error_word(char buf[ERROR_WORD_BYTES], const char *word);

#endif
