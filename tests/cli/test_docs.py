"""The examples of docs/cli.md run, from top to bottom."""
import os
import pathlib
import re
import subprocess

from harness import PROGRAM, SOURCE, main


def test_the_examples_of_the_manual_run():
    os.symlink(PROGRAM, "datashard")
    text = (SOURCE / "docs/cli.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, re.S)
    assert len(blocks) >= 3
    path = f"{pathlib.Path.cwd()}:{os.environ['PATH']}"
    for block in blocks:
        done = subprocess.run(["sh", "-euc", block], capture_output=True, text=True,
                              env={**os.environ, "PATH": path})
        assert done.returncode == 0, f"{block}\n{done.stderr}"


if __name__ == "__main__":
    main(globals())
