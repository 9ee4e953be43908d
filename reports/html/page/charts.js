// How long things took: phases, convergence after the policies, probe latency.

function drawCharts(m) {
  const cards = [];
  for (const p of m.used) {
    const platform = m.platforms[p];
    if (platform.static) continue;
    const mine = [];
    for (let i = 0; i < m.size; i++) if (m.cases.platform[i] === p) mine.push(i);
    const outcome = m.column("outcome");
    const took = (...outcomes) => mine.filter((i) => m.took[i] > 0 && outcomes.includes(outcome(i))).map((i) => m.took[i]);
    cards.push(el("article", { class: "card" },
      el("h3", {}, platform.name),
      phases(platform.phases || []),
      convergence(platform.convergence, mine.map((i) => m.settled[i]).filter((v) => v > 0)),
      histogram("Latency of probes that connected", took("open", "resolved"), "allowed"),
      histogram("Time until a block was certain", took("refused", "rejected", "dropped", "unreachable", "unresolved"), "denied")));
  }
  $("charts").replaceChildren(...(cards.length ? cards : [el("p", { class: "lead" }, "Nothing was probed, so there is nothing to time.")]));
}

const ms = (v) => (v >= 1000 ? Number((v / 1000).toPrecision(3)) + " s" : v >= 100 ? Math.round(v) + " ms" : Number(v.toPrecision(3)) + " ms");

function phases(list) {
  const total = list.reduce((sum, p) => sum + p.elapsed_ms, 0);
  if (!total) return "";
  const bar = el("div", { class: "phases" }), legend = el("p", { class: "legend" });
  list.forEach((p, i) => {
    const part = el("span", { title: `${p.name}: ${ms(p.elapsed_ms)}` });
    part.style.flexGrow = p.elapsed_ms / total;
    part.style.background = `hsl(${(205 + i * 47) % 360} 55% 58%)`;
    bar.append(part);
    const dot = el("i", { class: "dot" });
    dot.style.background = part.style.background;
    legend.append(el("span", {}, dot, `${p.name} ${ms(p.elapsed_ms)}`));
  });
  return el("div", {}, el("h4", {}, "Phases"), bar, legend);
}

function convergence(c, settled) {
  if (!c && !settled.length) return "";
  const words = c ? `Half of the verdicts held after ${ms(c.p50_ms)}, 90 % after ${ms(c.p90_ms)}, all after ${ms(c.max_ms)}.` +
    (c.unsettled ? ` ${plural(c.unsettled, "case", "cases")} still changed when the budget was spent.` : "") : "";
  return el("div", {}, histogram("Policies took hold", settled, "accent"), el("p", { class: "small" }, words));
}

// histogram has buckets that double, since latencies spread over decades.
function histogram(title, values, colour) {
  if (!values.length) return "";
  values.sort((a, b) => a - b);
  const bucket = (v) => Math.max(-4, Math.ceil(Math.log2(v)));
  const low = bucket(values[0]), high = bucket(values[values.length - 1]);
  const counts = new Array(high - low + 1).fill(0);
  for (const v of values) counts[bucket(v) - low]++;
  const most = Math.max(...counts), bars = el("div", { class: "bars" });
  counts.forEach((n, i) => {
    const bar = el("i", { class: "fill " + colour });
    bar.style.height = (n ? Math.max(3, (n / most) * 100) : 0) + "%";
    bars.append(el("div", { title: `${n} up to ${ms(2 ** (low + i))}` }, bar, el("span", {}, ms(2 ** (low + i)).replace(" ms", ""))));
  });
  const at = (q) => ms(values[Math.min(values.length - 1, Math.floor(q * values.length))]);
  return el("figure", {}, el("h4", {}, title), bars, el("figcaption", { class: "small" }, `${plural(values.length, "case", "cases")}, by ms; median ${at(0.5)}, 90 % ${at(0.9)}, longest ${at(1)}`));
}
