# PYTHON_ARGCOMPLETE_OK
"""The command line: ``repro claims``, ``show``, ``verdicts``, ``data``, ``train``, and so on.

Every command imports only what it needs: listing claims loads no torch.
"""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial

from repro import __version__, paths
from repro.claims import selection
from repro.cli import calibrate, commands, paper_files, try_network
from repro.errors import ReproError, StoreError
from repro.papers.registry import load_all

EPILOG = """
typical use:
  repro claims                          what is checked
  repro show lacok2016-t1-fgsm-025-error
  repro verdicts                        every verdict, from the committed populations
  repro docs                            bring CLAIMS.md and the docs' tables up to date
  repro data --fetch                    download MNIST into the cache
  repro run --claim 'lacok2016-t1-*'    measure and judge on this machine
  repro try net.py:Net --paper popovic2017   where a network of your own stands
  repro calibrate --seeds 0-19          make or extend the populations
  repro new-paper doe2020               the files of a new paper, and the commands for it
  repro report reports/report.json      make the page of a report again
  repro diff A.json B.json              what changed between two reports
"""

DEVICE = (
    "where networks are trained and run: cpu (the reference), or cuda, in float32 with all its "
    "bits (no TF32); what an attack keeps between two passes stays on the CPU"
)

COMPLETED = ("completer", lambda **_: [c.id for p in load_all().values() for c in p.claims])
"""What argcomplete asks for the claims' ids."""
OUTPUT = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
"""What a full or closed standard output says."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 on success, 1 when what it checks fails, 2 for a user's mistake."""
    options = sys.argv[1:] if argv is None else list(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # The papers' Greek letters must not break a terminal that has none.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        if options[:1] == ["run"]:
            status = commands.run(options[1:])  # everything after ``run`` is pytest's
        else:
            parser = _parser()
            if "_ARGCOMPLETE" in os.environ:  # a shell asks how the line may go on
                import argcomplete  # an optional package

                argcomplete.autocomplete(parser)
            args = parser.parse_args(options)
            status = args.command(args)
        if sys.stdout is not None:  # as it is where it was closed
            sys.stdout.flush()  # a reader that is gone is found out here, not at the very end
    except ReproError as error:
        return _told(error)
    except KeyboardInterrupt:
        kept = "; what was finished is kept: give the command again to go on"
        kept += " (--force trains what was finished anew)" * ("--force" in options)
        goes_on = options[:1] in (["train"], ["calibrate"])
        print(f"repro: interrupted{kept * goes_on}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        _hush()  # the reader (head, say) has enough
        return 0
    except OSError as error:
        # What the commands read and write has errors of its own; this is their output.
        if error.filename is not None or error.errno not in OUTPUT:
            raise
        _hush()
        return _told(
            StoreError(
                str(error),
                expected="an output that can be written",
                do="free some space, or send the output elsewhere",
            )
        )
    return status


def _told(error: ReproError) -> int:
    print(f"repro: {type(error).__name__}\n{error}", file=sys.stderr)
    return 2


def _hush() -> None:
    """Send the rest of the output nowhere: flushing it at the very end would fail once more."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="repro",
        description="Published claims on adversarial examples, measured and judged.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"repro-adversarial {__version__}")
    added = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str,
        run: Callable[[argparse.Namespace], int],
        said: str,
        *shared: argparse.ArgumentParser,
    ) -> tuple[Callable[..., object], Callable[..., object]]:
        """Add a command; return what adds an option or argument to it, and what adds a flag."""
        command = added.add_parser(name, help=said, parents=shared)
        command.set_defaults(command=run)
        return command.add_argument, partial(command.add_argument, action="store_true")

    mnist = argparse.ArgumentParser(add_help=False)
    mnist.add_argument(
        "--mnist-dir", type=paths.given, help="folder of the MNIST files, .gz or raw"
    )
    mnist.add_argument("--offline", action="store_true", help="never download")
    device = argparse.ArgumentParser(add_help=False)
    device.add_argument("--device", default="cpu", help=DEVICE)

    choice = argparse.ArgumentParser(add_help=False)
    for name in selection.OPTIONS:
        choice.add_argument(f"--{name}", **selection.OPTIONS[name])

    said = "list claims and what is expected of them"
    _, flag = add("claims", commands.claims, said, choice)
    flag("--json", help="as JSON")
    flag("--markdown", help="as CLAIMS.md has it")
    flag("--findings", help="the README's table of findings")
    flag("-v", "--verbose", help="with each claim's statement")

    option, flag = add("show", commands.show, "one claim's whole story")
    said = "the claim's id, as `repro claims` lists it, or a glob that matches one"
    setattr(option("id", help=said), *COMPLETED)
    flag("-v", "--verbose", help="with every seed's number and every reason")

    said = "recompute every verdict from the populations"
    option, flag = add("verdicts", commands.verdicts, said, choice)
    said = "of this claim (globs allowed), in sentences"
    setattr(option("id", nargs="?", default="", help=said), *COMPLETED)
    flag("--json", help="as JSON")
    flag("-v", "--verbose", help="in sentences")

    said = "write the files of a new paper, which run, and tell what comes next"
    option, _ = add("new-paper", paper_files.new_paper, said)
    option("id", help="of the paper, such as doe2020")
    option(
        "--dir",
        type=paths.given,
        help="where papers/ and claims/ are made (default: in this checkout)",
    )

    said = (
        "what is wrong with a paper's records and experiments, before any training; 1 for a fault"
    )
    option, _ = add("check", commands.check, said)
    option("paper", help="the paper's id")

    said = "the verdicts on record that are not those of the evidence; 1 where one is left"
    option, flag = add("expect", paper_files.expect, said)
    option("paper", help="the paper's id")
    flag("--write", help="put those of the evidence into claims.toml")

    _, flag = add("docs", commands.docs, "make CLAIMS.md and the documents' tables again")
    flag("--check", help="write nothing; 1 where one is stale")

    said = "where MNIST is looked for, and whether it verifies"
    _, flag = add("data", commands.data, said, mnist)
    flag("--fetch", help="download MNIST into the cache")

    said = "train the networks that ship (a killed training goes on)"
    option, flag = add("train", calibrate.train, said, mnist, device)
    option("paper", help="the paper's id")
    option(
        "--experiment",
        action="append",
        help="whose networks (repeatable; default: of all whose networks ship)",
    )
    option("--seed", type=int, default=0, help="default: 0, the shipped one")
    flag("--force", help="train also where weights are at hand")
    flag("--ship", help="copy the weights into fixtures/")

    said = "measure experiments over many seeds: the evidence behind every band"
    option, flag = add("calibrate", calibrate.calibrate, said, mnist, device)
    option("--seeds", type=calibrate.seeds_of, help="such as 0-19 or 3,5,8 (default: 0-19)")
    flag(
        "--check",
        help="write nothing: hold fresh seeds (default: the next two) against the populations' "
        "99.9%% bands; status 1 where all of them lie outside one, on the same side",
    )
    option("--paper", action="append", help="only this paper (repeatable)")
    option(
        "--experiment",
        action="append",
        help="only this one (repeatable; those whose networks do not ship must be named)",
    )
    option("--out", type=paths.given, help="folder of populations (default: fixtures/)")
    option(
        "--data",
        choices=("both", "full", "embedded"),
        default="both",
        help="images to measure on: MNIST, the embedded sample, or both (default)",
    )
    option("--workers", type=int, default=1, help="processes (default: 1)")
    option("--scheduler", metavar="ADDRESS", help="a Dask scheduler, tcp://…")

    said = "ask a paper's claims of a network of your own"
    option, flag = add("try", try_network.run, said, mnist)
    added.choices["try"].description = try_network.ABOUT
    added.choices["try"].epilog = try_network.EXAMPLES
    added.choices["try"].formatter_class = argparse.RawDescriptionHelpFormatter
    option("network", metavar="NETWORK", help="as above")
    option("--paper", required=True, metavar="ID", help="whose claims (see `repro claims`)")
    for name in ("claim", "tag", "reading"):
        option(f"--{name}", **selection.OPTIONS[name])
    option("--weights", type=paths.given, metavar="FILE", help="safetensors with its state_dict")
    option(
        "--report-dir",
        type=paths.given,
        default=paths.given("reports/try"),
        metavar="DIR",
        help="default: reports/try",
    )
    flag("--strict", help="status 1 where a number lies outside or an ordering fails")

    option, _ = add("report", commands.report, "make the page of a report.json again, or a table")
    option("report", type=paths.given, help="a report.json, from this machine or another")
    option("--format", choices=("html", "csv"), default="html", help="the page, or a table")
    option("--out", type=paths.given, help="default: index.html or results.csv beside it")
    option(
        "--crate",
        metavar="WHO",
        help="also make its folder a Workflow Run RO-Crate, run by WHO (a name or an ORCID)",
    )

    option, flag = add("diff", commands.diff, "what changed between two reports; 1 for a verdict")
    option("before", type=paths.given, metavar="A.json", help="a report.json")
    option("after", type=paths.given, metavar="B.json", help="another")
    flag("--json", help="as JSON")

    said = "run the claims' tests; takes pytest's options (repro run --help)"
    added.add_parser("run", help=said)
    return parser
