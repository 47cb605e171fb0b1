// How old the preliminary page is, so that a run that was killed does not seem to go on.
const state = document.getElementById("state");
const age = document.getElementById("age");

function words(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

function showAge() {
  const seconds = Math.max(0, Date.now() / 1000 - Number(age.dataset.written));
  const isLate = state.className === "going-on" && seconds > Number(age.dataset.late);
  age.textContent = isLate
    ? `Not written anew for ${words(seconds)}, later than expected: the run may have ended without a word, ` +
      "or it is busy elsewhere. run.log in its folder has the last lines."
    : `Written ${words(seconds)} ago.`;
  age.className = isLate ? "warning" : "";
}

showAge();
setInterval(showAge, 5000);
