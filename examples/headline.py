# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The headline claims
#
# What papers on adversarial examples say first, held against the populations that are
# committed with the suite. Nothing is trained or measured here. A script as it stands, and a
# notebook in VS Code or, through jupytext, in Jupyter.

# %%
import pandas as pd

from repro import notebook

pd.set_option("display.width", 120, "display.max_columns", 12, "display.max_colwidth", 60)

# %% [markdown]
# Each claim is judged once a reading, which is one complete interpretation of what its paper
# leaves open. `low` and `high` are the ends of the 95 % band for one more training.

# %%
verdicts = notebook.verdicts(tag="headline")
print(verdicts[["verdict", "published", "n", "mean", "low", "high"]].round(4).to_string())

# %% [markdown]
# The numbers behind one of them: a row a seed. The 81 % lies far from what the regularised
# network's own adversarial images give, and well within what those of the other network give.

# %%
readings = ("as-written", "float32-gradient", "cached-adversarials")
errors = {
    reading: notebook.population("lacok2016", "table2", reading)["fgsm-025-error"]
    for reading in readings
}
print(pd.DataFrame(errors).describe().round(4).to_string())

# %% [markdown]
# The sentence of each verdict.

# %%
for (claim, reading), row in verdicts.iterrows():
    print(f"{claim} ({reading}): {row['verdict']}\n    {row['reason']}")
