"""buildah, with storage of its own below one folder: builds images and mounts their trees."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: Where this machine keeps the certificates that its registries are known by.
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


class BuildFailed(Exception):
    """buildah did not do what it was asked for; the message holds its last words."""


class Buildah:
    """One storage; ``folder`` holds it, a cache of pip's and the log of what was built."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "build.log"
        self.driver = "overlay"
        try:
            self.run("images", "--quiet")
        except BuildFailed:
            # Where the kernel has none, each layer is a copy.
            self.driver = "vfs"
            self.run("images", "--quiet")

    def run(self, *arguments: str | Path) -> str:
        """What it prints; what it says on the way goes to the log.

        Raises:
          BuildFailed: its exit code was not 0.
        """
        storage = self.folder / "storage" / self.driver
        command: list[str | Path] = ["buildah", "--root", storage, "--runroot", storage / "run"]
        command += ["--storage-driver", self.driver, *arguments]
        with self.log.open("a+") as log:
            began = log.tell()
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
            log.write(done.stdout)
            log.seek(began)
            said = log.read()
        if done.returncode:
            tail = "\n".join(said.splitlines()[-25:])
            raise BuildFailed(f"buildah {arguments[0]} gave {done.returncode}:\n{tail}")
        return done.stdout.strip()

    def has(self, image: str) -> bool:
        """Whether there is an image of that name."""
        return image in self.run("images", "--format", "{{.Name}}:{{.Tag}}").splitlines()

    def import_tree(self, tree: Path, image: str) -> None:
        """Make ``image`` of the files below ``tree``."""
        container = self.run("from", "scratch")
        self.run("copy", "--quiet", container, tree, "/")
        self.run("commit", "--quiet", "--rm", container, image)

    def build(
        self, image: str, context: Path, dockerfile: Path, arguments: Mapping[str, str]
    ) -> None:
        """Build ``image``; ``arguments`` are those of the build.

        Without a registry: the base must be there. In Docker's format, since OCI's knows no
        HEALTHCHECK. Of this machine the build sees pip's cache and, read-only, certificates.
        """
        cache = self.folder / "pip"
        cache.mkdir(exist_ok=True)
        words: list[str] = []
        for name, value in arguments.items():
            words += ["--build-arg", f"{name}={value}"]
        if CERTIFICATES.exists():
            words += ["--build-arg", f"PIP_CERT={CERTIFICATES}"]
            words += ["--volume", f"{CERTIFICATES}:{CERTIFICATES}:ro"]
        self.run(
            *("build", "--isolation", "chroot", "--format", "docker", "--layers", "--pull-never"),
            *("--volume", f"{cache}:/root/.cache/pip", *words),
            *("--file", dockerfile, "--tag", image, context),
        )

    def config(self, image: str) -> dict[str, Any]:
        """The image's own configuration: Cmd, Env, User, Healthcheck ... as Docker names them."""
        found: dict[str, Any] = json.loads(self.run("inspect", "--type", "image", image))
        return dict(found["Docker"]["config"])

    def mount(self, image: str) -> Path:
        """A folder with the image's files, until :meth:`unmount_all`."""
        return Path(self.run("mount", self.run("from", "--pull-never", image)))

    def unmount_all(self) -> None:
        """Give back all that is mounted, also by a run that was killed."""
        self.run("rm", "--all")

    def prune(self) -> None:
        """Forget images that have lost their name."""
        self.run("rmi", "--prune")
