"""The folder of a run as a Workflow Run RO-Crate: ``ro-crate-metadata.json`` beside its report.

It is of the profile Process Run Crate 0.5: one action, with who ran it, the software and its
versions, the data and the networks that went in with their hashes, and the files that came out.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from repro.atomic import write_atomic
from repro.errors import UsageError
from repro.report import report_json, words
from repro.report.sanitize import line

NAME = "ro-crate-metadata.json"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
TERMS = "https://w3id.org/ro/terms/workflow-run/context"
LICENSE = "https://spdx.org/licenses/MIT"
STANDARDS = {
    PROFILE: {"@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"},
    LICENSE: {"@type": "CreativeWork", "name": "MIT License", "identifier": LICENSE},
}
OUTPUTS = {
    "report.json": ("application/json", "every claim under every reading, measured and judged"),
    "index.html": ("text/html", "the same as a page"),
    "summary.md": ("text/markdown", "what changed against the verdicts on record"),
    "junit.xml": ("application/xml", "the outcomes of the tests"),
}
_ORCID = re.compile(r"https://orcid\.org/\d{4}-\d{4}-\d{4}-\d{3}[\dX]")


def write(source: Path, who: str) -> Path:
    """Describe a report and the files beside it; return where.

    Args:
        source: a ``report.json``.
        who: who ran it: a name, or an ORCID such as ``https://orcid.org/0000-0001-2345-6789``.
    """
    try:
        from rocrate.rocrate import ROCrate
    except ImportError as error:
        raise UsageError(
            "--crate, but rocrate is not installed",
            expected="the package rocrate",
            do="pip install 'repro-adversarial[crate]'",
        ) from error
    if not who.strip():
        raise UsageError("--crate ''", expected="who ran it", do="give a name, or an ORCID")
    report = report_json.read(source)
    header, crate = report["header"], ROCrate(version="1.1")
    crate.metadata.extra_contexts.append(TERMS)

    def add(found: Mapping[str, Mapping[str, Any]]) -> list[Any]:
        return [crate.add_jsonld({"@id": name, **about}) for name, about in found.items()]

    add(STANDARDS)
    crate.root_dataset["conformsTo"] = {"@id": PROFILE}
    crate.root_dataset["license"] = {"@id": LICENSE}
    papers = {
        f"#{line(paper, 60)}": {"@type": "ScholarlyArticle", "name": line(citation)}
        for paper, citation in header.get("papers", {}).items()
    }
    crate.root_dataset["citation"] = add(papers)
    name = line(who, 200)
    identifier = name if _ORCID.fullmatch(name) else "#agent"
    (agent,) = add({identifier: {"@type": "Person", "name": name}})
    crate.root_dataset["author"] = agent
    crate.name = f"Published claims, measured: run of {header['start']}"
    crate.description = f"{line(header['coverage'])}. Verdicts: " + ", ".join(
        f"{count} {verdict}" for verdict, _, count in words.counts(report["claims"]) if count
    )
    crate.root_dataset["datePublished"] = _time(report["footer"]["end"])
    suite, *_ = add(_software(header))
    crate.root_dataset["mentions"] = crate.add_action(
        suite,
        identifier="#run",
        object=add(_inputs(report)),
        result=[
            crate.add_file(dest_path=name, properties=about)
            for name, about in _outputs(source).items()
        ],
        properties={
            "name": line(header["command"], 1000),
            "description": f"On {line(header['cpu'], 200)}, {header['threads']} threads, device "
            f"{line(header['device'], 200)}",
            "startTime": _time(header["start"]),
            "endTime": _time(report["footer"]["end"]),
            "agent": agent,
            "actionStatus": "http://schema.org/CompletedActionStatus",
        },
    )
    target = source.with_name(NAME)
    write_atomic(target, f"{json.dumps(crate.metadata.generate(), indent=1)}\n".encode())
    return target


def _time(utc: str) -> str:
    """Write a report's time with its offset, which the profile's validator wants to see."""
    return utc.replace("Z", "+00:00")


def _software(header: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the suite and what it ran on, each with its version."""
    versions = {
        f"#{line(name, 60)}": {
            "@type": "SoftwareApplication",
            "name": line(name, 60),
            "softwareVersion": line(version, 100),
        }
        for name, version in header["versions"].items()
    }
    dirty = " with uncommitted changes" if header["dirty"] else ""
    suite = {
        "@type": "SoftwareApplication",
        "name": "repro-adversarial",
        "softwareVersion": f"commit {line(header['commit'], 80)}{dirty}",
        "softwareRequirements": [{"@id": name} for name in versions],
    }
    return {"#repro-adversarial": suite, **versions}


def _inputs(report: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the data and the networks' weights, each with its SHA-256; none is in the folder."""
    data = report["header"]["data"]
    said = f"MNIST ({data['kind']}), {line(data['source'], 300)}, decompressed"
    found = {
        f"#{line(name, 60)}": {
            "name": line(name, 60),
            "description": said,
            "sha256": line(sha, 64),
        }
        for name, sha in data["hashes"].items()
    }
    for row in report["claims"]:
        for sha in row["weights_sha256"]:
            name = f"weights of {line(row['paper'], 60)}"
            found[f"#weights-{sha}"] = {"name": name, "sha256": sha}
    return {name: {"@type": "CreativeWork", **about} for name, about in found.items()}


def _outputs(source: Path) -> dict[str, dict[str, Any]]:
    """Return the files beside the report, the report first."""
    found = {}
    for name, (form, said) in OUTPUTS.items():
        path = source if name == "report.json" else source.with_name(name)
        if path.exists():
            content = path.read_bytes()
            found[path.name] = {
                "name": said,
                "encodingFormat": form,
                "contentSize": str(len(content)),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
    return found
