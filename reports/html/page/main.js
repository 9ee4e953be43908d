// Put together.

function setUpTheme(changed) {
  let stored = null;
  try { stored = localStorage.getItem("netconform-theme"); } catch { /* a page from disk may have no storage */ }
  if (stored) document.documentElement.dataset.theme = stored;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  $("theme").addEventListener("click", () => {
    const now = document.documentElement.dataset.theme || (dark.matches ? "dark" : "light");
    const next = now === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    try { localStorage.setItem("netconform-theme", next); } catch { /* as above */ }
    changed();
  });
  dark.addEventListener("change", changed);
}

async function start() {
  const m = await decode();
  let last = null;
  const close = () => {
    $("detail").classList.remove("open");
    $("detail").replaceChildren(el("p", { class: "hint" }, "Choose a cell to see its evidence."));
    if (last) last.focus();
    last = null;
  };
  const open = (from, to) => {
    last = document.activeElement;
    heat.show(from, to);
    showDetail(m, from, to, close);
    $("detail").querySelector("h3").focus({ preventScroll: window.innerWidth > 1000 });
    if (window.innerWidth > 1000) $("matrix").scrollIntoView({ block: "nearest" });
  };
  const heat = heatMap(m, open), list = caseList(m, open);
  const changed = () => {
    showFilters(m);
    heat.update();
    list.update();
  };
  drawFacts(m);
  setUpFilters(m, changed);
  setUpTheme(heat.recolour);
  heat.recolour();
  changed();
  close();
  drawGraph(m, (from, to, id) => {
    Object.assign(filter, { fromTier: from, toTier: to });
    filter.kinds = new Set([m.kinds.findIndex((k) => k.id === id)]);
    changed();
    $("matrix").scrollIntoView();
    heat.focus();
  });
  drawCharts(m);
  document.addEventListener("keydown", (e) => {
    if (e.key === "Escape" && $("detail").classList.contains("open")) close();
    if (e.key === "/" && !/INPUT|SELECT|TEXTAREA/.test(document.activeElement.tagName)) {
      e.preventDefault();
      $("search").focus();
    }
  });
  document.documentElement.dataset.ready = "true";
  window.netconform = { where: heat.where, size: m.size, ready: performance.now() };
}

start().catch((e) => {
  document.documentElement.dataset.ready = "failed";
  $("problems").append(el("p", { class: "problem", role: "alert" }, "This report can't be shown: " + e.message));
  throw e;
});
