#include "cli/fleet_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/fleet_entry.h"
#include "cli/names.h"

/* A file with this in it. The caller unlinks and frees. */
static char *file_with(const char *text, size_t len)
{
	char *path = xstrdup("/tmp/mtasts-fleet-XXXXXX");
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
	return path;
}

/* "LINE:entry as JSON;" for each; "LINE!text;" if bad, "LINE!!text;" broken. */
static char *all_of(const char *text, enum fleet_format format)
{
	char *path = file_with(text, strlen(text)), *all = xstrdup("");
	struct err err = ERR_INIT;
	struct fleet_file *f = fleet_open(path, format, &err);
	struct fleet_line line;
	enum fleet_step step;

	assert_non_null(f);
	while ((step = fleet_next(f, &line, &err)) != FLEET_END) {
		char *is = line.entry
				   ? json_dumps(line.entry,
						JSON_COMPACT | JSON_SORT_KEYS)
				   : xstrdup(err.text);
		char *longer = xasprintf("%s%ld%s%s;", all, line.first,
					 step == FLEET_ENTRY ? ":"
					 : step == FLEET_BAD ? "!"
							     : "!!",
					 is);

		free(all);
		free(is);
		all = longer;
		json_decref(line.entry);
	}
	fleet_close(f);
	unlink(path);
	free(path);
	return all;
}

static const struct {
	const char *text, *all;
} cases[] = {
	/* CSV */
	{ "", "" },
	{ "\n\n", "" },
	{ "name,mx\n", "" },
	{ "name,mx\na.test,mx.a.test\n",
	  "2:{\"mx\":[\"mx.a.test\"],\"name\":\"a.test\"};" },
	{ "\xef\xbb\xbf\r\nNAME , Label\r\n A.Test. , x y \r\n",
	  "3:{\"label\":\"x y\",\"name\":\"a.test\"};" },
	{ "name,track_mx\na.test,yes\nb.test,\n",
	  "2:{\"name\":\"a.test\",\"track_mx\":\"yes\"};"
	  "3:{\"name\":\"b.test\"};" },
	{ "[{\"name\":\"a.test\",\"track_mx\":true},"
	  "{\"name\":\"b.test\",\"track_mx\":1}]",
	  "1:{\"name\":\"a.test\",\"track_mx\":\"yes\"};"
	  "1!b.test: track_mx must be true or false;" },
	{ "name,label\na.test,\" x \"\n",
	  "2:{\"label\":\" x \",\"name\":\"a.test\"};" },
	{ "name,mx\na.test,\"m1.a.test; m2.a.test\nm3.a.test\"\nb.test,\n",
	  "2:{\"mx\":[\"m1.a.test\",\"m2.a.test\",\"m3.a.test\"],"
	  "\"name\":\"a.test\"};4:{\"name\":\"b.test\"};" },
	{ "name,preset,mode,max_age,label,rua\na.test,m365,enforce,7d,,\n",
	  "2:{\"label\":\"\",\"max_age\":604800,\"mode\":\"enforce\",\"name\":"
	  "\"a.test\",\"preset\":\"m365\",\"rua\":[]};" },
	{ "name,max_age\na.test,86400\nb.test,soon\nc.test,\nd.test,-1\n",
	  "2:{\"max_age\":86400,\"name\":\"a.test\"};"
	  "3!b.test: max_age: \"soon\" is not a duration;"
	  "4:{\"name\":\"c.test\"};"
	  "5!d.test: max_age: \"-1\" is not a duration;" },
	{ "name,mx\na.test\nb.test,x,y\n,x\nlocalhost,x\nb.test,x\n",
	  "2!it has 1 field, and the header names 2;"
	  "3!it has 3 fields, and the header names 2;"
	  "4!it names no domain;"
	  "5!\"localhost\" is not a domain name: it has a single label;"
	  "6:{\"mx\":[\"x\"],\"name\":\"b.test\"};" },
	{ "name,label\na.test,M\xfcller\n", "2!a.test: label is not UTF-8;" },
	{ "name,lable\na.test,x\n", "1!!the header: unknown column "
				    "\"lable\";" },
	{ "name,mx,name\na.test,x\n", "1!!the header: there are two columns "
				      "name;" },
	{ "mx,label\nx,y\n", "1!!the header has no column name;" },
	{ "name;mx\na;b\n", "1!!the header: unknown column \"name;mx\";" },
	{ "a.test\nb.test\n", "1!!the header: unknown column \"a.test\";" },
	{ "na\"me\na.test\n", "1!!quotation marks are around a part of a field "
			      "only;" },
	/* JSON */
	{ "[]", "" },
	{ " {\"domains\" : [ ] } \n", "" },
	{ "\n[{\"name\":\"a.test\"},\n\n {\"name\":\"b.test\"}]\n",
	  "2:{\"name\":\"a.test\"};4:{\"name\":\"b.test\"};" },
	{ "{\"domains\": [\n{\"name\":\"B\xc3\xbc.test\",\"mx\":\"x y\","
	  "\"max_age\":\"7d\"},\n{\"name\":\"a.test\",\"mx\":[\"x\"],"
	  "\"max_age\":60,\"label\":null,\"rua\":[]}\n]}\n",
	  "2:{\"max_age\":604800,\"mx\":[\"x\",\"y\"],\"name\":"
	  "\"xn--b-eha.test\"};3:{\"max_age\":60,\"mx\":[\"x\"],\"name\":"
	  "\"a.test\",\"rua\":[]};" },
	{ "[{\"name\":\"a.test\",\"mxs\":[]},{\"name\":\"b.test\",\"mx\":[1]},"
	  "{\"name\":7},[],{\"name\":\"c.test\",\"max_age\":-1},"
	  "{\"label\":\"x\"},{\"name\":\"d.test\"}]",
	  "1!a.test: unknown field \"mxs\";"
	  "1!b.test: mx must be a list of texts, or one;"
	  "1!name must be a text;1!it is no object;"
	  "1!c.test: max_age must be a number of seconds, or a text such as "
	  "7d;1!it names no domain;1:{\"name\":\"d.test\"};" },
	{ "[{\"name\":\"a.test\",\"Name\":\"b.test\"}]",
	  "1!a.test: unknown field \"Name\";" },
	{ "[{\"name\":\"a.test\"},\n{\"name\"]",
	  "1:{\"name\":\"a.test\"};2!!the JSON is broken: ':' expected near "
	  "']';" },
	{ "[{\"name\":\"a.test\",\n\"name\":\"b.test\"}]",
	  "1!!the JSON is broken: duplicate object key near '\"name\"';" },
	{ "[{\"name\":\"a.test\"}", "1:{\"name\":\"a.test\"};1!!the JSON is "
				    "broken: a comma or ] is missing;" },
	{ "[{\"name\":\"a.test\"} {\"name\":\"b.test\"}]",
	  "1:{\"name\":\"a.test\"};1!!the JSON is broken: a comma or ] is "
	  "missing;" },
	{ "[{\"name\":\"a.test\"}]\n[]",
	  "1:{\"name\":\"a.test\"};1!!something follows the list, or its end "
	  "is missing;" },
	{ "{\"domains\":[]", "1!!something follows the list, or its end is "
			     "missing;" },
	{ "{\"certs\":[]}", "1!!the JSON is no list of domains;" },
	{ "{}", "1!!the JSON is no list of domains;" },
	{ "[", "1!!the JSON is broken: '[' or '{' expected near end of file;" },
};

