"""Make the documents' table of the maxout network after more and fewer epochs."""

from __future__ import annotations

from repro.judge.populations import Archive
from repro.markdown import mean, table
from repro.papers.goodfellow2015 import maxout

COLUMNS = {
    "error, no attack": "clean-error",
    "FGSM error": "fgsm-error",
    "its confidence": "fgsm-confidence",
    "rubbish error": "rubbish-error",
    "its confidence on mistakes": "rubbish-confidence",
}


def epochs(archive: Archive) -> str:
    """Write what section 4 and appendix A measure, after each number of epochs."""
    population = archive.population("full", "goodfellow2015", "epochs", "maxout-hundred-epochs")
    rows = [
        [str(n), *(mean(population.values(f"{n}-{name}")) for name in COLUMNS.values())]
        for n in maxout.EPOCHS
    ]
    return f"{table(['epochs', *COLUMNS], rows)}\nSeeds measured: {len(population.rows)}.\n"


TABLES = {"epochs": epochs}
