// The model: columns of numbers, decoded once, and an index from pair to cases.

const $ = (id) => document.getElementById(id);

// el makes an element. Texts are set as text: nothing from a run is ever HTML.
function el(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [event, f] of Object.entries(value)) e.addEventListener(event, f);
    else if (value !== null && value !== undefined && value !== false) e.setAttribute(name, value === true ? "" : value);
  }
  e.append(...children.filter((c) => c !== null && c !== undefined && c !== ""));
  return e;
}

function svg(tag, attributes = {}, ...children) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...children);
  return e;
}

const plural = (n, one, many) => (n === 1 ? "1 " + one : n.toLocaleString("en") + " " + many);

async function decode() {
  const text = atob($("data").textContent);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return prepare(await new Response(stream).json());
}

// prepare orders the services by tier, in the order in which tiers first occur,
// and chains the cases of each pair.
function prepare(m) {
  const c = m.cases;
  m.size = c.from.length;
  m.tierOf = m.services.map((s) => (s.external ? "external" : s.tier || "no tier"));
  m.tiers = [...new Set(m.tierOf)];
  const rank = new Map(m.tiers.map((t, i) => [t, i]));
  const order = [...m.services.keys()].sort((a, b) => rank.get(m.tierOf[a]) - rank.get(m.tierOf[b]) || a - b);
  const source = new Uint8Array(m.services.length);
  const destination = new Uint8Array(m.services.length);
  const n = m.services.length;
  m.head = new Int32Array(n * n).fill(-1);
  m.next = new Int32Array(m.size).fill(-1);
  for (let i = m.size - 1; i >= 0; i--) {
    const pair = c.from[i] * n + c.to[i];
    m.next[i] = m.head[pair];
    m.head[pair] = i;
    source[c.from[i]] = 1;
    destination[c.to[i]] = 1;
  }
  m.rows = order.filter((s) => source[s]);
  m.columns = order.filter((s) => destination[s]);
  m.used = [...m.platforms.keys()].filter((p) => m.platforms[p].count.cases > 0);
  m.column = (name) => (i) => m.strings[c[name][i]];
  m.target = (i) => {
    const protocol = m.strings[c.protocol[i]];
    const to = m.services[c.to[i]].name;
    if (protocol === "dns") return to + " (DNS)";
    return to + ":" + c.port[i] + (protocol === "tcp" ? "" : "/" + protocol);
  };
  // seen is what a verdict rests on: on a static platform, the prediction.
  m.seen = (i) => m.strings[m.platforms[c.platform[i]].static ? c.predicted[i] : c.observed[i]] || "unknown";
  // On a static platform the evidence is the files' reason: it is said once.
  m.says = (i) => (m.strings[c.evidence[i]].includes(m.strings[c.explanation[i]]) ? "" : m.strings[c.explanation[i]]);
  m.why = (i) => [m.strings[c.evidence[i]], m.says(i)].filter(Boolean).join("; ");
  m.casesOf = (from, to) => {
    const list = [];
    for (let i = m.head[from * n + to]; i >= 0; i = m.next[i]) list.push(i);
    return list;
  };
  return m;
}
