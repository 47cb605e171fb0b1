"use strict";
// Sessions: everything that the page shows, under a name, and back.

class Sessions {
  constructor(page) {
    this.page = page;
    this.fillNames(page.run.sessions);
    byId("session-save").onclick = () => this.save();
    byId("session-open").onclick = () => attempt(() => this.open());
  }

  fillNames(names) { byId("session-names").replaceChildren(...names.map((name) => new Option(name))); }

  async save() {
    const { page } = this;
    const content = {
      axes: Object.fromEntries(Object.entries(page.chosen).map(([role, column]) => [role, column.name])),
      view: page.cloud.view,
      filters: page.filters.map((filter) => ({ column: filter.column.name, range: filter.range })),
      hiddenGroups: [...page.hiddenGroups],
      selected: Array.from(page.cloud.flags.keys()).filter((row) => page.cloud.flags[row] & SELECTED),
      ...page.travel.settings(),
      molecule: page.molecule?.settings() ?? null,
      clicked: page.clicked,
      grouping: page.grouping?.mapStates ? page.grouping.settings() : null,
    };
    const answer = await attempt(() => askJson(`/api/session/${encodeURIComponent(byId("session-name").value)}`, content));
    if (answer) { this.fillNames(answer.sessions); say(`session saved: ${answer.files[0]}`); }
  }

  async open() {
    const { page } = this;
    const content = await askJson(`/api/session/${encodeURIComponent(byId("session-name").value)}`);
    if (content.grouping && page.grouping) await page.grouping.restore(content.grouping);
    await page.setAxes(content.axes.x, content.axes.y, content.axes.colour);
    for (const filter of [...page.filters]) filter.element.querySelector("button").click();
    for (const { column, range } of content.filters) (await page.addFilter(column)).setRange(...range);
    page.hiddenGroups = new Set(content.hiddenGroups);
    page.drawLegend();
    page.cloud.view = content.view;
    page.travel.restore(content);
    page.refilter();
    page.select(content.selected, "new");
    page.clicked = content.clicked;
    page.draw();
    if (page.molecule && content.molecule) await page.molecule.restore(content.molecule);
    say("session opened");
  }
}
