// The head of the page, and its tables: deviations, environment, findings, evidence.

function drawFacts(m) {
  $("meta").textContent = [m.matrix && "matrix " + m.matrix, m.started, m.elapsed && (m.elapsed / 1000).toFixed(1) + " s", "netconform " + m.version, m.id && "run " + m.id].filter(Boolean).join("  ·  ");
  $("foot").textContent = `netconform ${m.version}  ·  ${m.digest}`;
  $("platforms").replaceChildren(...m.platforms.map((p) => platformCard(m, p)));
  $("problems").replaceChildren(...m.errors.map((e) => el("p", { class: "problem", role: "alert" }, e)));
  accepts(m);
  environment(m);
  findings(m);
  $("controls").replaceChildren(...m.evidence.map((c) => el("article", { class: "card control " + c.status },
    el("p", { class: "eyebrow" }, c.id), el("h3", {}, c.title), el("p", { class: "status" }, c.words),
    el("h4", {}, "What the run shows"), el("ul", {}, ...c.shows.map((s) => el("li", {}, s))),
    el("h4", {}, "What it does not show"), el("ul", {}, ...c.lacks.map((s) => el("li", {}, s))))));
}

function platformCard(m, p) {
  const c = p.count, judged = Math.max(1, c.cases);
  const bar = el("div", { class: "share", role: "img", "aria-label": `${c.conforms} of ${c.cases} cases conform` });
  for (const [id, n] of [["allowed", c.conforms], ["accepted", c.accepted], ["open", c.violations], ["unsure", c.inconclusive], ["skipped", c.skipped]]) {
    const part = el("span", { class: "fill " + id, title: `${n} ${id}` });
    part.style.flexGrow = n / judged;
    if (n) bar.append(part);
  }
  const number = (n, words, id) => el("div", { class: n ? "number " + id : "number zero" }, el("b", {}, n.toLocaleString("en")), " " + words);
  return el("article", { class: "card" }, el("h3", {}, p.name, p.static ? el("small", {}, " predicted from its files") : ""),
    p.notRun ? el("p", { class: "small" }, "Not probed: " + p.notRun) : "",
    ...(c.cases ? [bar, el("div", { class: "numbers" }, number(c.conforms, "conform", "good"), number(c.violations, "violations", "bad"), number(c.inconclusive, "inconclusive", "warn"),
      number(c.disagreements, "not as the files say", "files"), number(c.accepted, "accepted", ""), number(c.skipped, "skipped", ""))] : []));
}

function table(heads, rows) {
  return el("table", {}, el("thead", {}, el("tr", {}, ...heads.map((h) => el("th", {}, h)))), el("tbody", {}, ...rows.map((r) => el("tr", {}, ...r.map((d) => el("td", {}, d))))));
}

function accepts(m) {
  const left = (a) => {
    if (!a.expires) return "never";
    if (a.left === null) return a.expires;
    const words = a.left <= 0 ? "expired" : plural(a.left, "day left", "days left");
    return el("span", { class: a.left <= 0 ? "late" : a.left < 31 ? "soon" : "" }, `${a.expires} (${words})`);
  };
  $("accepts").replaceChildren(m.accepts.length
    ? el("div", { class: "scroll" }, table(["entry", "reason", "expires", "cases", ""], m.accepts.map((a) => [el("code", {}, a.where), a.reason, left(a), String(a.count), a.problem || ""])))
    : el("p", { class: "lead" }, "The suite accepts none."));
}

function environment(m) {
  const names = [...new Set(m.platforms.flatMap((p) => p.environment.map((f) => f.name)))];
  const shown = m.platforms.filter((p) => p.environment.length || p.notes.length);
  const value = (p, name) => p.environment.filter((f) => f.name === name).map((f) => f.value).join(", ") || "–";
  const rows = names.map((name) => [name, ...shown.map((p) => value(p, name))]);
  if (shown.some((p) => p.notes.length)) rows.push(["notes", ...shown.map((p) => (p.notes.length ? el("ul", {}, ...p.notes.map((n) => el("li", {}, n))) : "–"))]);
  $("facts").replaceChildren(rows.length ? table(["", ...shown.map((p) => p.name)], rows) : el("p", { class: "lead" }, "Nothing was recorded."));
}

function findings(m) {
  if (!m.findings.length) return;
  $("findings").replaceChildren(el("h3", {}, "Findings in the files"), el("div", { class: "scroll" },
    table(["place", "what is wrong", "mend", "rule"], m.findings.map((f) => [el("code", {}, f.place), f.message, f.mend, el("code", {}, f.rule)]))));
}
