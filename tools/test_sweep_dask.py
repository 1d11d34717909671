#!/usr/bin/env python3
"""The Dask sweep has the digest of the serial one, even when a worker is killed half-way.

    tools/test_sweep_dask.py target/release/braidcast
"""

import os
import signal
import sys
import tempfile
from pathlib import Path

from dask.distributed import Client

sys.path.insert(0, str(Path(__file__).parent))
import sweep_dask  # noqa: E402

SCENARIO = "threshold-quick"
SETTINGS = ["seeds=6", "network.nodes=200", "protocol.coded.shard_factor=16"]
SHARDS = 12


def main():
    """Runs the sweep serially and over two workers, one of which dies."""
    binary = str(Path(sys.argv[1]).resolve())
    given = [part for setting in SETTINGS for part in ("--set", setting)]
    with tempfile.TemporaryDirectory() as scratch:
        serial = sweep_dask.braidcast(binary, "sweep", SCENARIO, *given, "--out", f"{scratch}/serial", "--jobs", "1")
        joined = ["--out", f"{scratch}/dask", "--shards", str(SHARDS), "--binary", binary]
        arguments = sweep_dask.parse([SCENARIO, *given, *joined])
        killed = []
        with sweep_dask.local_cluster(2) as cluster, Client(cluster) as client:
            pids = client.run(os.getpid)

            def kill_one(done):
                busy = [worker for worker, tasks in client.processing().items() if tasks]
                if done >= SHARDS // 2 and busy and not killed:
                    os.kill(pids[busy[0]], signal.SIGKILL)
                    killed.append(busy[0])

            dask = sweep_dask.sweep(client, arguments, on_done=kill_one)
    assert killed, "no worker was busy half-way"
    one, other = (line.rsplit("digest ", maxsplit=1)[1] for line in (serial, dask))
    assert one == other, f"serial {one}, over Dask {other}"
    print(f"worker {killed[0]} was killed after half of the shards; digest {one} both ways")


if __name__ == "__main__":
    main()
