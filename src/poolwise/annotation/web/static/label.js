"use strict";
// One picture after the other. An answer is sent, and the next picture shown when the server has it in the ledger.

const AHEAD = 4;  // pictures held: the one on the screen and those that are loaded while it is looked at
const section = $("label");
const several = Boolean(section.dataset.several);
const buttons = Array.from(document.querySelectorAll("#classes .class"));
let queue = [];
let progress = null;
let chosen = new Set();
let shownAt = 0;  // when the picture appeared, less the time in which the page was hidden
let hiddenAt = 0;
let begun = performance.now();
let busy = false;
const loaded = new Map();

function load(item) {
  if (!loaded.has(item.id)) {
    const image = new Image();
    image.src = item.picture;
    loaded.set(item.id, image);
    image.decode().catch(() => {});
  }
  return loaded.get(item.id);
}

function take(found) {
  queue = found.items;
  progress = found.progress;
  showProgress(progress);
  const ids = new Set(queue.map((item) => item.id));
  for (const id of loaded.keys()) if (!ids.has(id)) loaded.delete(id);
  show();
  queue.slice(1).forEach(load);
}

function show(note = "", labels = null) {
  const item = queue[0];
  section.hidden = !item;
  $("waiting").hidden = Boolean(item);
  if (!item) return wait();
  const image = load(item);
  const old = $("picture");
  if (old !== image) {
    image.id = "picture";
    image.alt = "the picture to label";
    image.onload = () => crisp(image);
    crisp(image);
    old.replaceWith(image);
  }
  image.dataset.sample = item.id;
  chosen = new Set(several ? labels || (item.review ? item.given : item.suggestion) || [] : []);
  $("note").value = note;
  $("note").hidden = !note;
  describe(item);
  mark();
  shownAt = performance.now();
}

function crisp(image) {
  image.classList.toggle("crisp", image.naturalWidth > 0 && Math.max(image.naturalWidth, image.naturalHeight) <= 64);
}

const text = (labels) => labels && labels.length ? labels.join(", ") : "none";

function describe(item) {
  $("pair").hidden = !item.review;
  if (item.review) {
    $("given").textContent = text(item.given);
    $("suggested").textContent = text(item.suggestion);
    $("change").hidden = item.suggestion === null || text(item.given) === text(item.suggestion);
    $("question").textContent = `Labelled ${text(item.given)}. Is that right?`;
  } else {
    $("question").textContent = item.suggestion === null ? (several ? "What do you see?" : "What is it?")
      : `Looks like ${text(item.suggestion)}${item.probability === null ? "" : ` (${Math.round(item.probability * 100)} %)`}`;
  }
  $("reason").textContent = item.reason;
  if ($("accept")) $("accept").hidden = item.suggestion === null || item.review;
  const list = $("neighbours").querySelector("ul");
  $("neighbours").hidden = !item.neighbours.length;
  list.replaceChildren(...item.neighbours.map((near) => {
    const line = document.createElement("li");
    const image = document.createElement("img");
    image.src = near.picture;
    image.alt = "";
    image.onload = () => crisp(image);
    line.append(image, near.label || "none");
    return line;
  }));
}

function mark() {
  const item = queue[0];
  for (const button of buttons) {
    const name = button.dataset.name;
    button.classList.toggle("suggested", Boolean(item.suggestion && item.suggestion.includes(name)));
    button.setAttribute("aria-pressed", several ? chosen.has(name) : "false");
  }
}

async function send(said, labels = []) {
  const item = queue[0];
  if (!item || busy) return;
  const answer = {
    key: newKey(), sample_id: item.id, said, labels, note: $("note").value,
    seconds: Math.round(performance.now() - shownAt) / 1000,
  };
  await post({tab: TAB, count: AHEAD, round: progress.round, answers: [answer]});
}

// What is on its way is kept in the tab, so that loading the page again sends it again, under the same key.
async function post(body) {
  busy = true;
  document.body.classList.add("busy");
  if (body.answers.length) sessionStorage.unsent = JSON.stringify({...document.body.dataset, body});
  try {
    const found = await askUntil("/api/answer", body);
    delete sessionStorage.unsent;
    take(found);
  } catch (error) {
    if (error.status === 401 || tooOld(error)) return;  // sent again after the login, or when the page is new
    delete sessionStorage.unsent;
    take(await askUntil("/api/take", {tab: TAB, count: AHEAD}));
    say(error.message);
  } finally {
    busy = false;
    document.body.classList.remove("busy");
  }
}

function choose(name) {
  if (!several) return send("label", [name]);
  if (!chosen.delete(name)) chosen.add(name);
  mark();
}

function accept() {
  const item = queue[0];
  if (!item) return;
  if (several) send("label", Array.from(chosen));
  else if (item.suggestion !== null && !item.review) send("label", item.suggestion);
}

function skip() {
  if (queue[0] && !busy) post({tab: TAB, count: AHEAD, round: progress.round, answers: [], aside: [queue[0].id]});
}

async function undo() {
  if (busy) return;
  busy = true;
  try {
    const found = await askUntil("/api/undo", {tab: TAB, key: newKey()});
    progress = found.progress;
    showProgress(progress);
    if (found.item) {
      queue = [found.item, ...queue.filter((item) => item.id !== found.item.id)];
      show(found.note, found.labels);
    } else say("There is nothing to take back in this batch.");
  } catch (error) {
    if (!tooOld(error)) say(error.message);
  } finally {
    busy = false;
  }
}

