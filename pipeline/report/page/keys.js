// The keyboard, and the start.
const KEYS = {
  n: () => walk(1), p: () => walk(-1), j: () => walkSteps(1), k: () => walkSteps(-1), l: toList,
  "/": () => { toList(); $("search").focus(); $("search").select(); }, "?": () => help(true),
};
const SAY = { c: "correct", i: "incorrect", u: "unknown", x: null };
let before = null; // what had the focus before the help was opened

function help(open) {
  $("help").hidden = !open;
  if (open) {
    before = document.activeElement;
    $("close-help").focus();
  } else before?.focus();
}

function say(key) {
  const step = stepNow();
  if (!step || !THIS.row) return;
  const t = Number(step.dataset.t);
  if (key === "a") upTo(t);
  else vote(t, SAY[key]);
  if (key === "c" || key === "a") walkSteps(1);
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (!$("help").hidden) {
    if (event.key === "Escape") help(false);
    if (event.key === "Tab") { event.preventDefault(); $("close-help").focus(); }
    return;
  }
  if (event.target.closest?.("input, select, textarea")) {
    if (event.key === "Escape") {
      event.preventDefault(); // which would empty a search field
      event.target.blur();
    }
    return;
  }
  if (!index) return;
  if (KEYS[event.key]) KEYS[event.key]();
  else if (reviewing && (event.key in SAY || event.key === "a")) say(event.key);
  else if (reviewing && event.key === "z") undo();
  else return;
  event.preventDefault();
});
$("close-help").addEventListener("click", () => help(false));

function follow() {
  if (!location.hash.startsWith("#s-")) return false;
  let id = "";
  try { id = decodeURIComponent(location.hash.slice(3)); } catch { return false; }
  const i = numbers.get(id);
  if (i !== undefined) show(i, true);
  return i !== undefined;
}

async function start() {
  if (typeof DecompressionStream === "undefined") {
    trouble("This browser is too old to open the solutions (it has no DecompressionStream); all else is above.");
    return;
  }
  try {
    await openIndex();
    $("browser").hidden = false;
    await beginReview();
    choices();
    watchFilters();
    if (reviewing) {
      // So that what people say stands for the kept whole.
      $("order").value = "fair";
      $("keep").value = "1";
    }
    await refresh();
    addEventListener("popstate", () => follow() || $("browser").classList.remove("one"));
    if (!follow() && list.found.length) {
      const wrong = list.found.find((i) => index.keep[i] && index.first[i] !== null && index.first[i] >= 0);
      await show(reviewing ? list.found[0] : (wrong ?? list.found[0]), false);
      $("browser").classList.remove("one"); // on a phone the list comes first
    }
    document.documentElement.dataset.ready = "yes";
  } catch (error) {
    trouble(`The solutions cannot be opened: ${error.message}. The file may be cut short; make it again with stepsmith report.`);
  }
}
start();
