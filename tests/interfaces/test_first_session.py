"""The first session of the guide is run, word for word."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_guides_first_session_leads_to_a_bill(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "operate.md").read_text("utf-8")
    session = re.search(r"## A first session.*?```\n(.*?)```", guide, re.DOTALL)
    assert session is not None
    shutil.copy(ROOT / "examples" / "iotistic" / "catalog.yaml", tmp_path)
    told = ""
    for line in session.group(1).splitlines():
        command = shlex.split(line)
        assert command[0] == "tallygate"
        ran = subprocess.run(
            [sys.executable, "-m", "tallygate.interfaces.cli", *command[1:]],
            cwd=tmp_path,
            env={"PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, (line, ran.stderr)
        told = ran.stdout
    assert "3 x 5.00 USD = 15.00 USD" in told
    assert "44.00 USD" in told
