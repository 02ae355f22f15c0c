"use strict";
// What all pages share: asking the server, keys of answers, progress, light and dark.

const $ = (id) => document.getElementById(id);
const CSRF = document.querySelector("meta[name=csrf]").content;

function newKey() {
  // crypto.randomUUID is for https and localhost alone; a phone in the local network has neither
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// A tab keeps its name when it is loaded again, and with it the pictures that it holds.
const TAB = sessionStorage.tab || (sessionStorage.tab = newKey());

class Refused extends Error {
  constructor(status, detail, ours) { super(detail); this.status = status; this.ours = ours; }
}

async function ask(path, body) {
  const options = body === undefined ? {} : {
    method: "POST", body: JSON.stringify(body),
    headers: {"content-type": "application/json", "x-poolwise-csrf": CSRF},
  };
  const response = await fetch(path, {...options, redirect: "error"});
  if (response.ok) return response.json();
  if (response.status === 401) { location.assign("/login"); }
  let detail = response.statusText, ours = false;
  try { detail = (await response.json()).detail; ours = true; } catch { /* not ours: a proxy's page */ }
  throw new Refused(response.status, typeof detail === "string" ? detail : JSON.stringify(detail), ours);
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// Ask until the server answers: a slow network, a server that is being started anew. What is refused is not sent again.
async function askUntil(path, body) {
  for (let wait = 200; ; wait = Math.min(wait * 2, 5000)) {
    try {
      const found = await ask(path, body);
      say("");
      trouble("");
      return found;
    } catch (error) {
      if (error instanceof Refused && error.status < 500) throw error;
      say("Not saved yet; trying again …");
      why(error);
      await pause(wait);
    }
  }
}

// A page that was made before the server's keys changed is loaded anew, once in a while; what it had to send is kept.
function tooOld(error) {
  if (error.status !== 403 || Date.now() - Number(sessionStorage.reloaded || 0) < 5000) return false;
  sessionStorage.reloaded = Date.now();
  location.reload();
  return true;
}

function say(text) {
  const place = $("saved");
  if (place) place.textContent = text;
}

function showProgress(progress) {
  $("bar").max = Math.max(progress.total, 1);
  $("bar").value = progress.done;
  $("count").textContent = progress.total ? `${progress.done} of ${progress.total} · ${progress.mine} by you` : "";
  trouble(progress.trouble);
}

function trouble(text) {
  if ($("trouble").textContent !== text) $("trouble").textContent = text;  // read out once, not at every try
  $("trouble").hidden = !text;
}

// What our server says is wrong, e.g. that the run's folder was moved.
function why(error) {
  if (error instanceof Refused && error.ours && error.status >= 500) trouble(error.message);
}

function table(heads, rows) {
  const found = document.createElement("table");
  const head = found.createTHead().insertRow();
  for (const text of heads) {
    const cell = document.createElement("th");
    cell.textContent = text;
    head.append(cell);
  }
  const body = found.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const text of row) line.insertCell().textContent = text;
  }
  return found;
}

async function showPeople(place) {
  const found = await ask("/api/figures");
  const percent = (share) => share === null ? "" : `${Math.round(share * 100)} %`;
  const rows = found.people.map((row) => [
    row.person, row.answers, row.seconds === null ? "" : `${row.seconds.toFixed(1)} s`, percent(row.agreement), row.cannot_tell,
  ]);
  const heads = ["", "answers", "median time", "as suggested", "cannot tell"];
  place.replaceChildren(rows.length ? table(heads, rows) : "Nothing yet.");
  return found.progress;
}

const THEMES = ["", "dark", "light"];
function setTheme(name) {
  document.documentElement.dataset.theme = name;
  localStorage.theme = name;
}
setTheme(localStorage.theme || "");
$("theme").addEventListener("click", (event) => {
  event.currentTarget.blur();
  setTheme(THEMES[(THEMES.indexOf(localStorage.theme || "") + 1) % THEMES.length]);
});
