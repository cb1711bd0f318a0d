"""OpenAI's SDK loads what we use of it, and all its names are still there."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from notes.openai_sdk import passed_on
from tests.services.run import REPOSITORY

#: In a process of its own: here the whole SDK may have been loaded by other tests.
LATE = """
import json, sys
from notes.openai_sdk import openai
client = openai.OpenAI(api_key="sk-test")
client.audio.transcriptions, client.chat.completions, client.models
loaded = sum(name.startswith("openai.types") for name in sys.modules)
import openai.types, openai.types.chat
from notes.openai_sdk import passed_on
unlike = []
for package in (openai.types, openai.types.chat):
    for name, (module, there) in passed_on(open(package.__file__, "rb").read()).items():
        value = getattr(package, name)
        if value is not getattr(sys.modules[f"{package.__name__}.{module}"], there):
            unlike.append(name)
print(json.dumps([loaded, unlike, hasattr(openai.types, "nothing")]))
"""


def test_of_five_hundred_modules_of_types_few_are_loaded_and_all_names_are_there() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LATE], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    loaded, unlike, has_nothing = json.loads(done.stdout)
    assert loaded < 150
    assert unlike == []
    assert not has_nothing


@pytest.mark.parametrize(
    ("source", "origins"),
    [
        (b"", {}),
        (
            b"from __future__ import annotations\nfrom .a import B as B, C as D\n",
            {"B": ("a", "B"), "D": ("a", "C")},
        ),
        (b"from .a.b import C\n", {"C": ("a.b", "C")}),
        (b"from .a import *\n", None),
        (b"from . import a\n", None),
        (b"from ..a import B\n", None),
        (b"from a import B\n", None),
        (b"from .a import B\nB.update()\n", None),
    ],
)
def test_a_package_that_does_more_than_pass_names_on_is_loaded_as_it_is(
    source: bytes, origins: dict[str, tuple[str, str]] | None
) -> None:
    assert passed_on(source) == origins
