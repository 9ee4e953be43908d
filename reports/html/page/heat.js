// The heat map: a canvas of the size of its window, drawn anew as one scrolls,
// so that a matrix of any size costs the same. Names stay in sight.

function heatMap(m, opened) {
  const canvas = $("canvas"), box = $("heat"), space = $("space");
  const ctx = canvas.getContext("2d");
  let rows = [], columns = [], test = null, colours = {};
  let cell = 0, chosenCell = 0, left = 0, top = 0;
  let at = { row: 0, column: 0 }, focused = false;

  const glyphs = { files: "≠", blocked: "!", open: "×", unsure: "?", accepted: "×" };

  function readColours() {
    const style = getComputedStyle(document.documentElement);
    const get = (name) => style.getPropertyValue("--" + name).trim();
    for (const k of m.kinds) colours[k.id] = get(k.id);
    for (const name of ["text", "muted", "line", "panel", "accent", "ink"]) colours[name] = get(name);
    Object.assign(colours, { allow: colours.allowed, deny: colours.denied, partial: colours.blocked, unknown: colours.unsure });
  }

  function update() {
    test = match(m);
    rows = m.rows.filter((s) => test.from[s] && columnsOf(s, "from"));
    columns = m.columns.filter((s) => test.to[s] && columnsOf(s, "to"));
    at.row = Math.min(at.row, Math.max(0, rows.length - 1));
    at.column = Math.min(at.column, Math.max(0, columns.length - 1));
    const shown = m.used.filter(test.platform);
    $("stripes").textContent = shown.length > 1 ? "Stripes in a cell, from left to right: " + shown.map((p) => m.platforms[p].name).join(", ") : "";
    layout();
  }

  // A row or column without one pair that the search matches is left out.
  function columnsOf(s, end) {
    const others = end === "from" ? m.columns : m.rows;
    return others.some((o) => o !== s && (end === "from" ? test.to[o] && test.pair(s, o) : test.from[o] && test.pair(o, s)));
  }

  function layout() {
    const width = box.clientWidth, longest = Math.min(22, Math.max(4, ...m.services.map((s) => s.name.length)));
    const fit = Math.floor((width - longest * 7 - 30) / Math.max(1, columns.length));
    cell = chosenCell || Math.max(m.used.length > 1 ? 13 : 10, Math.min(44, fit));
    left = cell >= 9 ? Math.min(longest * 6.6 + 26, width * 0.42) : 26;
    top = cell >= 9 ? Math.min(longest * 6 + 22, 150) : 26;
    space.style.width = left + columns.length * cell + 24 + "px";
    space.style.height = top + rows.length * cell + 8 + "px";
    box.style.height = Math.min(top + rows.length * cell + 24, Math.max(320, window.innerHeight * 0.8)) + "px";
    draw();
  }

  function draw() {
    const ratio = window.devicePixelRatio || 1, width = box.clientWidth, height = box.clientHeight;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.width = width + "px";
      canvas.style.height = height + "px";
    }
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, width, height);
    const x0 = box.scrollLeft, y0 = box.scrollTop;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width - left, height - top);
    ctx.clip();
    for (let r = Math.floor(y0 / cell); r < Math.min(rows.length, (y0 + height - top) / cell + 1); r++)
      for (let c = Math.floor(x0 / cell); c < Math.min(columns.length, (x0 + width - left) / cell + 1); c++)
        drawPair(rows[r], columns[c], left + c * cell - x0, top + r * cell - y0);
    cross(x0, y0);
    ctx.restore();
    names(x0, y0, width, height);
  }

  // drawPair draws a stripe for each platform that is shown.
  function drawPair(from, to, x, y) {
    const gap = cell >= 9 ? 1.5 : cell >= 5 ? 0.5 : 0, size = cell - gap;
    if (from === to) {
      ctx.fillStyle = colours.line;
      ctx.fillRect(x + size / 2 - 1, y + size / 2 - 1, 2, 2);
      return;
    }
    const shown = m.used.filter(test.platform);
    const summary = sum(from, to);
    shown.forEach((p, i) => {
      const s = summary[p];
      if (!s) return;
      ctx.globalAlpha = s.match && test.pair(from, to) ? 1 : 0.1;
      ctx.fillStyle = colours[s.colour] || colours.unsure;
      const w = size / shown.length, sx = x + i * w, sw = w - (shown.length > 1 && cell > 9 ? 0.75 : 0);
      if (s.colour === "skipped") {
        ctx.fillRect(sx + 1, y + size / 2 - 1, Math.max(1, sw - 2), 1.5);
      } else {
        ctx.beginPath();
        ctx.roundRect(sx, y, sw, size, shown.length > 1 ? 1.5 : Math.min(4, size / 5));
        ctx.fill();
        if (w >= 12 && glyphs[s.colour]) {
          ctx.fillStyle = s.colour === "accepted" ? colours.open : colours.ink;
          ctx.font = "700 " + Math.min(15, Math.round(size * 0.62)) + "px system-ui";
          ctx.textAlign = "center";
          ctx.textBaseline = "middle";
          ctx.fillText(glyphs[s.colour], sx + sw / 2, y + size / 2 + 0.5);
        }
      }
    });
    ctx.globalAlpha = 1;
  }

  // sum is, for each platform, the most urgent of a pair's cases that match, or
  // of all where none does.
  function sum(from, to) {
    const out = {}, n = m.services.length, c = m.cases;
    for (let i = m.head[from * n + to]; i >= 0; i = m.next[i]) {
      if (m.strings[c.protocol[i]] === "dns" && m.next[i] >= 0) continue;
      const p = c.platform[i], matches = test.kind(c.kind[i]), was = out[p];
      const better = !was || (matches && !was.match) || (matches === was.match && c.kind[i] < was.kind);
      if (better) out[p] = { kind: c.kind[i], match: matches, colour: colourOf(i) };
    }
    return out;
  }

  function colourOf(i) {
    const c = m.cases;
    if (filter.show === "kind") return m.kinds[c.kind[i]].id;
    if (filter.show === "observed" && m.kinds[c.kind[i]].id === "skipped") return "skipped";
    return m.strings[c[filter.show][i]] || "unknown";
  }

  function cross(x0, y0) {
    if (!rows.length || !columns.length) return;
    const x = left + at.column * cell - x0, y = top + at.row * cell - y0;
    ctx.strokeStyle = focused ? colours.accent : colours.muted;
    ctx.lineWidth = focused ? 2.5 : 1;
    ctx.strokeRect(x - 1.5, y - 1.5, cell + 1, cell + 1);
  }

  function names(x0, y0, width, height) {
    ctx.textBaseline = "middle";
    const label = Math.max(9, Math.min(12, cell - 1));
    const strip = (list, i, across) => {
      const tier = m.tierOf[list[i]];
      ctx.fillStyle = `hsl(${tierHue(m, tier)} 60% 55%)`;
      if (across) ctx.fillRect(left + i * cell - x0, top - 6, cell - 1, 3);
      else ctx.fillRect(left - 6, top + i * cell - y0, 3, cell - 1);
    };
    ctx.save();
    ctx.beginPath();
    ctx.rect(0, top, left, height - top);
    ctx.clip();
    for (let r = Math.floor(y0 / cell); r < Math.min(rows.length, (y0 + height - top) / cell + 1); r++) {
      strip(rows, r, false);
      if (cell < 9) continue;
      ctx.font = (r === at.row && focused ? "700 " : "") + label + "px system-ui";
      ctx.fillStyle = r === at.row && focused ? colours.text : colours.muted;
      ctx.textAlign = "right";
      ctx.fillText(cut(m.services[rows[r]].name), left - 10, top + (r + 0.5) * cell - y0, left - 14);
    }
    ctx.restore();
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, 0, width - left, top);
    ctx.clip();
    for (let c = Math.floor(x0 / cell); c < Math.min(columns.length, (x0 + width - left) / cell + 1); c++) {
      strip(columns, c, true);
      if (cell < 9) continue;
      ctx.save();
      ctx.translate(left + (c + 0.5) * cell - x0, top - 10);
      ctx.rotate(-Math.PI / 2);
      ctx.font = (c === at.column && focused ? "700 " : "") + label + "px system-ui";
      ctx.fillStyle = c === at.column && focused ? colours.text : colours.muted;
      ctx.textAlign = "left";
      ctx.fillText(cut(m.services[columns[c]].name), 0, 0, top - 14);
      ctx.restore();
    }
    ctx.restore();
  }

  const cut = (name) => (name.length > 24 ? name.slice(0, 23) + "…" : name);

  function move(row, column) {
    at = { row: Math.max(0, Math.min(rows.length - 1, row)), column: Math.max(0, Math.min(columns.length - 1, column)) };
    const x = at.column * cell, y = at.row * cell, width = box.clientWidth - left, height = box.clientHeight - top;
    if (x < box.scrollLeft) box.scrollLeft = x;
    if (x + cell > box.scrollLeft + width) box.scrollLeft = x + cell - width;
    if (y < box.scrollTop) box.scrollTop = y;
    if (y + cell > box.scrollTop + height) box.scrollTop = y + cell - height;
    draw();
    say();
  }

  function say() {
    const from = rows[at.row], to = columns[at.column];
    if (from === undefined || to === undefined) { $("live").textContent = "Nothing matches."; return; }
    const words = m.used.filter(test.platform).map((p) => {
      const s = sum(from, to)[p];
      return s ? m.platforms[p].name + ": " + m.kinds[s.kind].words : "";
    }).filter(Boolean).join("; ");
    $("live").textContent = m.services[from].name + " to " + m.services[to].name + ": " + (words || "no case");
  }

  // jump goes to the next pair, in reading order, that differs and matches.
  function jump(step) {
    const total = rows.length * columns.length;
    for (let d = 1; d <= total; d++) {
      const i = (((at.row * columns.length + at.column + step * d) % total) + total) % total;
      const row = Math.floor(i / columns.length), column = i % columns.length;
      const pair = test.pair(rows[row], columns[column]) ? sum(rows[row], columns[column]) : {};
      if (m.used.some((p) => test.platform(p) && pair[p] && pair[p].match && pair[p].kind < 4)) return move(row, column);
    }
  }

  const choose = () => { if (rows.length && columns.length) opened(rows[at.row], columns[at.column]); };
  const cellAt = (event) => {
    const r = canvas.getBoundingClientRect(), x = event.clientX - r.left, y = event.clientY - r.top;
    if (x < left || y < top) return null;
    const column = Math.floor((x - left + box.scrollLeft) / cell), row = Math.floor((y - top + box.scrollTop) / cell);
    return row < rows.length && column < columns.length ? { row, column } : null;
  };

  canvas.addEventListener("click", (e) => {
    const c = cellAt(e);
    if (c) { move(c.row, c.column); choose(); }
  });
  canvas.addEventListener("mousemove", (e) => {
    const c = cellAt(e);
    canvas.style.cursor = c ? "pointer" : "";
    canvas.title = c ? m.services[rows[c.row]].name + " → " + m.services[columns[c.column]].name : "";
  });
  canvas.addEventListener("focus", () => { focused = true; draw(); say(); });
  canvas.addEventListener("blur", () => { focused = false; draw(); });
  canvas.addEventListener("keydown", (e) => {
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-10, 0], PageDown: [10, 0], Home: [0, -columns.length], End: [0, columns.length] };
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (moves[e.key]) move(at.row + moves[e.key][0], at.column + moves[e.key][1]);
    else if (e.key === "Enter" || e.key === " ") choose();
    else if (e.key === "n" || e.key === "p") jump(e.key === "n" ? 1 : -1);
    else return;
    e.preventDefault();
  });
  box.addEventListener("scroll", draw, { passive: true });
  new ResizeObserver(layout).observe(box.parentElement);
  $("zoomIn").addEventListener("click", () => { chosenCell = Math.min(48, Math.round(cell * 1.3 + 1)); layout(); });
  $("zoomOut").addEventListener("click", () => { chosenCell = Math.max(3, Math.round(cell / 1.3 - 1)); layout(); });

  return {
    update,
    recolour() { readColours(); if (test) draw(); },
    focus: () => canvas.focus(),
    where: () => ({ from: m.services[rows[at.row]]?.name, to: m.services[columns[at.column]]?.name, rows: rows.length, columns: columns.length, cell, left, top }),
    show(from, to) {
      const row = rows.indexOf(from), column = columns.indexOf(to);
      if (row >= 0 && column >= 0) move(row, column);
    },
  };
}

const tierHue = (m, tier) => (205 + m.tiers.indexOf(tier) * 67) % 360;
