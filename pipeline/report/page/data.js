// The embedded solutions: the index at once, the rest in pieces, opened when one is needed.
const KEPT_OPEN = 6; // pieces; more of them would fill a phone's memory
const open_ = new Map();
const texts = new Map(); // of a piece: what a search looks through
let index = null;
const numbers = new Map(); // of solutions, by id

async function unpack(id) {
  const bytes = Uint8Array.from(atob($(id).textContent), (one) => one.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

async function piece(number) {
  let found = open_.get(number);
  open_.delete(number); // and to the end: the last to be forgotten
  found ??= unpack(`chunk-${number}`);
  open_.set(number, found);
  if (open_.size > KEPT_OPEN) open_.delete(open_.keys().next().value);
  return found;
}

async function solutionAt(i) {
  const { rows, problems } = await piece(Math.floor(i / config.chunk));
  const row = rows[i % config.chunk];
  const [problem, answer] = problems[row.q];
  return { ...row, problem, answer };
}

async function textsOf(number) {
  if (!texts.has(number)) {
    const { rows, problems } = await piece(number);
    texts.set(number, rows.map((row) =>
      [problems[row.q][0], ...row.steps.map((step) => step[0]), ...row.steps.flatMap((step) => step[13].map((said) => said[2] ?? ""))]
        .join("\n").toLowerCase()));
  }
  return texts.get(number);
}

async function openIndex() {
  index = await unpack("index");
  index.id.forEach((id, i) => numbers.set(id, i));
}

const flagged = (i, name) => Boolean(index.flags[i] & (1 << config.flags.indexOf(name)));
