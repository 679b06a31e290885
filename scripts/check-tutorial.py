#!/usr/bin/env python3
"""Runs the commands of a page and compares what they print with what the page shows.

    scripts/check-tutorial.py                         # docs/tutorial.md
    scripts/check-tutorial.py docs/recipes/risk.md    # any page of the same form
    scripts/check-tutorial.py --show                  # prints what the commands print
    scripts/check-tutorial.py --self-test             # says whether pages that are wrong are found to be

Blocks that begin with ```sh run in their order, in one shell, in a temporary copy of Examples and scripts, with the folder
of `mtl` (--mtl, else .build/release) first in PATH. Those that begin with ```sh build are for a reader who has no `mtl` yet,
and do not run. A command that fails ends the check. A ```text block shows what the commands of the ```sh block above it print:

    …       on a line of its own stands for any lines, or none; inside a line for any text
    0.812   a number with a point may differ by 0.02, or by a twentieth of itself if that is more: trainings on other CPUs
            end a little apart
    812     a whole number may not, nor may a word
    -----   a rule may be of another length, and blanks may be more or fewer

and nothing may come before, between or after the lines that are shown unless … stands there.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NUMBER = re.compile(r"(\d+\.\d+|\d+)")
SECONDS = 600


def blocks(page):
    """The page's commands, as (line, text, lines shown or None)."""
    found, kind, start, lines = [], None, 0, []
    for number, line in enumerate(page.splitlines(), start=1):
        if kind is None and line.startswith("```"):
            kind, start, lines = line[3:].strip(), number, []
        elif kind is not None and line.startswith("```"):
            if kind == "sh":
                found.append([start, "\n".join(lines), None])
            elif kind == "text":
                if not found or found[-1][2] is not None:
                    sys.exit(f"line {start}: an output without commands above it")
                found[-1][2] = lines
            kind = None
        elif kind is not None:
            lines.append(line)
    if kind is not None:
        sys.exit(f"line {start}: a block that does not end")
    return found


def same_text(shown, came):
    """Whether two texts without … are the same but for numbers with a point."""
    wanted, found = NUMBER.split(shown), NUMBER.split(came)
    if len(wanted) != len(found):
        return False
    for place, (a, b) in enumerate(zip(wanted, found)):
        if a == b:
            continue
        if place % 2 == 0 or "." not in a or "." not in b:
            return False
        if abs(float(a) - float(b)) > max(0.02, 0.05 * abs(float(a))):
            return False
    return True


def same_line(shown, came):
    def plain(line):
        return " ".join(re.sub(r"-{2,}", "--", line).split())

    return same_pieces([piece.strip() for piece in plain(shown).split("…")], plain(came))


def same_pieces(pieces, came):
    """Whether a line is the pieces in their order, with any text between them."""
    if len(pieces) == 1:
        return same_text(pieces[0], came)
    first, rest = pieces[0], pieces[1:]
    for end in range(len(came) + 1):
        if same_text(first, came[:end].strip()):
            if rest == [""]:
                return True
            for begin in range(end, len(came) + 1):
                if same_pieces(rest, came[begin:].strip()):
                    return True
    return False


def first_difference(shown, came):
    """None where all lines are as shown, else the index of the first one shown that is not."""
    reached = {0}
    for index, line in enumerate(shown):
        if line.strip() == "…":
            reached = set(range(min(reached), len(came) + 1))
        else:
            reached = {at + 1 for at in reached if at < len(came) and same_line(line, came[at])}
        if not reached:
            return index
    return None if len(came) in reached else len(shown)


