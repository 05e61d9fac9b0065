"""A file system with a journal, which ext4 has unless told otherwise, in a file of this disk.

What it costs to make a file, and to sync it, hangs on the file system more than on anything
else: a disk whose own has no journal is not what most tables are on.
"""
import contextlib
import subprocess

from contention_measure import Failed

SIZE = 4 << 30     # A sparse file: it takes what is written.


def ask(*command):
    """Runs a command of the system; Failed with what it says."""
    try:
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True,
                              timeout=60)
    except (OSError, subprocess.TimeoutExpired) as reason:
        raise Failed(str(reason)) from reason
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "failed").splitlines()
        raise Failed(f"{command[0]}: {said[0][:200]}")


@contextlib.contextmanager
def mounted(folder):
    """FOLDER, being an empty ext4 as mkfs.ext4 makes it; gone afterwards.

    Failed where that cannot be: it takes root, and a loop device.
    """
    image = folder.with_suffix(".img")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with open(image, "wb") as file:
            file.truncate(SIZE)
        ask("mkfs.ext4", "-q", "-F", image)
        ask("mount", "-o", "loop", image, folder)
        try:
            yield folder
        finally:
            ask("umount", "-l", folder)     # Writers that were killed may still be dying.
    except OSError as reason:
        raise Failed(str(reason)) from reason
    finally:
        image.unlink(missing_ok=True)
