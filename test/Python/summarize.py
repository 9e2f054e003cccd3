# The last line of scripts/test counts what lit's report holds, and what lit could not run counts as failed.
#
# RUN: %python %s %mpq_src/scripts/summarize.py %t
import json
import subprocess
import sys


def summarize(*codes: str) -> tuple[int, str]:
    tests = [{"name": f"MPQ :: {code}", "code": code, "output": "needs a gpu"} for code in codes]
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump({"tests": tests}, file)
    done = subprocess.run([sys.executable, *sys.argv[1:]], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.splitlines()[-1]


assert summarize("PASS", "XFAIL", "UNSUPPORTED", "SKIPPED") == (0, "2 passed, 0 failed, 2 skipped")
assert summarize("PASS", "FAIL", "UNRESOLVED", "TIMEOUT", "XPASS") == (1, "1 passed, 4 failed, 0 skipped")
assert summarize("UNSUPPORTED") == (1, "0 passed, 0 failed, 1 skipped"), "nothing ran, so nothing is known to work"