function zoom() {
  if ($("large").open) return $("large").close();
  if (!queue[0]) return;
  $("zoomed").src = queue[0].zoom;
  $("zoomed").onload = () => crisp($("zoomed"));
  $("large").showModal();
}

function noting() {
  $("note").hidden = false;
  $("note").focus();
}

// Nothing to show: the batch is full, others hold the rest, or the loop is at work. Look again every second.
let waiting = 0;
let looks = 0;
async function wait() {
  clearTimeout(waiting);
  describeWait();
  waiting = setTimeout(async () => {
    try {
      const found = await ask("/api/take", {tab: TAB, count: AHEAD});
      if (queue.length) return;
      if (busy) wait();
      else take(found);
    } catch (error) {
      if (tooOld(error)) return;
      say("The server does not answer; trying again …");
      why(error);
      wait();
    }
  }, 1000);
}

function describeWait() {
  const now = progress;
  let head = "", told = "";
  if (now.over) { head = "The run is over"; told = now.over; }
  else if (now.full) {
    head = "The batch is full";
    told = now.next_command ? `Thank you. The run goes on with: ${now.next_command}` : "Thank you. The model learns from it next.";
  } else if (now.total) { head = "Others have the rest"; told = "Pictures that they do not answer come back later."; }
  else { head = now.stage || "Nothing to label at the moment"; told = now.next_command && !now.since ? `Go on with: ${now.next_command}` : ""; }
  if (now.scores.length) {
    const [labels, score] = now.scores[now.scores.length - 1];
    told += ` Last round: ${now.metric} ${score.toFixed(3)} with ${labels} labels.`;
  }
  $("headline").textContent = head;
  $("told").textContent = told;
  $("training").hidden = !now.since;
  if (now.since && now.expected) $("training").value = Math.min(0.99, (Date.now() / 1000 - now.since) / now.expected);
  else $("training").removeAttribute("value");
  $("undo-last").hidden = !(now.total && now.mine);
  if (now.total && looks++ % 5 === 0) showPeople($("people")).catch(() => {});
}

const KEYS = {
  Enter: accept, x: () => send("cannot tell"), s: skip, u: undo, Backspace: undo, z: zoom, n: noting,
  k: () => queue[0] && queue[0].review && send("label", queue[0].given),
  c: () => queue[0] && queue[0].review && !$("change").hidden && send("label", queue[0].suggestion),
  r: () => queue[0] && queue[0].review && send("remove"),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.matches("textarea, input")) {
    if (event.key === "Escape") event.target.blur();
    else if (event.key === "Enter" && event.target === $("find")) { event.preventDefault(); found(); }
    return;
  }
  if ($("large").open && event.key !== "z") return;
  if (event.key === "Enter" && event.target.closest("a, button")) return;  // reached with Tab: Enter means it
  const button = buttons.find((each) => each.dataset.key && each.dataset.key === event.key);
  if (button) choose(button.dataset.name);
  else if (event.key === "/" && $("find")) $("find").focus();
  else if (KEYS[event.key]) KEYS[event.key]();
  else return;
  event.preventDefault();
});

// The class that is typed whole, else one that begins so, else the first that is shown.
function found() {
  const typed = $("find").value.trim();
  const lower = typed.toLowerCase();
  const fits = [(name) => name === typed, (name) => name.toLowerCase() === lower, (name) => name.toLowerCase().startsWith(lower),
    (name) => name.toLowerCase().includes(lower)];
  const first = typed && fits.map((fit) => buttons.find((button) => fit(button.dataset.name))).find(Boolean);
  $("find").value = "";
  narrow();
  $("find").blur();
  if (first) choose(first.dataset.name);
}

function narrow() {
  const typed = $("find").value.trim().toLowerCase();
  for (const button of buttons) button.hidden = !button.dataset.name.toLowerCase().includes(typed);
}

for (const button of buttons) button.addEventListener("click", () => { choose(button.dataset.name); button.blur(); });
const CLICKS = {
  accept, done: accept, unsure: KEYS.x, skip, undo, noting, keep: KEYS.k, change: KEYS.c, remove: KEYS.r, frame: zoom,
  large: zoom, "undo-last": undo,
};
for (const [id, work] of Object.entries(CLICKS)) {
  if ($(id)) $(id).addEventListener("click", (event) => { work(); event.currentTarget.blur(); });
}
if ($("find")) $("find").addEventListener("input", narrow);

document.addEventListener("visibilitychange", () => {
  if (document.hidden) hiddenAt = performance.now();
  else if (hiddenAt) { shownAt += performance.now() - hiddenAt; begun += performance.now() - hiddenAt; }
});

setInterval(() => {
  const seconds = Math.round((performance.now() - begun) / 1000);
  $("clock").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}, 1000);

// Says that this tab is still there, so that what it holds stays with it.
setInterval(() => {
  if (!document.hidden && queue.length && !busy) {
    ask("/api/take", {tab: TAB, count: queue.length}).then((got) => showProgress(got.progress)).catch(why);
  }
}, 30000);

(async () => {
  const left = JSON.parse(sessionStorage.unsent || "null");
  // numbers of samples mean other pictures in another data set, also where its run has the same name
  if (left && ["run", "person", "pictures"].every((each) => left[each] === document.body.dataset[each])) return post(left.body);
  take(await askUntil("/api/take", {tab: TAB, count: AHEAD}));
})();
