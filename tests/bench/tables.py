"""Tables in Markdown, row by row as the figures come."""

import statistics

TEXTS = "server", "manner", "what", "bound"	# columns of words


def row(*cells):
	print("| " + " | ".join(str(c) for c in cells) + " |", flush=True)


def head(title, *cells):
	print(f"\n### {title}\n")
	row(*cells)
	row(*["---" if c in TEXTS else "---:" for c in cells])


def spread(values):
	return (f"{statistics.median(values):.0f}"
		f" ({min(values):.0f}–{max(values):.0f})")


def ms(values):
	return f"{statistics.median(values) / 1000:.1f}"


def median_ratio(a, b):
	"""Of rounds to rounds: what one has in common with itself alone."""
	each = [x / y for x, y in zip(a, b)]
	return statistics.median(each) if each else None


def ratio(a, b):
	found = median_ratio(a, b)
	return "–" if found is None else f"{found:.2f}"
