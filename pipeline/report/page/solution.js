// One solution: its steps with label, value and interval, and what every annotator said and why.
const THIS = { row: null, i: -1 };

async function show(i, focus) {
  list.now = i;
  for (const one of $("list").querySelectorAll("button")) {
    if (Number(one.dataset.i) === i) one.setAttribute("aria-current", "true");
    else one.removeAttribute("aria-current");
  }
  const row = await solutionAt(i);
  if (list.now !== i) return;
  Object.assign(THIS, { row, i });
  render();
  $("browser").classList.add("one");
  const hash = "#s-" + encodeURIComponent(index.id[i]);
  if (focus && location.hash !== hash) history.pushState(null, "", hash);
  if (focus) {
    $("solution").focus({ preventScroll: true });
    if ($("solution").getBoundingClientRect().top < 0 || innerWidth < 832) $("solution").scrollIntoView();
  }
}

function toList() {
  $("browser").classList.remove("one");
  const row = $("list").querySelector("[aria-current]") ?? $("list").querySelector("button");
  row?.focus();
}

function render() {
  const { row, i } = THIS;
  const moves = make("span", "moves", button("tolist", "List", toList), button("", "Previous", () => walk(-1)), button("", "Next", () => walk(1)));
  const problem = make("div", "problem", make("b", "", "Problem"), long("text", row.problem));
  const given = make("ul", "facts");
  const fact = (text, name) => given.append(make("li", name ?? "", text));
  const right = index.outcome[i];
  fact(`reference answer ${clean(row.answer)}`);
  fact(`given ${clean(row.given)}: ${["wrong", "right", "unknown"][right]}`, ["bad", "fine", ""][right]);
  fact(index.keep[i] ? "kept" : `not kept: ${clean(index.reason[i] ?? "").replaceAll("_", " ")}`);
  fact(`pass rate ${two(row.pass)}`);
  fact(`value of the problem ${two(row.root)}`);
  if (row.from) fact(`grown from ${clean(row.from)}`);
  const first = make("ul", "facts secret-head");
  const error = (name, value) => first.append(make("li", "", `${name}: ${place(value)}`));
  error("first error", index.first[i]);
  error("by rollouts", index.rollouts[i]);
  if (index.judges[i] !== null) error("by judges", index.judges[i]);
  if (index.true && index.true[i] !== null) error("in truth", index.true[i]);
  if (index.doubt[i] !== null) first.append(make("li", "", `doubt ${two(index.doubt[i])} bits`));
  const steps = make("ol", "steps");
  row.steps.forEach((step, t) => steps.append(stepItem(step, t)));
  const title = make("h3", "", clean(index.problem[i] ?? index.id[i]));
  const head = make("div", "head", title, moves);
  const id = make("p", "note", `solution ${clean(index.id[i])}, ${clean(index.origin[i])}, policy ${clean(index.policy[i])}`);
  $("solution").replaceChildren(head, id, problem, given, first, steps, ...wrote(row));
  if (row.steps.length === 0) steps.append(make("li", "note", "This solution has no step."));
  marks();
}

function stepItem(step, t) {
  const [text, p, value, low, high, success, known, unknown, censored, advantage, part, repeated] = step;
  const label = index.labels[THIS.i][t];
  const error = index.first[THIS.i];
  const item = make("li", `step l${label}${error !== null && error >= 0 && t > error ? " after" : ""}`);
  item.tabIndex = 0;
  item.dataset.t = t;
  const names = { 1: "right", 0: "wrong" };
  const head = make("div", "stephead", make("b", "", `Step ${t}`));
  const secret = make("span", "stephead secret");
  const mark = make("b", `m${label}`, `${{ 1: "✓", 0: "✗" }[label] ?? "·"} ${names[label] ?? "no label"}`);
  secret.append(mark, make("span", "", `p ${two(p)}`));
  if (value !== null || low !== null) secret.append(valueOf(value, low, high));
  if (advantage !== null) secret.append(make("span", "", `advantage ${advantage >= 0.005 ? "+" : ""}${two(advantage)}`));
  head.append(secret);
  if (part === "thinking") head.append(make("span", "", "thinking"));
  if (repeated) head.append(make("span", "", "says what an earlier step said"));
  item.append(head, long("text", text.replace(/\n+$/, "")), says(step, t));
  if (reviewing) item.append(votes(t));
  item.setAttribute("aria-label", `Step ${t}`);
  return item;
}

function valueOf(value, low, high) {
  const whole = make("span", "value");
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 100 10");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  shape(svg, "rail", 0, 100, 4, 2);
  if (low !== null && high !== null) shape(svg, "span", 100 * low, Math.max(1, 100 * (high - low)), 1, 8);
  if (value !== null) shape(svg, "mean", Math.min(98, Math.max(0, 100 * value - 1)), 2, 0, 10);
  const text = low === null ? `value ${two(value)}` : `value ${two(value)} [${two(low)}, ${two(high)}]`;
  whole.append(text, svg);
  return whole;
}

// Every annotator's verdict with its reason; those that have nothing to say of such text in one line.
function says(step, t) {
  const [, , , , , success, known, unknown, censored] = step;
  const lines = make("ul", "says secret");
  const say = (who, verdict, reason) => {
    const known = ["correct", "incorrect"].includes(verdict) ? verdict : "unknown";
    const line = make("li", "", make("b", "", clean(who) + " "), make("span", known, clean(verdict)));
    if (reason) write(line, `: ${reason}`);
    lines.append(line);
  };
  if (known || unknown) {
    const more = [unknown ? `${unknown} unknown` : "", censored ? "drawing stopped early" : ""].filter(Boolean);
    lines.append(make("li", "", make("b", "", "rollouts "), `${success} of ${known} reach the answer` + (more.length ? `, ${more.join(", ")}` : "")));
  }
  const silent = [];
  for (const [who, verdict, reason] of step[13]) {
    if (verdict === "unknown" && reason === "not_covered") silent.push(clean(who));
    else say(who ?? "?", verdict, reason);
  }
  const truth = THIS.row.truth[t];
  if (truth) say("truth", { c: "correct", i: "incorrect", u: "unknown" }[truth], "");
  for (const [who, verdict] of people.of(THIS.i, t)) if (!reviewing || who !== people.me()) say(who, verdict, "a person's verdict");
  if (silent.length) lines.append(make("li", "unknown", `says nothing of such text: ${silent.join(", ")}`));
  return lines;
}

function wrote(row) {
  if (!row.wrote.length) return [];
  const box = make("details", "wrote", make("summary", "", `What judges wrote (${row.wrote.length})`));
  for (const [who, mode, step, first, words, reason] of row.wrote) {
    const about = step === null ? "" : `, step ${step}`;
    const what = reason ? `not read: ${clean(reason)}` : `first error ${place(first)}`;
    box.append(make("p", "note", `${clean(who)}, ${clean(mode)}${about}: ${what}`), long("text", words || "(nothing)"));
  }
  return [box];
}

// The step that keys speak of.
function stepNow() {
  return document.activeElement?.closest?.(".step") ?? null;
}

function walkSteps(by) {
  const steps = [...$("solution").querySelectorAll(".step")];
  const here = steps.indexOf(stepNow());
  const to = here < 0 ? (by > 0 ? 0 : steps.length - 1) : Math.min(steps.length - 1, Math.max(0, here + by));
  steps[to]?.focus();
  steps[to]?.scrollIntoView({ block: "nearest" });
}
