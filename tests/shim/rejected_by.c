/*
 * The senders that reject the policy on stdin, by sts_lint(), one a line: for
 * tests/e2e/test_clients.py, which knows what each of them does.
 */
#include <stdio.h>
#include <stdlib.h>

#include "policy/sts_lint.h"

#define BODY_MAX 100000

int main(void)
{
	static char body[BODY_MAX];
	char names[STS_CLIENTS];
	struct sts_lint lint;

	sts_lint(&lint, body, fread(body, 1, sizeof(body), stdin));
	for (size_t i = 0; i < lint.count; i++)
		puts(sts_fault_clients(&lint.fault[i], names));
	sts_lint_release(&lint);
	return EXIT_SUCCESS;
}
