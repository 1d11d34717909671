#!/usr/bin/env python3
"""Run one sweep over Dask workers: each task is `braidcast sim sweep --shard I/N`.

    pip install -r tools/requirements-dask.txt
    tools/sweep_dask.py threshold-quick --out target/sweep --workers 2
    tools/sweep_dask.py my.toml --out target/sweep --scheduler tcp://10.0.0.1:8786

Workers need the braidcast binary (--binary names it there) but no common file system: a task sends its results
back. Dask starts the tasks of a lost worker again elsewhere. The digest is that of a serial sweep.
"""

import argparse
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from dask.distributed import Client, LocalCluster, as_completed


def braidcast(binary, *arguments):
    """Runs a command of the binary; its output, or its own line as the error."""
    done = subprocess.run([binary, "sim", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or f"{binary} ended with {done.returncode}")
    return done.stdout.strip()


def run_shard(binary, scenario, text, settings, shard, shards, options):
    """One task: its part of the sweep, as a tar file in memory."""
    with tempfile.TemporaryDirectory(prefix="braidcast-sweep-") as scratch:
        if text is not None:
            scenario = str(Path(scratch, "scenario.toml"))
            Path(scenario).write_text(text, encoding="utf-8")
        out = Path(scratch, "out")
        given = [part for setting in settings for part in ("--set", setting)]
        place = ["--out", str(out), "--shard", f"{shard}/{shards}", "--jobs", "1"]
        braidcast(binary, "sweep", scenario, *given, *place, *options)
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            archive.add(out, arcname=".")
        return packed.getvalue()


def sweep(client, arguments, on_done=None):
    """Runs all shards, stores what comes back, joins it; the line that `sim merge` prints."""
    path = Path(arguments.scenario)
    text = path.read_text(encoding="utf-8") if path.is_file() else None
    options = [f"--{name}" for name in ("log", "parquet") if getattr(arguments, name)]
    fixed = (arguments.binary, arguments.scenario, text, arguments.set)
    tasks = {
        client.submit(run_shard, *fixed, shard, arguments.shards, options, pure=False): shard
        for shard in range(arguments.shards)
    }
    folders = []
    for count, (future, packed) in enumerate(as_completed(tasks, with_results=True), start=1):
        folder = Path(arguments.out, "shards", str(tasks.pop(future)))
        future.release()  # It is here now: nothing to compute again when its worker goes.
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        folders.append(str(folder))
        if on_done:
            on_done(count)
    return braidcast(arguments.binary, "merge", *sorted(folders), "--out", arguments.out)


def parse(given=None):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("scenario", help="a scenario file, or the name of a shipped one")
    parser.add_argument("--out", required=True, help="where the joined results go")
    parser.add_argument("--shards", type=int, default=8, help="tasks to divide the sweep into")
    parser.add_argument("--set", action="append", default=[], help="key.path=value over the scenario's")
    parser.add_argument("--log", action="store_true", help="record how messages spread")
    parser.add_argument("--parquet", action="store_true", help="write every delivery as Parquet")
    parser.add_argument("--binary", default="braidcast", help="the braidcast binary on the workers")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--scheduler", help="address of a Dask scheduler, as tcp://10.0.0.1:8786")
    where.add_argument("--workers", type=int, default=os.cpu_count(), help="local workers without a scheduler")
    arguments = parser.parse_args(given)
    if arguments.shards < 1:
        parser.error(f"--shards is {arguments.shards}, must be 1 or more")
    return arguments


def local_cluster(workers):
    """Worker processes on loopback."""
    return LocalCluster(n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=None)


def main():
    """Runs the sweep where the command line says."""
    arguments = parse()
    try:
        if arguments.scheduler:
            with Client(arguments.scheduler) as client:
                print(sweep(client, arguments))
        else:
            with local_cluster(arguments.workers) as cluster, Client(cluster) as client:
                print(sweep(client, arguments))
    except (RuntimeError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
