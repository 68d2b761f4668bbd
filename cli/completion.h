/*
 * What a shell needs to complete mtastsctl's command line, made from the
 * tables of commands and options: `mtastsctl completion bash|zsh`, which is in
 * no help. `make install` puts it where the shells look.
 */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

#include <stdbool.h>
#include <stdio.h>

/* False: there is no such shell here. */
bool completion_print(FILE *to, const char *shell);

#endif
