// The tiers as a graph: a node a tier, an arrow for what runs between two.

function drawGraph(m, chosen) {
  const flows = new Map(), c = m.cases;
  for (let i = 0; i < m.size; i++) {
    const a = m.tierOf[c.from[i]], b = m.tierOf[c.to[i]], key = a + "\u0000" + b;
    if (!flows.has(key)) flows.set(key, { a, b, open: 0, blocked: 0, files: 0, allowed: 0, accepted: 0 });
    const id = m.kinds[c.kind[i]].id;
    if (id in flows.get(key)) flows.get(key)[id]++;
  }
  const n = m.tiers.length, width = 700, height = n > 4 ? 560 : 440, radius = height / 2 - 90;
  const places = new Map(m.tiers.map((t, i) => {
    const angle = -Math.PI / 2 + (2 * Math.PI * i) / n;
    return [t, { x: width / 2 + radius * 1.35 * Math.cos(angle), y: height / 2 + radius * Math.sin(angle), angle }];
  }));
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Tiers and what runs between them" });
  const defs = svg("defs");
  picture.append(defs);
  for (const id of ["allowed", "accepted", "open", "blocked", "files"]) {
    const head = svg("marker", { id: "head-" + id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 9, markerHeight: 9, markerUnits: "userSpaceOnUse", orient: "auto" });
    head.append(svg("path", { d: "M0 0L8 4L0 8z", class: "head " + id }));
    defs.append(head);
  }
  // What conforms lies below what does not.
  for (const id of ["allowed", "accepted", "blocked", "open", "files"])
    for (const f of flows.values()) if (f[id]) picture.append(arrow(f, id, places, chosen));
  for (const [t, p] of places) picture.append(node(m, t, p));
  $("graph").replaceChildren(picture, el("p", { class: "legend" },
    ...[["allowed", "allowed and connects"], ["open", "forbidden but open"], ["blocked", "needed but blocked"], ["files", "not as the files say"], ["accepted", "accepted"]]
      .map(([id, words]) => el("span", {}, el("i", { class: "dot " + id }), words))));
}

function arrow(f, id, places, chosen) {
  const a = places.get(f.a), b = places.get(f.b), offset = { allowed: 14, accepted: 26, blocked: 38, open: 50, files: 62 }[id];
  const lookup = { allowed: "allowed and connect", accepted: "open by an accepted deviation", open: "forbidden but open", blocked: "needed but blocked", files: "not as the files say" };
  let d;
  if (f.a === f.b) { // a loop on the outer side
    const out = a.angle, x = a.x + 34 * Math.cos(out), y = a.y + 26 * Math.sin(out), r = 24 + offset * 0.55;
    const far = (turn) => `${x + 2 * r * Math.cos(out + turn)} ${y + 2 * r * Math.sin(out + turn)}`;
    d = `M${a.x + 40 * Math.cos(out - 0.5)} ${a.y + 26 * Math.sin(out - 0.5)}C${far(-0.6)} ${far(0.6)} ${a.x + 44 * Math.cos(out + 0.5)} ${a.y + 30 * Math.sin(out + 0.5)}`;
  } else {
    const length = Math.hypot(b.x - a.x, b.y - a.y), ux = (b.x - a.x) / length, uy = (b.y - a.y) / length;
    const edge = (p, sign) => `${p.x + sign * ux * 58 - uy * offset * 0.25} ${p.y + sign * uy * 34 + ux * offset * 0.25}`;
    d = `M${edge(a, 1)}Q${(a.x + b.x) / 2 - uy * offset} ${(a.y + b.y) / 2 + ux * offset} ${edge(b, -1)}`;
  }
  const words = `${f.a} to ${f.b}: ${plural(f[id], "case", "cases")} ${lookup[id]}`;
  const pick = () => chosen(f.a, f.b, id);
  const g = svg("g", { class: "arrow " + id, tabindex: "0", role: "button", "aria-label": words });
  g.append(svg("path", { d, class: "hit" }), svg("path", { d, class: "line", "stroke-width": 1.2 + Math.log2(f[id]) * 0.8, "marker-end": `url(#head-${id})` }));
  const title = svg("title");
  title.textContent = words;
  g.append(title);
  g.addEventListener("click", pick);
  g.addEventListener("keydown", (e) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); pick(); } });
  return g;
}

function node(m, tier, p) {
  const count = m.tierOf.filter((t) => t === tier).length, g = svg("g", { class: "node" });
  const name = svg("text", { x: p.x, y: p.y - 1, "text-anchor": "middle" }), small = svg("text", { x: p.x, y: p.y + 14, "text-anchor": "middle", class: "small" });
  name.textContent = tier.length > 15 ? tier.slice(0, 14) + "…" : tier;
  small.textContent = plural(count, tier === "external" ? "peer" : "service", tier === "external" ? "peers" : "services");
  g.append(svg("rect", { x: p.x - 56, y: p.y - 26, width: 112, height: 52, rx: 12, stroke: `hsl(${tierHue(m, tier)} 60% 55%)` }), name, small);
  return g;
}
