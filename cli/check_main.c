/*
 * mtasts-check: a mail domain's MTA-STS, seen from outside. No daemon, no
 * configuration: for any domain, on any machine.
 */
#include <curl/curl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "cli/check_run.h"

struct arguments {
	struct outside_options outside;
	const char *resolvers[DNS_SERVERS_MAX];
	bool json;
};

static const char usage[] =
	"usage: mtasts-check [options] DOMAIN\n"
	"\n"
	"  --json              the findings as JSON\n"
	"  --no-smtp           do not ask the mail servers\n"
	"  --resolver ADDRESS  ask this one, not the system's; up to 4 times\n"
	"  --timeout DURATION  of one connection, such as 10s (default 60s)\n"
	"  --ca-file FILE      trust the roots in it, not the system's\n"
	"  --allow-private     try private and loopback addresses too\n"
	"  --https-port PORT   in place of 443\n"
	"  --smtp-port PORT    in place of 25\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 all well, 1 warnings, 2 errors, 64 wrong usage.\n";

enum {
	O_JSON = 256,
	O_NO_SMTP,
	O_RESOLVER,
	O_TIMEOUT,
	O_CA_FILE,
	O_PRIVATE,
	O_HTTPS_PORT,
	O_SMTP_PORT,
	O_HELP,
	O_VERSION
};

static const struct option options[] = {
	{ "json", no_argument, NULL, O_JSON },
	{ "no-smtp", no_argument, NULL, O_NO_SMTP },
	{ "resolver", required_argument, NULL, O_RESOLVER },
	{ "timeout", required_argument, NULL, O_TIMEOUT },
	{ "ca-file", required_argument, NULL, O_CA_FILE },
	{ "allow-private", no_argument, NULL, O_PRIVATE },
	{ "https-port", required_argument, NULL, O_HTTPS_PORT },
	{ "smtp-port", required_argument, NULL, O_SMTP_PORT },
	{ "help", no_argument, NULL, O_HELP },
	{ "version", no_argument, NULL, O_VERSION },
	{ 0 },
};

static enum exit_code fail(enum exit_code code, const struct err *err)
{
	fprintf(stderr, "mtasts-check: %s", err->text);
	if (*err->hint)
		fprintf(stderr, " (%s)", err->hint);
	fputc('\n', stderr);
	return code;
}

static bool take_port(const char *text, long *port, struct err *err)
{
	return (str_to_long(text, strlen(text), 65535, port) && *port) ||
	       err_set(err, ERR_INPUT, "\"%.40s\" is not a port", text);
}

static bool take_resolver(struct arguments *a, const char *text,
			  struct err *err)
{
	if (a->outside.resolver_count == DNS_SERVERS_MAX)
		return err_set(err, ERR_INPUT, "at most %d resolvers",
			       DNS_SERVERS_MAX);
	a->resolvers[a->outside.resolver_count++] = text;
	return true;
}

static bool take_option(struct arguments *a, int option, struct err *err)
{
	switch (option) {
	case O_JSON:
		return a->json = true;
	case O_NO_SMTP:
		return a->outside.skip_smtp = true;
	case O_PRIVATE:
		return a->outside.allow_private = true;
	case O_CA_FILE:
		a->outside.ca_file = optarg;
		return true;
	case O_RESOLVER:
		return take_resolver(a, optarg, err);
	case O_TIMEOUT:
		return duration_parse(optarg, &a->outside.timeout, err) &&
		       ((a->outside.timeout > 0 &&
			 a->outside.timeout <= WHEN_HOUR) ||
			err_set(err, ERR_INPUT, "--timeout is 1s to 1h"));
	case O_HTTPS_PORT:
		return take_port(optarg, &a->outside.https_port, err);
	case O_SMTP_PORT:
		return take_port(optarg, &a->outside.smtp_port, err);
	default:
		err_set(err, ERR_INPUT, "wrong option");
		return err_hint(err, "mtasts-check --help lists them");
	}
}

static enum exit_code run(int argc, char **argv)
{
	struct arguments a = { .json = false };
	struct err err = ERR_INIT;
	enum exit_code code;
	int option;

	a.outside.resolvers = a.resolvers;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == O_HELP || option == O_VERSION) {
			fputs(option == O_HELP ? usage
					       : "mtasts-check " MTASTSD_VERSION
						 "\n",
			      stdout);
			return EXIT_FINE;
		}
		if (!take_option(&a, option, &err))
			return fail(EXIT_USAGE, &err);
	}
	if (optind != argc - 1) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	code = check_run(argv[optind], &a.outside, a.json, NULL, NULL, &err);
	return err.kind == ERR_NONE ? code : fail(code, &err);
}

int main(int argc, char **argv)
{
	enum exit_code code;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	loop_init_library();
	code = run(argc, argv);
	curl_global_cleanup();
	return code;
}
