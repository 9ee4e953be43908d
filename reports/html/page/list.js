// The cases that match, the most urgent first; as a table it is also the way in
// for whoever does not see the heat map.

const firstPage = 25, nextPage = 200;

function caseList(m, opened) {
  const body = $("list").tBodies[0], more = $("more");
  let matching = [], shown = 0;

  function update() {
    const test = match(m);
    const byKind = m.kinds.map(() => []);
    for (let i = 0; i < m.size; i++) if (test.case(i)) byKind[m.cases.kind[i]].push(i);
    matching = byKind.flat();
    const differ = byKind.slice(0, 4).flat().length;
    $("matching").textContent = plural(matching.length, "case matches", "cases match") + ", of which " + plural(differ, "differs", "differ") + " from what is expected or could not be known.";
    body.replaceChildren();
    shown = 0;
    extend(firstPage);
  }

  function extend(size) {
    const rows = document.createDocumentFragment();
    for (const i of matching.slice(shown, shown + size)) rows.append(row(i));
    body.append(rows);
    shown = Math.min(matching.length, shown + size);
    more.hidden = shown === matching.length;
    more.textContent = `Show more (${(matching.length - shown).toLocaleString("en")} left)`;
  }

  function row(i) {
    const c = m.cases, kind = m.kinds[c.kind[i]], get = (name) => m.column(name)(i);
    const open = () => opened(c.from[i], c.to[i]);
    return el("tr", {},
      el("td", {}, el("span", { class: "badge " + kind.id }, kind.words)),
      el("td", {}, m.platforms[c.platform[i]].name),
      el("td", {}, el("button", { type: "button", class: "link", on: { click: open } }, m.services[c.from[i]].name)),
      el("td", {}, el("button", { type: "button", class: "link", on: { click: open } }, m.target(i))),
      el("td", {}, get("expected")), el("td", {}, get("predicted") || "–"), el("td", {}, m.seen(i)),
      el("td", { class: "why" }, m.why(i)));
  }

  more.addEventListener("click", () => extend(nextPage));
  return { update };
}
