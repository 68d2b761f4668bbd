"""What the code takes is in a manual page, and the other way round."""

import re
import subprocess
from pathlib import Path

import pytest

from harness.daemon import BUILD

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.[1-8]"))


def helped(program, *words):
	said = subprocess.run([BUILD / program, *words], text=True,
			      capture_output=True, check=True).stdout
	return set(re.findall(r"--([a-z][a-z-]*)", said))


def long_options(program):
	if program != "mtastsctl":
		return helped(program, "--help")
	commands = re.findall(r"^  (\S+(?: \S+)?)  ", subprocess.run(
		[BUILD / program, "help"], text=True, capture_output=True,
		check=True).stdout, re.M)
	rows = re.findall(r"^  --(\S+)", "\n".join(subprocess.run(
		[BUILD / program, "help", *c.split()], text=True,
		capture_output=True, check=True).stdout for c in commands), re.M)
	assert len(commands) > 40
	return set(rows)


# `.It Fl -mx Ar host`, `Fl c , -config Ar file`, ".Op Fl -to Ar N"
def manual_options(page):
	found = set()
	for line in page.read_text().splitlines():
		if not re.match(r"\.(It|Op|Fl|Oo|Nm)\b|\.Xr", line):
			continue
		for words in re.findall(r"Fl ((?:\S+ , )*\S+)", line):
			found |= {w[1:] for w in words.split(" , ")
				  if re.fullmatch(r"-[a-z][a-z-]+", w)}
	return found


OPTIONS = {"mtastsd": "mtastsd.8", "mtastsctl": "mtastsctl.1",
	   "mtasts-check": "mtasts-check.1"}


@pytest.mark.parametrize("program", OPTIONS)
def test_every_option_is_in_its_manual(program):
	missing = long_options(program) - manual_options(DOCS / OPTIONS[program])
	assert not missing


@pytest.mark.parametrize("program", OPTIONS)
def test_every_option_of_a_manual_is_taken(program):
	known = {"name"}.union(*map(long_options, OPTIONS))	# --name value
	stray = manual_options(DOCS / OPTIONS[program]) - known
	assert not stray


def test_what_is_read_is_what_the_table_of_options_has():
	"""Help leaves none out."""
	rows = re.findall(r'\[OPT_\w+\] = \{ \{ "([\w-]+)"',
			  re.sub(r"\s+", " ", (ROOT / "cli/options.c").read_text()))
	assert set(rows) == long_options("mtastsctl")
	rows = re.findall(r'^\t\{ "([\w-]+)", ',
			  (ROOT / "daemon/options.c").read_text(), re.M)
	assert set(rows) == long_options("mtastsd")


KEYS = {"daemon/config.c": ("mtastsd.conf.5", ""),
	"cli/fetch_config.c": ("mtastsctl.1", "report-fetch.conf")}


def code_keys(source):
	return set(re.findall(r'\bCFG_(?!SEC)[A-Z_]+\("(\w+)"',
			      (ROOT / source).read_text()))


def manual_keys(page, after):
	text = (DOCS / page).read_text()
	text = text[text.rindex(after, 0, text.index(".It Ic host"))
		    if after else 0:]
	keys = set()
	for line in re.findall(r"^\.It (Ic .*)", text, re.M):
		for part in line.split(" , "):
			word = re.match(r"(?:Ic )?(\w+)", part)
			keys.add(word[1])
	return keys


@pytest.mark.parametrize("source", KEYS)
def test_every_key_is_in_a_manual_and_no_other(source):
	page, after = KEYS[source]
	assert len(code_keys(source)) > 8
	assert code_keys(source) == manual_keys(page, after)


def test_the_sample_has_no_key_that_is_not_read():
	sample = (ROOT / "packaging/mtastsd.conf").read_text()
	keys = set(re.findall(r"^(?:# ?\t?)?([a-z_]+) = ", sample, re.M))
	assert len(keys) > 20
	assert keys <= code_keys("daemon/config.c")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_mandoc_finds_nothing(page):
	done = subprocess.run(["mandoc", "-T", "lint", page],
			      capture_output=True, text=True)
	# Pages of others are not installed everywhere.
	assert [line for line in done.stdout.splitlines()
		if "referenced manual not found" not in line] == []
	assert done.returncode <= 1	# no worse than that


def test_every_id_of_doctor_is_in_its_manual_and_no_other():
	said = set()
	for source in (ROOT / "cli").glob("doctor*.c"):
		said |= set(re.findall(r'"((?!mtastsd|process|letsencrypt|state\.db)'
				       r'[a-z]+\.[a-z][a-z0-9-]+)"',
				       source.read_text()))
	text = (DOCS / "mtastsctl.1").read_text()
	text = text[text.index(".Ss What doctor finds"):text.index(".Ss Alerts")]
	listed = {word for line in re.findall(r"^\.It Li (.*)", text, re.M)
		  for word in line.split(" , ")}
	assert len(listed) > 50
	assert said == listed
