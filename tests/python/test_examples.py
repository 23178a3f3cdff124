"""The programs in python/examples run to their end."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "python/examples"


class Examples(unittest.TestCase):
    def test_all_of_them_are_tried(self):
        self.assertEqual(sorted(path.name for path in EXAMPLES.glob("*.py")), ["own_data.py"])

    def test_own_data(self):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([sys.executable, EXAMPLES / "own_data.py", "21", folder], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("step 20 of 21: loss", done.stdout)
        self.assertIn("opened again: ", done.stdout)
        self.assertIn("the largest gradient is that of", done.stdout)


if __name__ == "__main__":
    unittest.main()
