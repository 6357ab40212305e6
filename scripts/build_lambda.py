"""Write the zip of the Lambda function (deploy/aws/lambda.yaml): dist/vodflow-lambda.zip, or the file that is named.

The same sources make the same bytes, on every machine: files in order, without times, owners or compression. Printed is
the hash by which Lambda knows the code (``CodeSha256``), and which makes a name for it in S3 that changes with it.
"""

from __future__ import annotations

import base64
import hashlib
import io
import sys
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

REPOSITORY = Path(__file__).resolve().parents[1]
FUNCTION = REPOSITORY / "deploy" / "aws" / "lambda"
LIBRARY = REPOSITORY / "include"
#: What the function uses of the library; it imports nothing but these and the standard library.
SHARED = (
    "vodflow/__init__.py",
    "vodflow/contract/__init__.py",
    "vodflow/contract/video_objects.py",
    "vodflow/sensing/__init__.py",
    "vodflow/sensing/notices.py",
)
ZIP = REPOSITORY / "dist" / "vodflow-lambda.zip"


def build() -> bytes:
    """The zip."""
    files = {path.relative_to(FUNCTION).as_posix(): path for path in FUNCTION.rglob("*.py")}
    files |= {name: LIBRARY / name for name in SHARED}
    written = io.BytesIO()
    with ZipFile(written, "w", ZIP_STORED) as archive:
        for name in sorted(files):
            entry = ZipInfo(name)  # of 1980-01-01
            entry.create_system, entry.external_attr = 3, 0o100644 << 16  # Unix, readable by all
            archive.writestr(entry, files[name].read_bytes())
    return written.getvalue()


def main(arguments: list[str]) -> int:
    """Write it, and say what it is."""
    path = Path(arguments[0]) if arguments else ZIP
    content = build()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    digest = hashlib.sha256(content).digest()
    print(f"{path}\nCodeSha256 {base64.b64encode(digest).decode()}\nCodeKey    vodflow-lambda-{digest.hex()[:16]}.zip")  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
