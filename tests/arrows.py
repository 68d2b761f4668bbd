#!/usr/bin/env python3
"""Which folder includes which: the arrows of docs/conventions.md, checked.

    python3 tests/arrows.py [ROOT]

One line for each include that points against an arrow, and for each file
outside store/ that speaks to SQLite itself. Exit status 1 if there is any.
"""
import pathlib
import re
import sys

MAY_INCLUDE = {
    "base": set(),
    "policy": {"base"},
    "store": {"policy", "base"},
    "acme": {"store", "policy", "base"},
    "httpd": {"store", "policy", "base"},
    "check": {"policy", "base"},
    "cli": {"check", "policy", "base"},
    "daemon": {"httpd", "acme", "check", "store", "policy", "base"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def fault(folder, mark, header):
    """Why a file of this folder may not include this header, or None."""
    if header.split("/")[-1] == "sqlite3.h":
        return None if folder == "store" else "only store/ speaks to SQLite"
    target = header.split("/")[0]
    if mark == "<" and target not in MAY_INCLUDE:
        return None
    if "/" not in header or header.startswith("."):
        return "write it from the root, as folder/file.h"
    if target != folder and target not in MAY_INCLUDE[folder]:
        return f"no arrow leads from {folder} to {target}"
    return None


def violations(root):
    for folder in MAY_INCLUDE:
        for path in sorted((root / folder).rglob("*.[ch]")):
            text = path.read_text(encoding="utf-8", errors="replace")
            for number, line in enumerate(text.splitlines(), 1):
                match = INCLUDE.match(line)
                why = match and fault(folder, *match.groups())
                if why:
                    yield (f"{path.relative_to(root)}:{number}: "
                           f"{match.group(2)}: {why}")


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here
    if not (root / "base").is_dir():
        print(f"{root}: not the project's root")
        return 1
    found = list(violations(root))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
