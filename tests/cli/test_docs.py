"""The samples of docs/ are true: those of cli.md run, those of appender.md are compiled."""
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


def test_the_samples_of_the_appender_s_guide_are_in_its_example():
    text = (SOURCE / "docs/appender.md").read_text()
    example = (SOURCE / "examples/appender.c").read_text()
    blocks = re.findall(r"```c\n(.*?)```", text, re.S)
    assert len(blocks) >= 3
    for block in blocks:
        assert block in example, block


if __name__ == "__main__":
    main(globals())