static void files_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *all;

		print_message("%s\n", cases[i].text);
		all = all_of(cases[i].text, FLEET_ANY);
		assert_string_equal(all, cases[i].all);
		free(all);
	}
}

static void the_format_can_be_said(void **state)
{
	char *all = all_of("[name\nx\n", FLEET_CSV);

	(void)state;
	assert_string_equal(all, "1!!the header: unknown column \"[name\";");
	free(all);
	all = all_of("name\na.test\n", FLEET_JSON);
	assert_string_equal(all, "1!!the JSON is no list of domains;");
	free(all);
}

static void a_folder_is_no_file(void **state)
{
	struct err err = ERR_INIT;
	struct fleet_file *f = fleet_open("/", FLEET_ANY, &err);
	struct fleet_line line;

	(void)state;
	assert_int_equal(fleet_next(f, &line, &err), FLEET_BROKEN);
	assert_non_null(strstr(err.text, "directory"));
	assert_int_equal(fleet_next(f, &line, &err), FLEET_END);
	fleet_close(f);
	assert_null(fleet_open("/nowhere/at/all", FLEET_ANY, &err));
}

/* A megabyte of brackets is not made a tree of. */
static void a_huge_entry_is_refused(void **state)
{
	size_t len = 1 << 20;
	char *text = xmalloc(len + 1), *all;

	(void)state;
	memset(text, '[', len);
	text[len] = '\0';
	all = all_of(text, FLEET_ANY);
	assert_true(str_starts(all, "1!!"));
	free(all);
	memset(text, ' ', len);
	memcpy(text, "[{", 2);
	all = all_of(text, FLEET_ANY);
	assert_string_equal(all, "1!!an entry longer than 65536 bytes;");
	free(all);
	free(text);
}

/* What an export writes is read back to the same. */
static void a_domain_survives_csv(void **state)
{
	static const char domain[] =
		"{\"name\":\"a.test\",\"label\":\"Dr. \\\"X\\\", Y\",\"rua\":"
		"[\"mailto:a@a.test\",\"https://a.test/r\"],\"state\":\"live\","
		"\"track_mx\":false,\"policy\":{\"mode\":\"enforce\",\"max_"
		"age\":86401,\"mx\":"
		"[\"m1.a.test\",\"*.b.test\"],\"version\":3}}";
	json_t *document = json_loads(domain, 0, NULL);
	json_t *entry = fleet_entry_of_domain(document);
	char *text = NULL, *all, *as_json, *expected;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	(void)state;
	fleet_entry_csv_header(to);
	fleet_entry_csv_line(entry, to);
	fclose(to);
	all = all_of(text, FLEET_ANY);
	json_object_set_new(entry, "track_mx", json_string("no"));
	as_json = json_dumps(entry, JSON_COMPACT | JSON_SORT_KEYS);
	expected = xasprintf("2:%s;", as_json);
	assert_string_equal(all, expected);
	assert_null(strstr(all, "state"));
	free(all);
	free(as_json);
	free(expected);
	free(text);
	json_decref(entry);
	json_decref(document);
}

static void names_are_found_again(void **state)
{
	struct names *n = names_new();
	char name[32];

	(void)state;
	for (long i = 1; i <= 1000; i++) {
		snprintf(name, sizeof(name), "n%ld.test", i);
		assert_int_equal(names_line(n, name), 0);
		assert_int_equal(names_add(n, name, i), 0);
	}
	for (long i = 1; i <= 1000; i++) {
		snprintf(name, sizeof(name), "n%ld.test", i);
		assert_int_equal(names_line(n, name), i);
		assert_int_equal(names_add(n, name, 9), i);
	}
	names_free(n);
	names_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_read),
		cmocka_unit_test(the_format_can_be_said),
		cmocka_unit_test(a_folder_is_no_file),
		cmocka_unit_test(a_huge_entry_is_refused),
		cmocka_unit_test(a_domain_survives_csv),
		cmocka_unit_test(names_are_found_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
