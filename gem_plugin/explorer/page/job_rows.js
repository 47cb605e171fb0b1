// One job in the list: what it is, how far, how it ended, and what can be done with it.

/** actions: stop, remove, show and openAgain, each called with the job. */
export function rowOfJob(job, actions) {
  const row = document.createElement("div");
  row.className = `job ${job.state}`;
  row.dataset.job = job.number;
  row.setAttribute("role", "listitem");
  row.append(headOfJob(job, actions));
  if (job.state === "running") row.append(barOfJob(job));
  const words = document.createElement("p");
  words.textContent = [job.words, job.result.file].filter(Boolean).join(" · ");
  row.append(words);
  return row;
}

function headOfJob(job, actions) {
  const head = document.createElement("div");
  head.className = "row";
  const title = document.createElement("span");
  title.className = "job-title";
  title.textContent = `${job.kind}: ${job.title}`;
  const state = document.createElement("b");
  state.textContent = job.state;
  state.title = timesInWords(job);
  head.append(title, state);
  const add = (label, name) => {
    const button = document.createElement("button");
    button.textContent = label;
    button.dataset.action = name;
    button.onclick = () => actions[name](job);
    head.append(button);
  };
  if (job.state === "running") add("stop", "stop");
  if (job.state === "done" && job.result.reconstruction) add("show", "show");
  if (job.state === "done" && job.result.hasNewResults) add("show the new states", "openAgain");
  if (job.state !== "running") add("remove from the list", "remove");
  return head;
}

function barOfJob({ fraction, kind }) {
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.setAttribute("aria-label", `progress of ${kind}`);
  if (fraction !== null) bar.value = fraction; // without a value it moves to and fro
  return bar;
}

/** "started 2026-11-26 22:10:05, took 3.2 s" */
export function timesInWords({ started, ended }) {
  const start = `started ${new Date(1000 * started).toLocaleString("sv")}`;
  return ended ? `${start}, took ${(ended - started).toFixed(1)} s` : start;
}
