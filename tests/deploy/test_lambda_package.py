"""The Lambda function's zip: always the same, alone in a clean interpreter, and as its template has it."""

from __future__ import annotations

import ast
import io
import json
import subprocess
import sys
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

from vodflow.contract.video_objects import VIDEO_SUFFIXES
from vodflow.stack.home import REPOSITORY

from scripts.build_lambda import FUNCTION, build
from scripts.generate_permissions import load_template

#: What Lambda's own runtime brings.
RUNTIME = {"botocore"}


def test_the_same_sources_make_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.zip", "two.zip"):
        command = [sys.executable, str(REPOSITORY / "scripts" / "build_lambda.py"), str(tmp_path / name)]
        said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    one, two = ((tmp_path / name).read_bytes() for name in ("one.zip", "two.zip"))
    assert one == two == build()
    assert "CodeSha256" in said


def test_nothing_of_the_machine_is_in_it() -> None:
    with ZipFile(io.BytesIO(build())) as archive:
        entries = archive.infolist()
        assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
        for entry in entries:
            assert (entry.date_time, entry.compress_type) == ((1980, 1, 1, 0, 0, 0), ZIP_STORED)
            assert (entry.create_system, entry.external_attr >> 16) == (3, 0o100644)
    assert len(build()) < 100_000


def test_it_needs_nothing_but_the_standard_library() -> None:
    """botocore is the runtime's, and imported where AWS is called only."""
    with ZipFile(io.BytesIO(build())) as archive:
        for entry in archive.infolist():
            for node in ast.walk(ast.parse(archive.read(entry))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                for name in (name.partition(".")[0] for name in names):
                    known = name in sys.stdlib_module_names or name in {"vodflow", "vodflow_lambda"} | RUNTIME
                    assert known, f"{entry.filename} imports {name}"


def test_a_clean_interpreter_imports_it(tmp_path: Path) -> None:
    (tmp_path / "function.zip").write_bytes(build())
    code = (
        "import sys, json; sys.path[:] = [sys.argv[1], *(p for p in sys.path if 'site-packages' not in p)]\n"
        "from vodflow_lambda.handler import handle\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "print(json.dumps(sorted(loaded & {'botocore', 'pydantic', 'httpx'})))"
    )
    command = [sys.executable, "-I", "-S", "-c", code, str(tmp_path / "function.zip")]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout) == []


def test_the_template_names_what_is_there() -> None:
    template = load_template("lambda.yaml")
    function = template["Resources"]["Function"]["Properties"]
    module, _, name = function["Handler"].rpartition(".")
    source = (FUNCTION / f"{module.replace('.', '/')}.py").read_text("utf-8")
    assert name in {node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    assert template["Parameters"]["Suffixes"]["Default"].split() == list(VIDEO_SUFFIXES)
    configuration = (FUNCTION / "vodflow_lambda" / "configuration.py").read_text("utf-8")
    for variable in function["Environment"]["Variables"]:
        assert f'"{variable}"' in configuration, f"{variable} is set and nobody reads it"


def test_a_message_is_hidden_for_longer_than_a_call_takes() -> None:
    """As AWS advises: six times, for Lambda itself waits when it is throttled."""
    resources = load_template("lambda.yaml")["Resources"]
    queue, function = (resources[name]["Properties"] for name in ("UploadQueue", "Function"))
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == function["DeadLetterConfig"]["TargetArn"]
    assert resources["UploadBatches"]["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
