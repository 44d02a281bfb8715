"""Fetches the vendored library from its npm package: `python -m service.page.vendor.fetch` (needs npm).

The manifest names the package, its version and the files; a file that differs from the recorded SHA-256 is refused, and
without a recorded one is recorded.
"""

import json
import subprocess
import sys
import tarfile
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

FOLDER = Path(__file__).parent
MANIFEST = FOLDER / "manifest.json"


def main() -> None:
    """Fetch every file of the manifest."""
    manifest = json.loads(MANIFEST.read_text("utf-8"))
    package = f"{manifest['package']}@{manifest['version']}"
    with TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
            for name, known in manifest["files"].items():
                member = archive.extractfile(f"package/{name}")
                if member is None:
                    sys.exit(f"{package} has no file {name}; correct {MANIFEST.name}")
                content = member.read()
                found = sha256(content).hexdigest()
                if known not in ("", found):
                    sys.exit(
                        f"{name} of {package} has SHA-256 {found}, not {known}; see what has changed before you take it"
                    )
                manifest["files"][name] = found
                target = FOLDER / manifest["package"] / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
    MANIFEST.write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
