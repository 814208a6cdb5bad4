"use strict";
// Filter, order and anchors. Without this script the page is the plain list of all rows.
(() => {
  const form = document.getElementById("page_filter");
  const table = document.getElementById("page_table");
  if (!table) return;
  const field = (name) => document.getElementById("page_" + name);
  const paper = field("paper"), verdict = field("verdict"), text = field("text");
  const claims = [...table.tBodies].map((body) => ({
    body,
    about: body.rows[0].textContent.toLowerCase(),
    rows: [...body.querySelectorAll("tr.reading")].map((row) => {
      const more = row.nextElementSibling;
      const words = row.textContent + " " + more.textContent;
      return { row, more, text: words.toLowerCase() };
    }),
  }));
  const switched = field("reading");  // none where there is one reading alone
  const total = table.querySelectorAll("tr.reading").length;

  function fits(claim, entry, words) {
    const said = verdict.value, reading = switched?.value;
    return (!reading || entry.row.dataset.reading === reading) && (!paper.value || claim.body.dataset.paper === paper.value)
      && (!said || (said === "broken" ? entry.row.classList.contains("broken")
        : entry.row.dataset.verdict === said))
      && words.every((word) => claim.about.includes(word) || entry.text.includes(word));
  }

  function filter() {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const claim of claims) {
      let some = 0;
      for (const entry of claim.rows) {
        const visible = fits(claim, entry, words);
        entry.row.hidden = entry.more.hidden = !visible;
        some += visible;
      }
      claim.body.hidden = !some;
      shown += some;
    }
    field("shown").textContent = shown + " of " + total + " rows";
    field("nothing").hidden = shown > 0;
  }

  // A row that an address names is shown and unfolded, whatever the filter says.
  function reveal() {
    const row = document.getElementById(location.hash.slice(1));
    if (!row || !row.matches("tr.reading")) return;
    if (row.hidden) {
      for (const each of [paper, verdict, text, switched]) if (each) each.value = "";
      filter();
    }
    row.nextElementSibling.querySelector("details").open = true;
    row.scrollIntoView();
  }

  // A click on a column's head orders the claims by its first number in their first row in sight.
  const heads = [...table.tHead.rows[0].cells];
  const ranks = [...verdict.options].map((each) => each.value);
  function key(claim, column) {
    if (!column) return claim.body.querySelector("a.id").textContent;
    const row = (claim.rows.find((entry) => !entry.row.hidden) ?? claim.rows[0]).row;
    if (column === heads.length - 1) return ranks.indexOf(row.dataset.verdict);
    const number = /^(?:difference |[<>[ ])*(-?[\d.]+(?:e[-+]?\d+)?)/.exec(row.cells[column].textContent);
    return number ? Number(number[1]) : Infinity;
  }
  heads.forEach((head, column) => {
    if (head.dataset.unordered !== undefined) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.ariaSort === "ascending";
      for (const each of heads) each.ariaSort = null;
      head.ariaSort = down ? "descending" : "ascending";
      const keyed = claims.map((claim) => [key(claim, column), claim.body]);
      // Those without a number come last, whichever way.
      keyed.sort(([a], [b]) => (a === Infinity) - (b === Infinity)
        || (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1));
      table.append(...keyed.map(([, body]) => body));
    });
  });

  let unfolded = false;
  field("unfold").addEventListener("click", () => {
    unfolded = !unfolded;
    for (const each of table.querySelectorAll("tr.more details")) each.open = unfolded;
    field("unfold").textContent = unfolded ? "Fold all" : "Unfold all";
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", filter);
  switched?.addEventListener("change", filter);
  addEventListener("hashchange", reveal);
  form.hidden = false;
  filter();
  reveal();
})();
