"""The command `npc-voice`, in this process: most of what a command does needs no process of its own."""

from dataclasses import dataclass

import pytest

from sidecar.cli import app


@dataclass(frozen=True)
class Ended:
    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class NpcVoice:
    """`npc_voice("say", "Hi.")` is `npc-voice say Hi.`, with what is said captured."""

    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> Ended:
        self.capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            app(list(arguments))
        said = self.capture.readouterr()
        assert isinstance(ended.value.code, int)
        return Ended(ended.value.code, said.out, said.err)
