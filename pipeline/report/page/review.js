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
  let open = false;
  steps.forEach((item, t) => {
    const mine = people.mineOf(THIS.i, t);
    item.classList.toggle("judged", Boolean(mine));
    open ||= !mine;
    for (const one of item.querySelectorAll(".votes button")) one.setAttribute("aria-pressed", String(one.dataset.verdict === mine));
  });
  const found = steps.some((_, t) => people.mineOf(THIS.i, t) === "incorrect");
  $("browser").classList.toggle("unjudged", open && !found);
  $("browser").classList.toggle("blind", blind());
}

const queue = []; // batches that the server has not confirmed; kept by the browser too
const undone = [];
let sending = false;

function kept(change) {
  change();
  memory.write(`queue-${config.name}`, JSON.stringify(queue));
}

// What an earlier tab could not save, because its server was gone.
function takeUp() {
  let left = [];
  try { left = JSON.parse(memory.read(`queue-${config.name}`) ?? "[]"); } catch { /* not ours */ }
  for (const batch of left) {
    const time = new Date().toISOString();
    for (const one of batch.said) people.take(one.solution_id, one.step, batch.reviewer, one.verdict, time);
    queue.push(batch);
  }
  if (queue.length) send();
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
  const time = new Date().toISOString();
  for (const [t, verdict] of pairs) people.take(solution, t, people.mine, verdict, time);
  kept(() => queue.push({ reviewer: people.mine, said: pairs.map(([step, verdict]) => ({ solution_id: solution, step, verdict })) }));
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

// One batch after the other, so that the last word on a step is the last to arrive.
async function send() {
  saved();
  if (sending) return;
  sending = true;
  while (queue.length) {
    try {
      const answer = await ask("verdicts", { method: "POST", body: JSON.stringify(queue[0]) });
      if (answer.status === 403) {
        trouble(`Not saved yet: ${await answer.text()}. The page there takes up what is not saved.`);
        break;
      }
      if (answer.status === 413 || answer.status === 400) {
        trouble(`Not saved: ${await answer.text()}`);
        kept(() => queue.shift());
        continue;
      }
      if (!answer.ok) throw new Error(await answer.text());
      const { said } = await answer.json();
      for (const one of said) people.take(one.solution_id, one.step, one.reviewer, one.verdict, one.time);
      kept(() => queue.shift());
      trouble("");
    } catch (error) {
      trouble(`The server does not answer (${error.message}). What you say is kept in this tab and sent again.`);
      saved();
      await new Promise((wait) => setTimeout(wait, 2000));
    }
    saved();
  }
  sending = false;
}

function saved() {
  const element = $("saved");
  element.textContent = queue.length ? `${plural(queue.length, "change", "changes")} not saved yet` : "all saved";
  element.classList.toggle("late", queue.length > 0);
}

let seenTo = 0;
async function hear() {
  try {
    const answer = await ask(`verdicts?after=${seenTo}`);
    if (answer.ok) {
      const { said, end } = await answer.json();
      const busy = new Set(queue.flatMap((one) => one.said.map((said) => `${said.solution_id}\n${said.step}`)));
      for (const one of said) {
        if (one.reviewer === people.mine && busy.has(`${one.solution_id}\n${one.step}`)) continue; // one's own newer word is under way
        people.take(one.solution_id, one.step, one.reviewer, one.verdict, one.time);
      }
      seenTo = end;
      others(said);
    }
  } catch { /* `send` says so when there is something to lose */ }
}

async function beginReview() {
  if (!reviewing) return;
  people.mine = memory.read("reviewer") || config.review.reviewer;
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
  $("browser").before(bar);
  $("browser").classList.toggle("blind", blind());
  saved();
  await hear();
  takeUp();
  setInterval(hear, 5000);
  addEventListener("beforeunload", (event) => { if (queue.length) event.preventDefault(); });
}
