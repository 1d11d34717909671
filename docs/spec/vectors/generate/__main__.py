"""Writes the test vectors from the specification alone: nothing of Braidcast's own code is used.

    python3 docs/spec/vectors/generate
"""

import json
import pathlib

from frames import frames
from headers import headers
from primitives import check
from shards import field, shards

if __name__ == "__main__":
    check()
    folder = pathlib.Path(__file__).parent.parent
    for make in (field, shards, headers, frames):
        text = json.dumps(make(), indent=1, ensure_ascii=False)
        (folder / f"{make.__name__}.json").write_text(text + "\n")
