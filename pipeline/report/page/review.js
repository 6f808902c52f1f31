// People's verdicts: shown in every page, given in one that `stepsmith review` serves.
const reviewing = Boolean(config.review);
const WORDS = { c: "correct", i: "incorrect", u: "unknown" };

// What people said: by solution and step, by reviewer, the latest.
const people = {
  said: new Map(),
  mine: "",
  me: () => people.mine,
  take(solution, step, reviewer, verdict, time) {
    const key = `${solution}\n${step}`;
    if (!people.said.has(key)) people.said.set(key, new Map());
    const known = people.said.get(key).get(reviewer);
    if (known && known.time > time) return;
    people.said.get(key).set(reviewer, { verdict, time });
    count(solution);
  },
  of(i, t) {
    if (!reviewing) return THIS.row.people.filter((one) => one[0] === t).map((one) => [one[2], one[1]]);
    return [...(people.said.get(`${index.id[i]}\n${t}`) ?? [])].filter((one) => one[1].verdict).map(([who, one]) => [who, one.verdict]);
  },
  mineOf: (i, t) => people.said.get(`${index.id[i]}\n${t}`)?.get(people.mine)?.verdict ?? null,
  touched: new Map(), // solution: steps with a verdict
  seen: (i) => (reviewing ? (people.touched.get(index.id[i]) ?? 0) > 0 : Boolean(index.people?.includes(i))),
};

function count(solution) {
  const i = numbers.get(solution);
  if (i === undefined) return;
  let steps = 0;
  for (let t = 0; t < index.labels[i].length; t++) {
    const all = people.said.get(`${solution}\n${t}`);
    if (all && [...all.values()].some((one) => one.verdict)) steps++;
  }
  people.touched.set(solution, steps);
}

const blind = () => reviewing && $("blind")?.checked;

function votes(t) {
  const row = make("div", "votes");
  row.setAttribute("role", "group");
  row.setAttribute("aria-label", `Your verdict on step ${t}`);
  for (const [name, verdict, text] of [["yes", "correct", "✓ Correct"], ["no", "incorrect", "✗ Incorrect"], ["dunno", "unknown", "? Unknown"]]) {
    const one = button(name, text, () => vote(t, one.getAttribute("aria-pressed") === "true" ? null : verdict));
    one.dataset.verdict = verdict;
    row.append(one);
  }
  return row;
}

// Shows one's own verdicts on the solution that is open.
function marks() {
  if (!reviewing) return;
  const steps = [...$("solution").querySelectorAll(".step")];
  steps.forEach((item, t) => {
    const mine = people.mineOf(THIS.i, t);
    item.classList.toggle("judged", Boolean(mine));
    for (const one of item.querySelectorAll(".votes button")) one.setAttribute("aria-pressed", String(one.dataset.verdict === mine));
  });
  const mine = steps.map((_, t) => people.mineOf(THIS.i, t));
  const end = mine.indexOf("incorrect"); // steps behind it need no verdict, those before it do
  $("browser").classList.toggle("unjudged", (end < 0 ? mine : mine.slice(0, end)).includes(null));
  $("browser").classList.toggle("blind", blind());
}

// Batches that the server has not confirmed, by id. The browser keeps each under a name of its own: tabs do not write
// over each other's, and a batch of another dataset is not taken for one of this. One that is sent twice counts once.
const QUEUE = `queue-${config.review?.dataset}-`;
const queue = new Map();
const refused = new Map(); // of these: why the server will not have them
const undone = [];
let sending = false;
let stale = false; // the server has another token: other tabs save what this one says

function settle(id) {
  queue.delete(id);
  refused.delete(id);
  memory.forget(QUEUE + id);
}

// What other tabs, or earlier ones, could not save.
function takeUp() {
  const kept = new Set(memory.keys(QUEUE).map((key) => key.slice(QUEUE.length)));
  for (const id of queue.keys()) if (queue.get(id).kept && !kept.has(id) && (stale || refused.has(id))) settle(id); // another tab saved it
  for (const id of kept) {
    if (stale || queue.has(id)) continue;
    try {
      const batch = JSON.parse(memory.read(QUEUE + id));
      expect(batch);
      queue.set(id, { ...batch, kept: true });
    } catch { /* settled meanwhile */ }
  }
  send();
}

function expect(batch) {
  for (const one of batch.said) people.take(one.solution_id, one.step, batch.reviewer, one.verdict, batch.time);
}

function vote(t, verdict) {
  change([[t, verdict]]);
}

function change(pairs, remember = true) {
  const solution = index.id[THIS.i];
  const before = pairs.map(([t]) => [t, people.mineOf(THIS.i, t)]);
  if (remember) undone.push({ i: THIS.i, before });
  commit(solution, pairs);
}

function commit(solution, pairs) {
  // Later than what it replaces, also where a clock was set back.
  const known = pairs.map(([t]) => Date.parse(people.said.get(`${solution}\n${t}`)?.get(people.mine)?.time ?? 0) + 1);
  const time = new Date(Math.max(Date.now(), ...known)).toISOString();
  const batch = { reviewer: people.mine, time, said: pairs.map(([step, verdict]) => ({ solution_id: solution, step, verdict })) };
  const id = `${time}-${Math.random().toString(36).slice(2)}`;
  expect(batch);
  memory.write(QUEUE + id, JSON.stringify(batch));
  queue.set(id, { ...batch, kept: memory.read(QUEUE + id) !== null });
  marks();
  const item = $("list").querySelector(`[data-i="${numbers.get(solution)}"]`)?.parentElement;
  item?.replaceWith(row(numbers.get(solution))); // the list says that people have looked
  send();
}

