"""Small libraries for LD_PRELOAD, built when they are needed."""

import mmap
import struct
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


class FaultyDisk:
	"""tests/shim/faultydisk.c below one folder, and its control."""

	FOR_EVER = 2**31 - 1

	def __init__(self, folder, scratch):
		control = scratch / "faultydisk"
		control.write_bytes(bytes(16))
		with open(control, "r+b") as file:
			self._words = mmap.mmap(file.fileno(), 16)
		self.env = {
			"LD_PRELOAD": str(build_shim("faultydisk", scratch)),
			"FAULTYDISK_FOLDER": f"{folder}/",
			"FAULTYDISK_CONTROL": str(control),
			"ASAN_OPTIONS": "verify_asan_link_order=0",
		}

	def fail(self, error, skip=0, count=FOR_EVER):
		"""After `skip` writes, the next `count` fail with this errno."""
		struct.pack_into("=4i", self._words, 0, skip, 0, error, 0)
		struct.pack_into("=i", self._words, 4, count)

	def work(self):
		struct.pack_into("=3i", self._words, 0, 0, 0, 0)

	@property
	def left(self):
		"""(writes to skip, writes to fail)"""
		return struct.unpack_from("=2i", self._words)

	@property
	def failed(self):
		return struct.unpack_from("=i", self._words, 12)[0]


class SyncCount:
	"""tests/shim/countsync.c, and what it has counted."""

	def __init__(self, scratch):
		self.file = scratch / "countsync"
		self.file.write_bytes(bytes(8))
		self.env = {
			"LD_PRELOAD": str(build_shim("countsync", scratch)),
			"COUNTSYNC": str(self.file),
			"ASAN_OPTIONS": "verify_asan_link_order=0",
		}

	def __int__(self):
		return struct.unpack("=Q", self.file.read_bytes())[0]
