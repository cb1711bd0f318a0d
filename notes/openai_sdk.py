"""OpenAI's SDK, without those of its five hundred modules of types that we never use.

The SDK loads all of them with itself, 10 MB and half of the time. Their packages do nothing but
pass names on, so here a name is looked up when somebody asks for it. A package that does more than
that, in a version to come, is loaded as it is.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

PACKAGE = "openai.types"


class LatePackage(SourceFileLoader):
    """Loads a package whose names come from its modules when they are asked for."""

    def exec_module(self, module: ModuleType) -> None:
        """Give ``module`` its names, late if that can be."""
        origins = passed_on(self.get_data(self.path))
        if origins is None:
            super().exec_module(module)
        else:
            module.__dict__["__getattr__"] = _getter(module, origins)


class LateTypes(MetaPathFinder):
    """Has the packages of the SDK's types loaded by :class:`LatePackage`."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a package of types; None for all other modules."""
        if name != PACKAGE and not name.startswith(f"{PACKAGE}."):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec and spec.submodule_search_locations and spec.origin:
            spec.loader = LatePackage(name, spec.origin)
        return spec


def passed_on(source: bytes) -> dict[str, tuple[str, str]] | None:
    """For each name of a package its module and its name there; None if ``source`` does more."""
    origins: dict[str, tuple[str, str]] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            continue
        if not isinstance(node, ast.ImportFrom) or node.level != 1 or not node.module:
            return None
        for name in node.names:
            if name.name == "*":
                return None
            origins[name.asname or name.name] = (node.module, name.name)
    return origins


def _getter(module: ModuleType, origins: dict[str, tuple[str, str]]) -> Callable[[str], Any]:
    def get(name: str) -> Any:
        if name not in origins:
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
        origin, name_there = origins[name]
        found = getattr(import_module(f"{module.__name__}.{origin}"), name_there)
        setattr(module, name, found)
        return found

    return get


sys.meta_path.insert(0, LateTypes())

import openai as openai  # noqa: E402  # the finder has to be there first
