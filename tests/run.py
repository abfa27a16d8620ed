"""`python -m tests.run sqlite postgres -- ARGUMENTS`: the tests on each database, in runs of pytest side by side.

Without arguments there are three runs per database: the tests in the browser and those of whole processes spend much
of their time waiting, which leaves the machine to the others. The first run's output is shown as it comes, the others'
when they are done, so that nothing mixes.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

WITH_PROCESSES = (
    "tests/chaos",
    "tests/lswpanel",
    "tests/support",
    "tests/test_bootstrap.py",
    "tests/test_ci.py",
    "tests/test_venv.py",
)
IN_THE_BROWSER = "tests/e2e"
PARTS = {
    "without processes": [f"--ignore={path}" for path in (IN_THE_BROWSER, *WITH_PROCESSES)],
    "with processes": list(WITH_PROCESSES),
    "in the browser": [IN_THE_BROWSER],
}


class Run(NamedTuple):
    """A pytest that was started; `output` is None when it speaks for itself."""

    title: str
    process: subprocess.Popen[bytes]
    output: Path | None


def main(words: list[str]) -> int:
    """The worst exit code of all runs; 5, pytest's "no tests", only if no run had any."""
    cut = words.index("--") if "--" in words else len(words)
    databases, arguments = words[:cut], words[cut + 1 :]
    parts = {"": arguments} if arguments else PARTS
    plan = [(database, part) for database in databases for part in parts]
    with tempfile.TemporaryDirectory() as folder:
        runs = [
            _start(database, part, parts[part], Path(folder) / str(number) if number else None)
            for number, (database, part) in enumerate(plan)
        ]
        try:
            codes = [_finish(run) for run in runs]
        except KeyboardInterrupt:
            codes = [run.process.wait() for run in runs]
    return max((code for code in codes if code != 5), key=abs, default=5)


def _start(database: str, part: str, arguments: list[str], output: Path | None) -> Run:
    title = f"=== Tests on {database}{part and f', {part}'} ==="
    argv = [sys.executable, "-m", "pytest", *arguments]
    env = os.environ | {"TEST_DB": database, "PYTHONUNBUFFERED": "1"}
    # The tests start a hundred processes; each would compile the whole project again.
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    if output is None:
        print(title, flush=True)
        return Run(title, subprocess.Popen(argv, env=env), None)
    with output.open("wb") as file:
        return Run(title, subprocess.Popen(argv, env=env, stdout=file, stderr=subprocess.STDOUT), output)


def _finish(run: Run) -> int:
    code = run.process.wait()
    if run.output is not None:
        print(run.title, flush=True)
        sys.stdout.buffer.write(run.output.read_bytes())
        sys.stdout.flush()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
