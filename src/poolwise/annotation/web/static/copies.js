"use strict";
// Duplicate groups: one stays, the others go.

const answered = [];  // groups that left this sheet, the last one at the end

async function keep(group, ids) {
  if (group.dataset.sent) return;
  group.dataset.sent = "yes";
  try {
    const found = await askUntil("/api/keep", {key: newKey(), group: Number(group.dataset.number), keep: ids});
    say(`Group ${group.dataset.number}: ${found.removed} removed.`);
    group.remove();
    answered.push(group);
    if (!document.querySelector(".group")) location.reload();
  } catch (error) {
    delete group.dataset.sent;
    if (!tooOld(error)) say(error.message);
  }
}

// A later word on a group stands for the earlier one.
function undo() {
  const group = answered.pop();
  if (!group) return say("There is no group to bring back.");
  delete group.dataset.sent;
  $("undo").closest("p").after(group);
  say(`Group ${group.dataset.number} is back: choose again which one stays.`);
}

const members = (group) => Array.from(group.querySelectorAll(".member"));

for (const group of document.querySelectorAll(".group")) {
  for (const member of members(group)) {
    member.addEventListener("click", () => keep(group, [Number(member.dataset.id)]));
    const image = member.querySelector("img");
    const crisp = () => image.classList.toggle("crisp", image.naturalWidth > 0 && Math.max(image.naturalWidth, image.naturalHeight) <= 64);
    image.addEventListener("load", crisp);
    crisp();
  }
  group.querySelector(".all").addEventListener("click", () => keep(group, members(group).map((each) => Number(each.dataset.id))));
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.key === "u" || event.key === "Backspace") return undo();
  const group = document.querySelector(".group:not([data-sent])");
  if (!group) return;
  const member = members(group)[Number(event.key) - 1];
  if (member) member.click();
  else if (event.key === "a") group.querySelector(".all").click();
});

$("undo").addEventListener("click", (event) => { undo(); event.currentTarget.blur(); });

ask("/api/figures").then((found) => showProgress(found.progress)).catch((error) => say(error.message));
