// The evidence of a pair: each of its cases, on each platform.

function showDetail(m, from, to, close) {
  const box = $("detail"), n = m.services;
  const cases = m.casesOf(from, to);
  const groups = new Map();
  for (const i of cases) {
    const key = m.target(i);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(i);
  }
  box.replaceChildren(
    el("button", { type: "button", class: "close", "aria-label": "Close the evidence", on: { click: close } }, "×"),
    el("p", { class: "eyebrow" }, m.tierOf[from] + " → " + m.tierOf[to]),
    el("h3", { tabindex: "-1" }, n[from].name + " → " + n[to].name),
    ...(cases.length ? [] : [el("p", {}, from === to ? "A service to itself is no case." : "The matrix has no case for this pair.")]),
    ...[...groups].map(([target, list]) => oneCase(m, target, list)),
  );
  box.classList.add("open");
  box.scrollTop = 0;
}

function oneCase(m, target, list) {
  const first = list[0], why = m.column("why")(first);
  return el("section", { class: "case" },
    el("h4", {}, target, " ", el("span", { class: "expect" }, "expected: " + m.column("expected")(first))),
    el("p", { class: "place" }, el("code", {}, m.column("reason")(first)), why ? " — " + why : ""),
    ...list.map((i) => onPlatform(m, i)));
}

function onPlatform(m, i) {
  const get = (name) => m.column(name)(i), kind = m.kinds[m.cases.kind[i]], p = m.platforms[m.cases.platform[i]];
  const rows = [
    ["predicted", get("predicted")],
    ["observed", p.static ? "not probed" : get("observed") + (get("outcome") === "not-probed" ? "" : " (" + get("outcome") + ")")],
    ["evidence", get("evidence")],
    ["files say", m.says(i)],
    ["decided by", get("decides")],
    [kind.id === "allowed" || kind.id === "denied" ? "turns it" : "to mend it", get("mend")],
    ["accepted", get("accepted")],
    ["settled", m.settled[i] ? m.settled[i] + " ms after the policies" : ""],
    ["took", m.took[i] ? m.took[i] + " ms" : ""],
  ];
  return el("div", { class: "on " + kind.id },
    el("p", { class: "judged" }, el("i", { class: "dot " + kind.id }), el("b", {}, p.name), " ", kind.words),
    el("dl", {}, ...rows.filter(([, value]) => value).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
    waysOf(m, i));
}

// waysOf lists what each path showed; nine numbers are one observation.
function waysOf(m, i) {
  const w = m.ways[i], items = [];
  for (let k = 0; k < w.length; k += 9) {
    const [route, source, host, via, outcome, address, detail] = w.slice(k, k + 7).map((s) => m.strings[s]);
    items.push(el("li", {}, el("b", {}, outcome), ` by ${route} ${host}`, address && !host.startsWith(address) ? ` (${address})` : "",
      via ? `, ${via}` : "", ` from ${source}`, detail ? `, ${detail}` : "", `, ${w[k + 8] / 1000} ms`, w[k + 7] ? ", control live" : ", control not live"));
  }
  if (!items.length) return "";
  return el("details", {}, el("summary", {}, plural(items.length, "way tried", "ways tried")), el("ol", {}, ...items));
}
