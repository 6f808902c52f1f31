// The list: filters, search, order, pages of rows.
const PAGE = 40;
const SIGNS = {
  flawed_right: "right answer, flawed step", miracle: "miracle step", sides_differ: "rollouts and judges differ",
  tool_differs: "tool and rollouts differ", tool_refuted: "a tool says wrong", repeated: "repeated step",
  last_lowest: "lowest at the last step", truth_differs: "label differs from truth", people: "looked at by people",
  nobody: "looked at by nobody",
};
const list = { found: [], at: 0, now: -1, turn: 0 };

const wishes = () => Object.fromEntries(["keep", "outcome", "first", "flag", "domain"].map((id) => [id, $(id).value]));

function passes(i, { keep, outcome, first, flag, domain }) {
  if (keep && index.keep[i] !== Number(keep)) return false;
  if (outcome && index.outcome[i] !== Number(outcome)) return false;
  const error = index.first[i];
  if (first === "some" && !(error >= 0 && error !== null)) return false;
  if (first === "none" && error !== -1) return false;
  if (first === "null" && error !== null) return false;
  if (domain && String(index.domain[i]) !== domain) return false;
  if (flag === "people" || flag === "nobody") return people.seen(i) === (flag === "people");
  if (flag === "truth_differs") return index.true[i] !== null && index.true[i] !== error;
  return !flag || flagged(i, flag);
}

// A fair order that is the same every time: a small hash of the id.
function shuffle(id) {
  let hash = 2166136261;
  for (const one of id) hash = Math.imul(hash ^ one.codePointAt(0), 16777619);
  hash = Math.imul(hash ^ (hash >>> 15), 2246822519);
  return (hash ^ (hash >>> 13)) >>> 0;
}

function ordered(found) {
  const order = $("order").value;
  const by = { doubt: (i) => -(index.doubt[i] ?? -1), long: (i) => -index.labels[i].length, fair: (i) => shuffle(index.id[i]) }[order];
  return by ? found.map((i) => [by(i), i]).sort((a, b) => a[0] - b[0] || a[1] - b[1]).map((pair) => pair[1]) : found;
}

async function refresh() {
  const turn = ++list.turn;
  const wanted = $("search").value.trim().toLowerCase();
  const wish = wishes();
  let found = index.id.map((_, i) => i).filter((i) => passes(i, wish));
  if (wanted) {
    const byId = found.filter((i) => index.id[i].toLowerCase().startsWith(wanted) || String(index.problem[i]).toLowerCase() === wanted);
    found = byId.length ? byId : await search(found, wanted, turn);
    if (turn !== list.turn) return; // somebody typed on
  }
  list.found = ordered(found);
  list.at = 0;
  draw();
}

async function search(candidates, wanted, turn) {
  const found = [];
  let number = -1, lines = null;
  const pieces = Math.ceil(config.solutions / config.chunk);
  for (const i of candidates) {
    const next = Math.floor(i / config.chunk);
    if (next !== number) {
      if (!texts.has(next)) $("found").textContent = `Searching, ${Math.round((100 * next) / pieces)} %`;
      lines = await textsOf(next);
      number = next;
      if (turn !== list.turn) return [];
    }
    if (lines[i % config.chunk].includes(wanted)) found.push(i);
  }
  return found;
}

function draw() {
  const rows = list.found.slice(list.at, list.at + PAGE).map(row);
  $("list").replaceChildren(...rows);
  $("found").textContent = `${plural(list.found.length, "solution", "solutions")} of ${config.solutions.toLocaleString("en")}`;
  const end = Math.min(list.at + PAGE, list.found.length);
  $("where").textContent = list.found.length ? `${list.at + 1} to ${end}` : "";
  $("earlier").disabled = list.at === 0;
  $("later").disabled = end >= list.found.length;
}

function row(i) {
  const item = make("li");
  const go = button("", "", () => show(i, true));
  const who = make("span", "who", clean(index.problem[i] ?? index.id[i]));
  const strip = make("span", "strip");
  strip.setAttribute("aria-hidden", "true");
  for (const one of index.labels[i].slice(0, 24)) strip.append(make("span", "m" + one, { 1: "✓", 0: "✗" }[one] ?? "·"));
  const answer = { 1: "right answer", 0: "wrong answer", 2: "answer unknown" }[index.outcome[i]];
  const parts = [answer, index.keep[i] ? "kept" : `not kept: ${clean(index.reason[i] ?? "").replaceAll("_", " ")}`];
  if (!blind()) parts.push(`first error ${place(index.first[i])}`);
  if (people.seen(i)) parts.push("people: yes");
  go.append(who, strip, make("span", "what", parts.join(" · ")));
  go.dataset.i = i;
  if (i === list.now) go.setAttribute("aria-current", "true");
  item.append(go);
  return item;
}

function turn(step) {
  list.at = Math.max(0, list.at + step * PAGE);
  draw();
  $("list").querySelector("button")?.focus();
}

// The next or previous solution of what was found.
function walk(step) {
  const here = list.found.indexOf(list.now);
  const to = here < 0 ? 0 : here + step;
  if (to < 0 || to >= list.found.length) return;
  if (to < list.at || to >= list.at + PAGE) {
    list.at = Math.floor(to / PAGE) * PAGE;
    draw();
  }
  show(list.found[to], true);
}

function choices() {
  const names = [...config.flags];
  if (index.true) names.push("truth_differs");
  names.push("people", "nobody");
  for (const name of names) {
    const count = name in SIGNS && config.flags.includes(name) ? index.id.filter((_, i) => flagged(i, name)).length : null;
    const option = make("option", "", SIGNS[name] + (count === null ? "" : ` (${count.toLocaleString("en")})`));
    option.value = name;
    $("flag").append(option);
  }
  const domains = [...new Set(index.domain.filter((one) => one !== null))].sort().slice(0, 200);
  for (const name of domains) {
    const option = make("option", "", clean(name));
    option.value = name;
    $("domain").append(option);
  }
  $("domain").parentElement.hidden = domains.length < 2;
}

function watchFilters() {
  let timer = 0;
  for (const id of ["keep", "outcome", "first", "flag", "domain", "order"]) $(id).addEventListener("change", refresh);
  $("search").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, 250);
  });
  $("filters").addEventListener("submit", (event) => {
    event.preventDefault();
    refresh();
  });
  $("earlier").addEventListener("click", () => turn(-1));
  $("later").addEventListener("click", () => turn(1));
  for (const one of document.querySelectorAll("[data-flag]")) {
    one.addEventListener("click", async () => {
      for (const id of ["keep", "outcome", "first", "domain", "search"]) $(id).value = "";
      $("flag").value = one.dataset.flag;
      toList();
      await refresh();
      $("solutions").scrollIntoView();
      $("list").querySelector("button")?.focus({ preventScroll: true });
    });
  }
}
