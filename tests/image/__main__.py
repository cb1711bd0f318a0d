"""What ``bin/image-test`` runs: build the image as CapRover would, then try it in every role."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.test_t13_two_versions import new_version
from tests.image.base import BASE, make_base
from tests.image.buildah import Buildah, BuildFailed
from tests.services.run import REPOSITORY

FOLDER = REPOSITORY / "var" / "image-test"
NEEDED = ("buildah", "debootstrap")
#: What each captain file makes, and the version to come.
IMAGE, WORKER_IMAGE = "localhost/bau:latest", "localhost/bau-worker:latest"
NEXT_IMAGE = "localhost/bau-next:latest"
IMAGES = {"base": BASE, "app": IMAGE, "worker": WORKER_IMAGE, "next": NEXT_IMAGE}
#: What a build needs beside the product's own files.
CONTEXT = (
    "Dockerfile",
    ".dockerignore",
    "captain-definition",
    "LICENSE",
    "requirements",
    "samples",
)


def main() -> int:
    """The exit code: that of the tests, or 1 if it did not come to them."""
    parser = argparse.ArgumentParser(prog="bin/image-test", description=__doc__)
    parser.add_argument("--fresh", action="store_true", help="forget what earlier runs have built")
    parser.add_argument("--build", action="store_true", help="only build")
    options, arguments = parser.parse_known_args()
    if reason := cannot():
        return refuse(reason)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            return run(options, arguments)
        except BuildFailed as fault:
            print(fault, file=sys.stderr)
            return 1


def cannot() -> str:
    """Why this machine cannot build images; empty if it can."""
    if os.geteuid() != 0:
        return "Building an image takes root here: run it as root, or with sudo."
    done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True)
    return "" if done.returncode == 0 else "This machine gives its root no namespaces."


def refuse(reason: str) -> int:
    """Say so; a machine of CI must be able to."""
    if os.environ.get("CI") == "true":
        print(f"image-test: {reason}", file=sys.stderr)
        return 1
    print(f"image-test: SKIPPED. {reason}")
    return 0


def run(options: argparse.Namespace, arguments: list[str]) -> int:
    """Build, then test; ``arguments`` are pytest's."""
    install_tools()
    if options.fresh:
        forget(FOLDER)
    buildah = Buildah(FOLDER)
    buildah.unmount_all()
    try:
        with step("base image"):
            make_base(buildah)
        with step("image of captain-definition"):
            build(buildah, IMAGE, REPOSITORY / "captain-definition")
        with step("image of captain-definition-worker.json"):
            build(buildah, WORKER_IMAGE, REPOSITORY / "captain-definition-worker.json")
        with step("image of a version with one more migration"):
            build(buildah, NEXT_IMAGE, next_version() / "captain-definition")
        buildah.prune()
        return 0 if options.build else test(buildah, arguments)
    finally:
        buildah.unmount_all()


def install_tools() -> None:
    """Debian's packages, where they are missing and can be had."""
    missing = [name for name in NEEDED if not shutil.which(name)]
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise BuildFailed(f"{' and '.join(missing)} must be installed.")
    with step(f"apt-get install {' '.join(missing)}"):
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
        for command in (["apt-get", "update", "-qq"], install):
            done = subprocess.run(
                command,
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
            )
        if done.returncode:
            raise BuildFailed(done.stdout + done.stderr)


def forget(folder: Path) -> None:
    """Remove what earlier runs have left, mounts first."""
    if (folder / "storage").exists():
        Buildah(folder).unmount_all()
    for path in folder.iterdir():
        if path.name != "lock":
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def build(buildah: Buildah, image: str, captain_file: Path) -> None:
    """Build as CapRover does: from the definition's Dockerfile, or from its lines.

    https://github.com/caprover/caprover/blob/master/src/user/ImageMaker.ts
    """
    definition = json.loads(captain_file.read_text())
    dockerfile = buildah.folder / f"Dockerfile.{captain_file.stem}"
    if path := definition.get("dockerfilePath"):
        dockerfile.write_text((captain_file.parent / path).read_text())
    else:
        dockerfile.write_text("\n".join(definition["dockerfileLines"]))
    arguments = {"BASE_IMAGE": BASE}
    if index := os.environ.get("PIP_INDEX_URL"):
        arguments["PIP_INDEX_URL"] = index
    buildah.build(image, captain_file.parent, dockerfile, arguments)


def test(buildah: Buildah, arguments: list[str]) -> int:
    """Run the tests on the mounted images."""
    images = [
        {"name": name, "root": str(buildah.mount(image)), "config": buildah.config(image)}
        for name, image in IMAGES.items()
    ]
    described = buildah.folder / "images.json"
    described.write_text(json.dumps(images, indent=1))
    command = [sys.executable, "-m", "pytest", "-s", "--timeout=600"]
    return subprocess.run(
        [*command, *(arguments or ["tests/image"])],
        cwd=REPOSITORY,
        env={**os.environ, "BAU_IMAGES": str(described)},
    ).returncode


def next_version() -> Path:
    """A checkout that is one migration and one actor ahead of this one."""
    tree = new_version()
    for name in CONTEXT:
        source = REPOSITORY / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tree / name)
    return tree


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say what is done, and how long it took."""
    print(f"{what:<45} ...", end=" ", flush=True)
    began = time.monotonic()
    try:
        yield
    except BaseException:
        print("FAILED", flush=True)
        raise
    print(f"{time.monotonic() - began:.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