def check(page, name, folder, tools, show=False):
    """Runs a page; returns what is wrong with it, or None."""
    commands = blocks(page)
    if not commands:
        return f"{name}: no commands"
    mark = "\x01block"
    script = ["set -euo pipefail", "exec 2>&1 </dev/null"]
    for index, (_, text, _) in enumerate(commands):
        script += [f"printf '{mark} {index}\\n'", text]
    script.append(f"printf '{mark} {len(commands)}\\n'")
    environment = dict(os.environ, PATH=f"{tools}{os.pathsep}{os.environ['PATH']}", LC_ALL="C.UTF-8")
    ran = subprocess.run(
        ["bash", "-c", "\n".join(script)], cwd=folder, env=environment, stdout=subprocess.PIPE, timeout=SECONDS
    )
    outputs = [part.split("\n", 1)[1] for part in ran.stdout.decode().split(mark)[1:]]
    for index, (line, text, shown) in enumerate(commands):
        if index >= len(outputs):
            break
        came = outputs[index].rstrip("\n").split("\n") if outputs[index].strip() else []
        if show:
            print(f"== {name}, line {line}\n{text}\n--", *came, sep="\n")
        if ran.returncode != 0 and index == len(outputs) - 1:
            return f"{name}, line {line}: status {ran.returncode} of\n{text}\n" + "\n".join(came[-20:])
        if shown is None:
            continue
        wrong = first_difference(shown, came)
        if wrong is not None:
            line_shown = shown[wrong] if wrong < len(shown) else "(nothing more)"
            return (
                f"{name}, line {line}: after\n{text}\nthe page shows\n  {line_shown}\nwhere the commands print\n"
                + "\n".join("  " + text for text in came)
            )
    return f"{name}: status {ran.returncode}" if ran.returncode != 0 else None


def self_test():
    """Small pages, right and wrong."""
    def page(command, shown):
        return f"```sh\n{command}\n```\n\n```text\n{shown}\n```\n"

    right = [
        page("echo a; echo b", "a\nb"),
        page("echo a; echo b; echo c", "a\n…\nc"),
        page("echo a", "a\n…"),
        page("echo 'AUC 0.8127 of 40 rows'", "AUC   0.8301 of 40 rows"),
        page("echo 'loss 41.9 after 2.7 s'", "loss 40.0 after … s"),
        page("echo '-----  ---'", "---  -----"),
        "```sh\ncd /; x=1\n```\n" + page("echo $PWD $x", "/ 1"),
        "```sh build\nexit 1\n```\n" + page("echo a", "a"),
    ]
    wrong = [
        page("echo a; false", "a"),
        page("false; echo a", "a"),
        page("false | cat; echo a", "a"),
        page("exit 3", ""),
        page("no-such-command", "…"),
        page("echo a", "a\nb"),
        page("echo a; echo b", "a"),
        page("echo b; echo a", "a"),
        page("echo a; echo b; echo c", "a\nc"),
        page("echo a", "b"),
        page("echo 'AUC 0.7127'", "AUC 0.8127"),
        page("echo '41 rows'", "40 rows"),
        page("echo '41.0 rows'", "41 rows"),
        page("echo a; echo b", "…\na"),
        "```sh\necho a\n```\n\n```sh\nfalse\n```\n",
        "no commands",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for text, is_right in [(text, True) for text in right] + [(text, False) for text in wrong]:
            found = check(text, "page", folder, folder)
            if (found is None) != is_right:
                sys.exit(f"self-test: {'refused' if is_right else 'not refused'}:\n{text}\n{found or ''}")
    print(f"self-test: {len(right)} right pages pass, {len(wrong)} wrong ones are refused")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pages", nargs="*", type=Path, default=[ROOT / "docs/tutorial.md"])
    parser.add_argument("--mtl", type=Path, default=ROOT / ".build/release/mtl", help="the command line tool")
    parser.add_argument(
        "--with", dest="files", action="append", default=[], type=Path, metavar="FILE",
        help="a file of data that the page needs, which is copied to data/",
    )
    parser.add_argument("--show", action="store_true", help="prints what the commands print")
    parser.add_argument("--self-test", action="store_true", help="tries the check itself")
    options = parser.parse_args()
    if options.self_test:
        return self_test()
    if not os.access(options.mtl, os.X_OK):
        sys.exit(f"{options.mtl}: not there; swift build -c release --product mtl makes it")
    for path in options.pages:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            for name in ("Examples", "scripts"):
                shutil.copytree(ROOT / name, Path(folder) / name)
            (Path(folder) / "data").mkdir()
            for file in options.files:
                shutil.copy(file, Path(folder) / "data")
            page = path.read_text(encoding="utf-8")
            found = check(page, path.name, folder, options.mtl.resolve().parent, options.show)
        if found is not None:
            sys.exit(found)
        print(f"{path.name}: {len(blocks(page))} blocks as shown, in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
