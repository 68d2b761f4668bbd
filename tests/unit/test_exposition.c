#include "base/exposition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void families_have_help_type_and_values(void **state)
{
	const char *labels[] = { "ca", "le", "limit", "posts", NULL };
	struct exposition e;
	char *text;

	(void)state;
	exposition_init(&e);
	exposition_one(&e, "x_total", METRIC_COUNTER, "All x.", 12);
	exposition_family(&e, "y_left", METRIC_GAUGE, "Of y.");
	exposition_value(&e, labels, -0.25);
	exposition_value(&e, NULL, 123456789012.0);
	text = exposition_take(&e);
	assert_string_equal(text, "# HELP x_total All x.\n"
				  "# TYPE x_total counter\n"
				  "x_total 12\n"
				  "# HELP y_left Of y.\n"
				  "# TYPE y_left gauge\n"
				  "y_left{ca=\"le\",limit=\"posts\"} -0.25\n"
				  "y_left 123456789012\n");
	free(text);
}

static void what_stands_in_a_label_is_escaped(void **state)
{
	const char *labels[] = { "ca", "a\"b\\c\nd", NULL };
	struct exposition e;
	char *text;

	(void)state;
	exposition_init(&e);
	exposition_family(&e, "x", METRIC_GAUGE, "X.");
	exposition_value(&e, labels, 1);
	text = exposition_take(&e);
	assert_non_null(strstr(text, "\nx{ca=\"a\\\"b\\\\c\\nd\"} 1\n"));
	free(text);
}

static void a_histogram_adds_up(void **state)
{
	static const double bounds[] = { 0, 0.5, 1 };
	static const double counts[] = { 1, 0, 5, 2 };
	struct exposition e;
	char *text;

	(void)state;
	exposition_init(&e);
	exposition_family(&e, "h", METRIC_HISTOGRAM, "H.");
	exposition_histogram(&e, bounds, counts, 3, 6.5);
	text = exposition_take(&e);
	assert_string_equal(strstr(text, "h_bucket"),
			    "h_bucket{le=\"0\"} 1\n"
			    "h_bucket{le=\"0.5\"} 1\n"
			    "h_bucket{le=\"1\"} 6\n"
			    "h_bucket{le=\"+Inf\"} 8\n"
			    "h_sum 6.5\n"
			    "h_count 8\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(families_have_help_type_and_values),
		cmocka_unit_test(what_stands_in_a_label_is_escaped),
		cmocka_unit_test(a_histogram_adds_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
