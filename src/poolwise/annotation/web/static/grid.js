"use strict";
// Many at once: those of one suggestion beside one another; the wrong ones are clicked, the rest is confirmed.

const SHEET = 48;
let round = null;
let items = [];
let shownAt = 0;
let busy = false;
const wrong = new Set();

function take(found) {
  items = found.items;
  round = found.progress.round;
  wrong.clear();
  showProgress(found.progress);
  $("none").hidden = items.length > 0;
  const sheets = [];
  let last = null;
  for (const item of items) {
    const head = item.suggestion.join(", ") || "none";
    if (head !== last) {
      const title = document.createElement("h2");
      title.textContent = head;
      const list = document.createElement("ul");
      list.className = "sheet";
      sheets.push(title, list);
      last = head;
    }
    sheets[sheets.length - 1].append(tile(item));
  }
  $("sheets").replaceChildren(...sheets);
  count();
  shownAt = performance.now();
  const first = document.querySelector(".tile");
  if (first) first.focus({preventScroll: true});
}

function tile(item) {
  const line = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "tile";
  button.dataset.id = item.id;
  button.setAttribute("aria-pressed", "false");
  const image = document.createElement("img");
  image.src = item.small;
  image.alt = `suggested ${item.suggestion.join(", ")}`;
  image.onload = () => image.classList.toggle("crisp", Math.max(image.naturalWidth, image.naturalHeight) <= 64);
  const sure = document.createElement("span");
  sure.textContent = [
    item.probability === null ? "" : `${Math.round(item.probability * 100)} %`, item.cluster ? `cluster ${item.cluster}` : "",
  ].filter(Boolean).join(" · ");
  button.append(image, sure);
  button.addEventListener("click", () => {
    if (!wrong.delete(item.id)) wrong.add(item.id);
    button.setAttribute("aria-pressed", String(wrong.has(item.id)));
    count();
  });
  line.append(button);
  return line;
}

function count() {
  $("confirm").disabled = !items.length;
  $("chosen").textContent = items.length ? `${items.length - wrong.size} right, ${wrong.size} wrong` : "";
}

async function confirm() {
  if (busy || !items.length) return;
  busy = true;
  const seconds = (performance.now() - shownAt) / 1000 / items.length;
  const answers = items.filter((item) => !wrong.has(item.id)).map((item) => ({
    key: newKey(), sample_id: item.id, said: "label", labels: item.suggestion, seconds: Math.round(seconds * 1000) / 1000,
  }));
  try {
    take(await askUntil("/api/answer", {tab: TAB, count: SHEET, grid: true, round, answers, aside: Array.from(wrong)}));
    scrollTo(0, 0);
  } catch (error) {
    if (!tooOld(error)) say(error.message);
  } finally {
    busy = false;
  }
}

const STEPS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

function move([across, down]) {
  const tiles = Array.from(document.querySelectorAll(".tile"));
  const at = Math.max(0, tiles.indexOf(document.activeElement));
  if (across) return tiles[Math.min(tiles.length - 1, Math.max(0, at + across))]?.focus();
  const here = tiles[at].getBoundingClientRect();
  const there = tiles.filter((each) => (each.getBoundingClientRect().top - here.top) * down > 1);
  const distance = (each) => {
    const box = each.getBoundingClientRect();
    return Math.abs(box.top - here.top) * 1000 + Math.abs(box.left - here.left);
  };
  there.sort((one, other) => distance(one) - distance(other))[0]?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat && event.key === "Enter") return;
  if (STEPS[event.key] && items.length) move(STEPS[event.key]);
  else if (event.key === "Enter" && !event.target.matches("a, header button")) confirm();
  else return;
  event.preventDefault();
});
$("confirm").addEventListener("click", confirm);

askUntil("/api/take", {tab: TAB, count: SHEET, grid: true}).then(take).catch((error) => say(error.message));
