"""The command line: ``repro claims``, ``show``, ``verdicts``, ``data``, ``train``, and so on.

Every command imports only what it needs: listing claims loads no torch.
"""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from collections.abc import Sequence

from repro import __version__, paths
from repro.cli import calibrate, commands
from repro.errors import ReproError

EPILOG = """
typical use:
  repro claims                          what is checked
  repro show lacok2016-t1-fgsm-025-error
  repro verdicts                        every verdict, from the committed populations
  repro docs                            bring CLAIMS.md and the docs' tables up to date
  repro data --fetch                    download MNIST into the cache
  repro run --claim 'lacok2016-t1-*'    measure and judge on this machine
  repro calibrate --seeds 0-19          make or extend the populations
  repro report reports/report.json      make the page of a report again
  repro diff A.json B.json              what changed between two reports
"""


OUTPUT = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
"""What a full or closed standard output says."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 on success, 1 when what it checks fails, 2 for a user's mistake."""
    options = sys.argv[1:] if argv is None else list(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # The papers' Greek letters must not break a terminal that has none.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = _dispatch(options)
        if sys.stdout is not None:  # as it is where it was closed
            sys.stdout.flush()  # a reader that is gone is found out here, not at the very end
    except ReproError as error:
        print(f"repro: {type(error).__name__}\n{error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "repro: interrupted; what was finished is kept: give the command again to go on",
            file=sys.stderr,
        )
        return 130
    except BrokenPipeError:
        _hush()  # the reader (head, say) has enough
        return 0
    except OSError as error:
        # What the commands read and write has errors of its own; this is their output.
        if error.filename is not None or error.errno not in OUTPUT:
            raise
        _hush()
        print(
            f"repro: StoreError\nfound: {error}\n"
            "expected: an output that can be written\n"
            "what to do: free some space, or send the output elsewhere",
            file=sys.stderr,
        )
        return 2
    return status


def _hush() -> None:
    """Send the rest of the output nowhere: flushing it at the very end would fail once more."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _dispatch(options: list[str]) -> int:
    if options[:1] == ["run"]:
        return commands.run(options[1:])  # everything after ``run`` is pytest's
    args = _parser().parse_args(options)
    status: int = args.command(args)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="repro",
        description="Published claims on adversarial examples, measured and judged.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"repro-adversarial {__version__}")
    add = parser.add_subparsers(required=True, metavar="COMMAND").add_parser

    claims = add("claims", help="list every claim and what is expected of it")
    claims.add_argument("--json", action="store_true", help="as JSON")
    claims.add_argument("--markdown", action="store_true", help="as CLAIMS.md has it")
    claims.add_argument("--findings", action="store_true", help="the README's table of findings")
    claims.set_defaults(command=commands.claims)

    show = add("show", help="one claim's whole story")
    show.add_argument("id", help="the claim's id, as `repro claims` lists it")
    show.set_defaults(command=commands.show)

    verdicts = add("verdicts", help="recompute every verdict from the populations")
    verdicts.add_argument("--json", action="store_true", help="as JSON")
    verdicts.set_defaults(command=commands.verdicts)

    docs = add("docs", help="make CLAIMS.md and the documents' tables again")
    docs.add_argument("--check", action="store_true", help="write nothing; 1 where one is stale")
    docs.set_defaults(command=commands.docs)

    data = add("data", help="where MNIST is looked for, and whether it verifies")
    _data_options(data)
    data.add_argument("--fetch", action="store_true", help="download MNIST into the cache")
    data.set_defaults(command=commands.data)

    training = add("train", help="train one network (a killed training goes on)")
    training.add_argument("paper", help="the paper's id")
    training.add_argument("--experiment", help="whose networks (default: the paper's first)")
    training.add_argument("--seed", type=int, default=0, help="default: 0, the shipped one")
    training.add_argument(
        "--force", action="store_true", help="train also where weights are at hand"
    )
    training.add_argument("--ship", action="store_true", help="copy the weights into fixtures/")
    _data_options(training)
    _device_option(training)
    training.set_defaults(command=calibrate.train)

    seeds = add(
        "calibrate", help="measure experiments over many seeds: the evidence behind every band"
    )
    seeds.add_argument("--seeds", help="such as 0-19 or 3,5,8 (default: 0-19)")
    seeds.add_argument(
        "--check",
        action="store_true",
        help="write nothing: hold fresh seeds (default: the next two) against the populations' "
        "99.9%% bands; 1 where one lies outside",
    )
    seeds.add_argument("--paper", action="append", help="only this paper (repeatable)")
    seeds.add_argument(
        "--experiment",
        action="append",
        help="only this one (repeatable; those whose networks do not ship must be named)",
    )
    seeds.add_argument(
        "--out", type=paths.given, help="folder of populations (default: fixtures/)"
    )
    seeds.add_argument(
        "--data",
        choices=("both", "full", "embedded"),
        default="both",
        help="images to measure on: MNIST, the embedded sample, or both (default)",
    )
    seeds.add_argument("--workers", type=int, default=1, help="processes (default: 1)")
    seeds.add_argument("--scheduler", metavar="ADDRESS", help="a Dask scheduler, tcp://…")
    _data_options(seeds)
    _device_option(seeds)
    seeds.set_defaults(command=calibrate.calibrate)

    report = add("report", help="make the page of a report.json again")
    report.add_argument(
        "report", type=paths.given, help="a report.json, from this machine or another"
    )
    report.add_argument("--out", type=paths.given, help="default: index.html beside it")
    report.set_defaults(command=commands.report)

    diff = add("diff", help="what changed between two reports; 1 for a verdict")
    diff.add_argument("before", type=paths.given, metavar="A.json", help="a report.json")
    diff.add_argument("after", type=paths.given, metavar="B.json", help="another")
    diff.add_argument("--json", action="store_true", help="as JSON")
    diff.set_defaults(command=commands.diff)

    add("run", help="run the claims' tests; takes pytest's options (repro run --help)")
    return parser


def _data_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--mnist-dir", type=paths.given, help="folder of the MNIST files, .gz or raw"
    )
    parser.add_argument("--offline", action="store_true", help="never download")


def _device_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="cpu", help="cpu (the reference) or cuda")


if __name__ == "__main__":
    sys.exit(main())
