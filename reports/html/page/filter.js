// What is chosen above the matrix; everything below follows it.

const filter = { search: "", platform: -1, show: "kind", fromTier: "", toTier: "", kinds: new Set() };

// match makes the test that a case must pass. "a > b" searches both ends apart.
function match(m) {
  const [left, right] = filter.search.toLowerCase().split(/\s*(?:->|→|>)\s*/, 2);
  const hit = (words, s) => !words || s.includes(words);
  const names = m.services.map((s) => s.name.toLowerCase());
  const from = names.map((n, i) => hit(right === undefined ? "" : left.trim(), n) && (!filter.fromTier || m.tierOf[i] === filter.fromTier));
  const to = names.map((n, i) => hit((right || "").trim(), n) && (!filter.toTier || m.tierOf[i] === filter.toTier));
  const one = right === undefined ? left.trim() : "";
  const either = names.map((n) => hit(one, n));
  const c = m.cases;
  return {
    from, to,
    pair: (f, t) => from[f] && to[t] && (!one || either[f] || either[t]),
    kind: (k) => filter.kinds.size === 0 || filter.kinds.has(k),
    platform: (p) => filter.platform < 0 || filter.platform === p,
    case(i) {
      return this.platform(c.platform[i]) && this.kind(c.kind[i]) && this.pair(c.from[i], c.to[i]);
    },
  };
}

function setUpFilters(m, changed) {
  const choose = (select, values, all) => {
    if (all) select.append(el("option", { value: "" }, all));
    for (const [value, words] of values) select.append(el("option", { value }, words));
  };
  choose($("platform"), m.used.map((p) => [p, m.platforms[p].name]), m.used.length > 1 ? "all, side by side" : "");
  choose($("fromTier"), m.tiers.map((t) => [t, t]), "any");
  choose($("toTier"), m.tiers.map((t) => [t, t]), "any");
  if (m.used.length === 1) filter.platform = m.used[0];
  const on = (id, event, f) => $(id).addEventListener(event, () => { f($(id).value); changed(); });
  on("search", "input", (v) => { filter.search = v; });
  on("platform", "change", (v) => { filter.platform = v === "" ? -1 : Number(v); });
  on("show", "change", (v) => { filter.show = v; });
  on("fromTier", "change", (v) => { filter.fromTier = v; });
  on("toTier", "change", (v) => { filter.toTier = v; });
  $("reset").addEventListener("click", () => {
    Object.assign(filter, { search: "", platform: m.used.length === 1 ? m.used[0] : -1, show: "kind", fromTier: "", toTier: "" });
    filter.kinds.clear();
    changed();
  });
  m.kinds.forEach((kind, k) => {
    $("chips").append(el("button", {
      type: "button", class: "chip", "data-kind": kind.id, "aria-pressed": "false",
      on: { click() { filter.kinds.has(k) ? filter.kinds.delete(k) : filter.kinds.add(k); changed(); } },
    }, el("i", { class: "dot " + kind.id }), kind.words + " ", el("b", {})));
  });
}

// showFilters writes the choice back: it may come from elsewhere than its control.
function showFilters(m) {
  $("search").value = filter.search;
  $("platform").value = filter.platform < 0 ? "" : String(filter.platform);
  $("show").value = filter.show;
  $("fromTier").value = filter.fromTier;
  $("toTier").value = filter.toTier;
  const counts = new Array(m.kinds.length).fill(0);
  for (let i = 0; i < m.size; i++) if (filter.platform < 0 || m.cases.platform[i] === filter.platform) counts[m.cases.kind[i]]++;
  [...$("chips").children].forEach((chip, k) => {
    chip.setAttribute("aria-pressed", String(filter.kinds.has(k)));
    chip.hidden = counts[k] === 0 && !filter.kinds.has(k);
    chip.lastChild.textContent = counts[k].toLocaleString("en");
  });
}
