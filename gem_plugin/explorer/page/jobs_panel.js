// Jobs: steps of the run that are started here, and the one list of all that was started, kept over reloads.

import { settingField, settingValues } from "./job_fields.js";
import { rowOfJob } from "./job_rows.js";
import { attempt, byId, choose, say } from "./messages.js";
import { saveUnderName } from "./saving.js";
import { askJson } from "./server.js";

const MILLISECONDS_WHILE_RUNNING = 500;
const WITH_NAME = "select"; // the step that writes a file of its own

export class JobsPanel {
  /**
   * rows(): what is selected; atoms(): key of the loaded model; showReconstruction(name);
   * openAgain(): new results.
   */
  constructor({ rows, atoms, showReconstruction, openAgain }) {
    Object.assign(this, { rows, atoms, showReconstruction, openAgain });
    this.steps = {};
    this.jobs = [];
    byId("job-step").onchange = () => this.showStep();
    byId("job-start").onclick = () => this.startAndSay();
  }

  /** At the start of the page: the steps, and what runs or has ended. */
  async open() {
    this.steps = await askJson("/api/steps");
    byId("job-step").replaceChildren(...Object.keys(this.steps).map((name) => new Option(name)));
    this.showStep();
    this.take(await askJson("/api/jobs"));
  }

  showStep() {
    const name = byId("job-step").value;
    const { help, fields } = this.steps[name];
    byId("job-help").textContent = help;
    byId("job-fields").replaceChildren(...fields.map(settingField));
    byId("job-name-row").hidden = byId("job-selection-row").hidden = name !== WITH_NAME;
    byId("job-error").textContent = "";
  }

  /** What is wrong is said beside the button, too. */
  async startAndSay() {
    byId("job-error").textContent = "";
    byId("job-start").disabled = true;
    try {
      const answer = await this.start();
      if (answer) this.take(answer);
    } catch (error) {
      byId("job-error").textContent = error.message;
      say(error.message, true);
    } finally {
      byId("job-start").disabled = false;
    }
  }

  async start() {
    const step = byId("job-step").value;
    const body = { values: settingValues(byId("job-fields"), this.steps[step].fields) };
    if (step === "flex") body.atoms = this.atoms();
    if (step !== WITH_NAME) return this.startAsked(`/api/jobs/start/${step}`, body);
    if (byId("job-selection").checked) body.rows = Array.from(this.rows());
    return saveUnderName(byId("job-name"), (name) => `/api/jobs/start/${step}?name=${name}`, body);
  }

  /** Results that would be replaced are named first. */
  async startAsked(address, body) {
    try {
      return await askJson(address, body);
    } catch (error) {
      if (!error.mayReplace) throw error;
      const chosen = await choose(error.message, ["replace them", "do not start"]);
      return chosen === 0 ? askJson(`${address}?overwrite=true`, body) : null;
    }
  }

  /** Again and again while something runs; the Connection looks otherwise. */
  async look() {
    this.isLooking = true;
    try {
      while (this.jobs.some(({ state }) => state === "running")) {
        await new Promise((resolve) => setTimeout(resolve, MILLISECONDS_WHILE_RUNNING));
        this.take(await askJson("/api/jobs").catch(() => this)); // the banner says that it is gone
      }
    } finally {
      this.isLooking = false;
    }
  }

  take({ jobs }) {
    const before = new Map(this.jobs.map((job) => [job.number, job.state]));
    const isSame = JSON.stringify(jobs) === JSON.stringify(this.jobs);
    this.jobs = jobs;
    for (const job of jobs) if (before.get(job.number) === "running" && job.state !== "running") sayEnd(job);
    if (!isSame) this.draw();
    if (!this.isLooking) this.look();
  }

  draw() {
    byId("jobs-empty").hidden = this.jobs.length > 0;
    const actions = {
      stop: ({ number }) => this.change("stop", number),
      remove: ({ number }) => this.change("remove", number),
      show: ({ result }) => attempt(() => this.showReconstruction(result.reconstruction)),
      openAgain: () => attempt(() => this.openAgain()),
    };
    byId("jobs-list").replaceChildren(...this.jobs.map((job) => rowOfJob(job, actions)));
  }

  change(what, job) {
    return attempt(async () => this.take(await askJson(`/api/jobs/${what}`, { job })));
  }
}

function sayEnd({ kind, title, state, words }) {
  const how = { done: "has finished", failed: "failed", stopped: "was stopped" }[state];
  say(`The ${kind} ${title} ${how}${words ? `: ${words}` : "."}`, state === "failed");
}
