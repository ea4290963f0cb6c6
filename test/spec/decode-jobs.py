"""Runs decoder.py's command line once for each line of standard input, a JSON array of its arguments, and answers each
with a line of JSON: for tests, since starting Python takes longer than decoding."""

import base64
import contextlib
import io
import json
import sys

import decoder

for line in sys.stdin:
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    stderr = io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        status = decoder.main(json.loads(line))
    written = base64.b64encode(stdout.buffer.getvalue()).decode()
    print(json.dumps({"status": status, "stdout": written, "stderr": stderr.getvalue()}), flush=True)
