"""Small libraries for LD_PRELOAD, built when they are needed."""

import subprocess

from .daemon import HERE


def build_shim(name, folder):
	"""tests/shim/NAME.c as a shared library in `folder`."""
	library = folder / f"{name}.so"
	subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-fPIC",
			"-shared", "-o", library,
			HERE / "tests" / "shim" / f"{name}.c", "-ldl"],
		       check=True)
	return library
