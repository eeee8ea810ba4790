"""What all commands have in common."""

import os
import subprocess
import sys


def test_a_reader_that_leaves_early_is_no_error_to_print():
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "infraprism", "cost", "--model", "gpt-4o", "--input-tokens", "1"]
    ended = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (1, "")
