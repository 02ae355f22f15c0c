"use strict";
// Who labelled how fast, and what the rounds came to.

async function look() {
  const progress = await showPeople($("people"));
  showProgress(progress);
  const rows = progress.scores.map(([labels, score], at) => [at, labels, score.toFixed(4)]);
  $("rounds").replaceChildren(rows.length ? table(["round", "labels", progress.metric], rows) : "None is finished yet.");
}

look().catch(why);
setInterval(() => { if (!document.hidden) look().catch(why); }, 5000);
