#include "daemon/options.h"

#include <getopt.h>
#include <stdio.h>

#define CONFIG_DEFAULT "/etc/mtastsd/mtastsd.conf"

static void usage(FILE *out)
{
	fputs("usage: mtastsd [--config FILE] [--user NAME | --check-config |\n"
	      "               --show-config | --restore BACKUP]\n"
	      "\n"
	      "  --config FILE     configuration (" CONFIG_DEFAULT ")\n"
	      "  --user NAME       bind the ports as root, then be this user\n"
	      "  --check-config    read it, say what is wrong, and end\n"
	      "  --show-config     print what it comes to as JSON, and end\n"
	      "  --restore BACKUP  put a backup in the place of state.db, and "
	      "end\n"
	      "  --version         print the version\n"
	      "  --help            this\n"
	      "\n"
	      "See mtastsd(8) and mtastsd.conf(5). It is administered with\n"
	      "mtastsctl(1).\n",
	      out);
}

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "user", required_argument, NULL, 'u' },
	{ "check-config", no_argument, NULL, 't' },
	{ "show-config", no_argument, NULL, 'S' },
	{ "restore", required_argument, NULL, 'R' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static bool end(struct options *o, enum daemon_exit code)
{
	o->code = code;
	return false;
}

static bool misused(struct options *o)
{
	usage(stderr);
	return end(o, EXIT_USAGE);
}

/* A backup that is not named is asked for where its folder is known. */
static bool lacks_value(struct options *o, char **argv)
{
	if (optopt == 'R') {
		o->command = COMMAND_RESTORE;
		return true;
	}
	fprintf(stderr, "mtastsd: %s needs a value\n", argv[optind - 1]);
	return misused(o);
}

static bool take(struct options *o, int c, char **argv)
{
	switch (c) {
	case 'c':
		o->config = optarg;
		o->is_usual_config = false;
		return true;
	case 'u':
		o->user = optarg;
		return true;
	case 't':
		o->command = COMMAND_CHECK_CONFIG;
		return true;
	case 'S':
		o->command = COMMAND_SHOW_CONFIG;
		return true;
	case 'R':
		o->command = COMMAND_RESTORE;
		o->backup = optarg;
		return true;
	case 'V':
		puts("mtastsd " MTASTSD_VERSION);
		return end(o, EXIT_FINE);
	case 'h':
		usage(stdout);
		return end(o, EXIT_FINE);
	case ':':
		return lacks_value(o, argv);
	default:
		fprintf(stderr, "mtastsd: there is no option %s\n",
			argv[optind - 1]);
		return misused(o);
	}
}

bool options_read(struct options *o, int argc, char **argv)
{
	int c;

	*o = (struct options){ .config = CONFIG_DEFAULT,
			       .is_usual_config = true };
	while ((c = getopt_long(argc, argv, ":c:th", long_options, NULL)) >= 0)
		if (!take(o, c, argv))
			return false;
	if (optind == argc)
		return true;
	fprintf(stderr, "mtastsd: \"%s\" is too much\n", argv[optind]);
	return misused(o);
}
