"""The shells complete what the table of commands has, all of it and no more."""

import re
import subprocess

import pytest

from harness.daemon import BUILD

CTL = BUILD / "mtastsctl"


def ctl(*words):
	return subprocess.run([CTL, *words], check=True, text=True,
			      stdout=subprocess.PIPE).stdout


def commands():
	return [tuple(line[2:20].split()) for line in ctl("help").splitlines()
		if line.startswith("  ")]


def options_of(command):
	return set(re.findall(r"^  (--\S+)", ctl("help", *command), re.M))


BASH = """
. "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_mtastsctl
printf '%s\\n' "${COMPREPLY[@]}"
"""

# zsh's own helpers say what they were given.
ZSH = """
compadd() { shift; print -l -- $*; }
_describe() { print -l -- ${${(P)2}%%:*}; }
_files() { print FILES; }
_message() { : }
script=$1; shift
words=("$@"); CURRENT=$#
. $script
"""


@pytest.fixture(params=["bash", "zsh"], scope="module")
def complete(request, tmp_path_factory):
	script = tmp_path_factory.mktemp("completion") / request.param
	script.write_text(ctl("completion", request.param))
	shell = {"bash": ["bash", "-c", BASH, "bash"],
		 "zsh": ["zsh", "-f", "-c", ZSH, "zsh"]}[request.param]

	def run(*words):
		done = subprocess.run(
			[*shell, script, "mtastsctl", *words], text=True,
			check=True, capture_output=True)
		assert done.stderr == ""
		return set(done.stdout.split())

	return run


def test_nouns(complete):
	assert complete("") == {c[0] for c in commands()} | {"help"}
	assert complete("--json", "") == complete("")


def test_verbs(complete):
	for noun in {c[0] for c in commands() if len(c) > 1}:
		assert complete(noun, "") == {c[1] for c in commands()
					      if c[0] == noun}, noun
	assert complete("--socket", "domain", "domain", "") == \
		complete("domain", "")


def test_options(complete):
	for command in commands():
		assert complete(*command, "--") == options_of(command), command
		assert complete(*command, "a.test", "--") == \
			options_of(command), command


def test_values(complete):
	assert complete("policy", "set", "a.test", "--mode", "") == \
		{"testing", "enforce", "none"}
	assert complete("domain", "add", "--mx", "") == set()


def test_it_is_no_command():
	assert "completion" not in ctl("help")
	assert subprocess.run([CTL, "completion", "fish"],
			      capture_output=True).returncode == 64
