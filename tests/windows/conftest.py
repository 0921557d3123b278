"""Elsewhere than on Windows nothing of this is collected."""

import sys

collect_ignore_glob = [] if sys.platform == "win32" else ["test_*.py", "spoken/test_*.py"]
