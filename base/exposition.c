#include "base/exposition.h"

#include <math.h>
#include <stdio.h>

#define TEXT_MAX   (1024L * 1024) /* never met: names and labels are few */
#define NUMBER_MAX 32

static const char *const types[] = {
	[METRIC_COUNTER] = "counter",
	[METRIC_GAUGE] = "gauge",
	[METRIC_HISTOGRAM] = "histogram",
};

void exposition_init(struct exposition *e)
{
	*e = (struct exposition){ .name = "" };
	buf_init(&e->text, TEXT_MAX);
}

char *exposition_take(struct exposition *e)
{
	return buf_take(&e->text);
}

void exposition_family(struct exposition *e, const char *name,
		       enum metric_type type, const char *help)
{
	e->name = name;
	buf_printf(&e->text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
		   types[type]);
}

static void add_escaped(struct buf *b, const char *text)
{
	for (; *text; text++)
		if (*text == '\n')
			buf_puts(b, "\\n");
		else if (*text == '"' || *text == '\\')
			buf_printf(b, "\\%c", *text);
		else
			buf_add(b, text, 1);
}

static void add_labels(struct buf *b, const char *const labels[])
{
	if (!labels || !labels[0])
		return;
	for (size_t i = 0; labels[i]; i += 2) {
		buf_printf(b, "%s%s=\"", i ? "," : "{", labels[i]);
		add_escaped(b, labels[i + 1]);
		buf_puts(b, "\"");
	}
	buf_puts(b, "}");
}

/* Whole numbers as they are, others to nine digits; no locale has a say. */
static const char *number(double value, char out[static NUMBER_MAX])
{
	if (isinf(value))
		snprintf(out, NUMBER_MAX, "%sInf", value < 0 ? "-" : "+");
	else if (value == floor(value) && fabs(value) < 1e15)
		snprintf(out, NUMBER_MAX, "%.0f", value);
	else
		snprintf(out, NUMBER_MAX, "%.9g", value);
	return out;
}

static void add_value(struct exposition *e, const char *suffix,
		      const char *const labels[], double value)
{
	char text[NUMBER_MAX];

	buf_printf(&e->text, "%s%s", e->name, suffix);
	add_labels(&e->text, labels);
	buf_printf(&e->text, " %s\n", number(value, text));
}

void exposition_value(struct exposition *e, const char *const labels[],
		      double value)
{
	add_value(e, "", labels, value);
}

void exposition_one(struct exposition *e, const char *name,
		    enum metric_type type, const char *help, double value)
{
	exposition_family(e, name, type, help);
	exposition_value(e, NULL, value);
}

void exposition_histogram(struct exposition *e, const double bounds[],
			  const double counts[], size_t n, double sum)
{
	double so_far = 0;
	char text[NUMBER_MAX];

	for (size_t i = 0; i <= n; i++) {
		const char *labels[] = {
			"le", number(i < n ? bounds[i] : INFINITY, text), NULL
		};

		so_far += counts[i];
		add_value(e, "_bucket", labels, so_far);
	}
	add_value(e, "_sum", NULL, sum);
	add_value(e, "_count", NULL, so_far);
}
