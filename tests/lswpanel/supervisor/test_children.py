import os
import signal
import sys
from collections.abc import Callable, Iterator

import psutil
import pytest

from lswpanel.supervisor.children import ENDED, Child, Program, Service
from lswpanel.supervisor.errors import StartError
from lswpanel.supervisor.loop import Loop
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.processes, pytest.mark.once]
FOREVER = "import time; time.sleep(600)"


@pytest.fixture
def loop() -> Iterator[Loop]:
    with Loop() as loop:
        yield loop


def python(code: str, **more: object) -> Program:
    return Program(name="child", argv=(sys.executable, "-c", code), environment=os.environ, **more)  # type: ignore[arg-type]


def run(loop: Loop, program: Program) -> tuple[Child, list[str]]:
    """Start `program` and turn the loop until it has ended."""
    lines: list[str] = []
    child = Child(program, loop=loop, show=lines.append)
    loop.on_child_ended(child.collect)
    assert loop.run_until(lambda: child.ended, seconds=120)
    return child, lines


def test_child_shows_both_streams_and_its_code(loop: Loop) -> None:
    code = "import sys; print('out', flush=True); print('err', file=sys.stderr); print('rest', end=''); sys.exit(3)"
    child, lines = run(loop, python(code))
    assert sorted(lines) == ["err", "out", "rest"]
    assert child.code == 3


def test_child_hides_dull_and_empty_lines(loop: Loop) -> None:
    _, lines = run(loop, python("print('dull news\\n\\n  \\nnews')", hide=("dull",)))
    assert lines == ["news"]


def test_child_reads_what_it_is_given(loop: Loop) -> None:
    _, lines = run(loop, python("print(input())", stdin=b"a secret\n"))
    assert lines == ["a secret"]


def test_child_without_input_finds_an_empty_one(loop: Loop) -> None:
    _, lines = run(loop, python("import sys; print(repr(sys.stdin.read()))"))
    assert lines == ["''"]


def test_child_ends_with_a_session_of_its_own(loop: Loop) -> None:
    _, lines = run(loop, python("import os; print(os.getsid(0) == os.getpid())"))
    assert lines == ["True"]


def test_ended_child_leaves_nothing_it_started(loop: Loop) -> None:
    code = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {FOREVER!r}]).pid)"
    _, lines = run(loop, python(code))
    wait_for(lambda: not _runs(int(lines[0])), what="the grandchild is gone")


def _runs(pid: int) -> bool:
    """It may end between two questions; one that nobody has reaped yet has ended all the same."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_much_output_arrives_whole(loop: Loop) -> None:
    _, lines = run(loop, python("for n in range(50_000): print(n)"))
    assert lines == [str(number) for number in range(50_000)]


def test_program_that_does_not_exist_is_reported(loop: Loop) -> None:
    program = Program(name="ghost", argv=("/no/such/program",), environment={})
    with pytest.raises(StartError, match="/no/such/program cannot be started: No such file or directory"):
        Child(program, loop=loop, show=print)


def test_secrets_of_a_program_are_not_in_its_repr() -> None:
    program = Program(name="x", argv=("x",), environment={"KEY": "hidden"}, stdin=b"hidden")
    assert "hidden" not in repr(program)


class Stage:
    """A Service in a loop, with the lines it shows."""

    def __init__(self, loop: Loop, code: str) -> None:
        self.shown: list[str] = []
        self.service = Service(
            python(code),
            loop=loop,
            show=lambda name, line: self.shown.append(line),
        )
        loop.on_child_ended(self.service.collect)


@pytest.fixture
def stage(loop: Loop) -> Iterator[Callable[[str], Stage]]:
    stages: list[Stage] = []

    def start(code: str) -> Stage:
        stages.append(Stage(loop, code))
        return stages[-1]

    yield start
    for started in stages:
        started.service.terminate()
        started.service.kill()
        assert loop.run_until(lambda started=started: started.service.ended, seconds=120)  # type: ignore[misc]


def test_service_is_started_again(loop: Loop, stage: Callable[[str], Stage]) -> None:
    running = stage(FOREVER)
    first = running.service.child
    assert first is not None
    first.kill()
    assert loop.run_until(lambda: running.service.child not in (first, None), seconds=120)
    assert running.shown == ["child was ended by SIGKILL; starting it again in 0.5 s"]


def test_stopped_service_is_not_started_again(loop: Loop, stage: Callable[[str], Stage]) -> None:
    running = stage("import sys; sys.exit(1)")
    assert loop.run_until(lambda: bool(running.shown), seconds=120)
    running.service.terminate()
    assert not loop.run_until(lambda: running.service.child is not None, seconds=0.7)


def test_service_that_keeps_failing_is_started_again_and_again(
    loop: Loop, stage: Callable[[str], Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight ends of Valkey once ended the whole panel."""
    monkeypatch.setattr("lswpanel.supervisor.backoff.LONGEST", 0.01)
    running = stage("import os; os._exit(7)")
    assert loop.run_until(lambda: len(running.shown) > 8, seconds=120)


def test_service_knows_whose_place_it_takes(loop: Loop, stage: Callable[[str], Stage]) -> None:
    running = stage(f"import os; print(os.environ.get('{ENDED}', 'nobody'), flush=True); {FOREVER}")
    first = running.service.child
    assert first is not None
    assert loop.run_until(lambda: running.shown == ["nobody"], seconds=120)
    first.kill()
    assert loop.run_until(lambda: running.shown[-1] == str(first.pid), seconds=120)


def test_terminated_child_may_finish(loop: Loop) -> None:
    code = (
        "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: (print('finished'), sys.exit(0)));"
        "print('ready', flush=True); signal.pause()"
    )
    lines: list[str] = []
    child = Child(python(code), loop=loop, show=lines.append)
    loop.on_child_ended(child.collect)
    assert loop.run_until(lambda: lines == ["ready"], seconds=120)
    child.terminate()
    assert loop.run_until(lambda: child.ended, seconds=120)
    assert (child.code, lines) == (0, ["ready", "finished"])


def test_killed_child_has_no_choice(loop: Loop) -> None:
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    lines: list[str] = []
    child = Child(python(code), loop=loop, show=lines.append)
    loop.on_child_ended(child.collect)
    assert loop.run_until(lambda: lines == ["deaf"], seconds=120)
    child.terminate()
    child.kill()
    assert loop.run_until(lambda: child.ended, seconds=120)
    assert child.code == -signal.SIGKILL
