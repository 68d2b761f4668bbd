/*
 * The rows that policy/findings.c goes through. For policy/findings*.c only.
 */
#ifndef POLICY_FINDINGS_PARTS_H
#define POLICY_FINDINGS_PARTS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "policy/findings.h"
#include "policy/sts_lint.h"

/* What a row looks at. */
struct bench {
	const struct check_facts *f;
	time_t now;
	const struct sts_lint *lint;	/* NULL: there is no body to read */
	const struct check_https *https;	/* by its turn, as are these */
	const struct check_mx *mx;
	const struct check_smtp *smtp;
	const struct sts_fault *fault;
	int arg;			/* the row's */
	struct buf detail;		/* for "{}" */
	struct err why; /* a judgement of others; for "{hint}" */
	enum check_severity severity;	/* the row's; to be changed at will */
	const char *announce, *report;	/* findings_say_announce() ... */
};

/*
 * In the texts {} is the detail, {domain}, {id} (that is or should be
 * announced), {mx} and {address} are what they say, {hint} that of `why`.
 */
struct rule {
	const char *id;
	enum check_severity severity;
	bool (*holds)(struct bench *b);
	int arg;
	const char *text, *todo;
};

/* How often the rows of a set are gone through. */
enum turn { ONCE, EACH_HTTPS, EACH_FAULT, EACH_MX, EACH_SMTP };

struct rule_set {
	enum check_group group;
	enum turn turn;
	const struct rule *rule;
	size_t count;
};

extern const struct rule_set rules_records;
extern const struct rule_set rules_host, rules_host_each;
extern const struct rule_set rules_cert, rules_cert_each;
extern const struct rule_set rules_policy, rules_policy_each;
extern const struct rule_set rules_mail, rules_mail_each, rules_smtp_each;
extern const struct rule_set rules_reports, rules_box;

/*
 * Of a domain that is hosted: what to do about a finding, or NULL if that is
 * as for anybody's; and what {announce} and {report} stand for there.
 */
#define FINDINGS_HOSTED 1300
const char *findings_hosted(const char *id);
void findings_say_announce(const struct check_facts *f,
			   char out[static FINDINGS_HOSTED]);
void findings_say_report(const struct check_facts *f,
			 char out[static FINDINGS_HOSTED]);

/* The detail, of strangers' text too. Both return true. */
bool bench_say(struct bench *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
bool bench_quote(struct bench *b, const char *text);

/* " and " and ", " between; the detail so far is the list. */
void bench_list(struct bench *b, const char *item);

/* Is there a policy of this mode? */
bool bench_has_mode(const struct bench *b, enum sts_mode mode);

/* Is it one of the box's own addresses, as far as these are known? */
bool bench_is_own(const struct check_facts *f, const char *address);

/* Whether a certificate of the two kinds is good, and what its row says. */
enum cert_fault {
	CERT_OTHER_NAME,
	CERT_EXPIRED,
	CERT_EARLY,
	CERT_UNTRUSTED,
	CERT_SOON,		/* in its last quarter, and within 14 days */
	CERT_DUE,		/* in its last third, and within 30 */
	CERT_GOOD
};
bool bench_cert(struct bench *b, const struct tls_look *cert);

/* Was one seen that has a fault for which it is refused? */
bool bench_cert_is_bad(const struct bench *b, const struct tls_look *cert);

#endif