// What others said meanwhile of the solution that is open.
function others(said) {
  if (!THIS.row || !said.some((one) => one.solution_id === index.id[THIS.i])) return;
  $("solution").querySelectorAll(".step").forEach((item, t) => item.querySelector(".says").replaceWith(says(THIS.row.steps[t], t)));
  marks();
}

async function undo() {
  const last = undone.pop();
  if (!last) return;
  if (THIS.i !== last.i) await show(last.i, true);
  change(last.before, false);
  $("solution").querySelectorAll(".step")[last.before[0][0]]?.focus();
}

// This step, and those before it that one has not judged, are correct.
function upTo(t) {
  const pairs = [];
  for (let step = 0; step <= t; step++) if (step === t || !people.mineOf(THIS.i, step)) pairs.push([step, "correct"]);
  change(pairs);
}

function ask(path, init = {}) {
  const headers = { "X-Stepsmith-Token": config.review.token, "Content-Type": "application/json" };
  return fetch(path, { ...init, headers, cache: "no-store", credentials: "omit" });
}

// One batch after the other. What the server refuses stays in the browser, and holds up no other.
async function send() {
  saved();
  if (sending || stale) return;
  sending = true;
  for (let id; (id = [...queue.keys()].find((one) => !refused.has(one))) !== undefined; saved()) {
    const { reviewer, time, said } = queue.get(id);
    try {
      const answer = await ask("verdicts", { method: "POST", body: JSON.stringify({ reviewer, time, said }) });
      if (answer.status === 503) throw new Error(await answer.text()); // a full disk
      if (answer.status === 403) {
        stale = true;
        trouble(`Not saved yet: ${await answer.text()}. The page there takes up what is not saved.`);
        break;
      }
      if (answer.ok) {
        await answer.text();
        settle(id);
        trouble("");
      } else {
        trouble("");
        refused.set(id, clean(await answer.text()));
        await retake();
      }
    } catch (error) {
      trouble(`The server does not answer (${error.message}). What you say is kept in this tab and sent again.`);
      saved();
      await new Promise((wait) => setTimeout(wait, 2000));
    }
  }
  sending = false;
}

// Shows again what the server has, and not what it refused.
async function retake() {
  people.said.clear();
  people.touched.clear();
  seenTo = 0;
  for (const [id, batch] of queue) if (!refused.has(id)) expect(batch);
  await hear();
  if (THIS.row) others([{ solution_id: index.id[THIS.i] }]);
}

function saved() {
  const waiting = queue.size - refused.size;
  const changes = plural(waiting || refused.size, "change", "changes");
  $("saved").textContent = waiting ? `${changes} not saved yet` : refused.size ? `${changes} not saved` : "all saved";
  $("saved").classList.toggle("late", queue.size > 0);
  $("discard").hidden = !refused.size;
  $("refused").hidden = !refused.size;
  $("refused").textContent = `The server refused ${plural(refused.size, "change", "changes")}: ${[...new Set(refused.values())].join("; ")}. This browser keeps them until you discard them.`;
}

function discard() {
  for (const id of [...refused.keys()]) settle(id);
  saved();
}

let seenTo = 0;
async function hear() {
  try {
    const answer = await ask(`verdicts?after=${seenTo}`);
    if (answer.ok) {
      const { said, end } = await answer.json();
      for (const one of said) people.take(one.solution_id, one.step, one.reviewer, one.verdict, one.time);
      seenTo = end;
      others(said);
    }
  } catch { /* `send` says so when there is something to lose */ }
}

async function beginReview() {
  if (!reviewing) return;
  // A name that was given to the server goes before one of an earlier day, but not before one typed since.
  const typed = !config.review.named || memory.read("named") === config.review.token;
  people.mine = (typed && memory.read("reviewer")) || config.review.reviewer;
  const name = make("input", "");
  name.type = "text";
  name.id = "reviewer";
  name.maxLength = 100;
  name.value = people.mine;
  name.addEventListener("change", () => {
    people.mine = name.value.trim() || config.review.reviewer;
    name.value = people.mine;
    undone.length = 0; // those were somebody else's
    memory.write("reviewer", people.mine);
    memory.write("named", config.review.token);
    if (THIS.row) render();
  });
  const box = make("input", "");
  box.type = "checkbox";
  box.id = "blind";
  box.checked = memory.read("blind") !== "no";
  box.addEventListener("change", () => {
    memory.write("blind", box.checked ? "yes" : "no");
    draw();
    marks();
    $("browser").classList.toggle("blind", blind());
  });
  const state = make("span", "", "");
  state.id = "saved";
  state.setAttribute("role", "status");
  const bar = make("div", "bar-review", make("label", "", "You are ", name), make("label", "", box, " hide labels and reasons until you have said yours"), button("", "Undo", undo), state);
  const drop = button("", "Discard what was refused", discard);
  drop.id = "discard";
  bar.append(drop);
  const why = make("p", "trouble");
  why.id = "refused";
  $("browser").before(bar, why);
  $("browser").classList.toggle("blind", blind());
  saved();
  await hear();
  takeUp();
  setInterval(() => hear().then(takeUp), 5000);
  addEventListener("beforeunload", (event) => { if (queue.size > refused.size) event.preventDefault(); });
}
