// The list of baskets: which is active, names, colours and counts; and what is done with them. The
// active basket is what is selected in the plot.

import { SELECTED } from "../../reports/page/point_style.js";
import { channelsOf } from "./basket_colours.js";
import { unpackedBasket } from "./baskets.js";
import { flagMembers, isMember, membersWithFlag } from "./members.js";
import { attempt, byId, counted, say } from "./messages.js";
import { usableName } from "./names.js";

export const BASKET_COLUMN = "basket";
const COLUMN_OF_BASKETS = {
  name: BASKET_COLUMN,
  label: "basket",
  isGroup: true,
  isOfBaskets: true,
  isOfThisPage: true,
  lowest: 0,
  highest: 0,
};

export class BasketPanel {
  /** changed(what): the baskets are others, by what the reader did; chosen(): another one is active. */
  constructor({ baskets, plot, selection, changed, chosen }) {
    Object.assign(this, { baskets, plot, selection, changed, chosen });
    this.nameShown = "";
    plot.columns.add({ ...COLUMN_OF_BASKETS, values: new Float32Array(baskets.nParticles) });
    plot.fillSelects();
    plot.beforeShown = () => this.fillStaleColumn();
    selection.changed = (what) => this.take(what);
    const onClick = (id, work) => { byId(id).onclick = () => attempt(work); };
    onClick("basket-new", () => this.change("new basket", () => baskets.add()));
    onClick("basket-duplicate", () => this.change("duplicate", () => baskets.duplicate(baskets.activeId)));
    onClick("basket-delete", () => this.change("delete", () => baskets.remove(baskets.activeId)));
    onClick("basket-rename", () => this.startRenaming());
    onClick("basket-combine", () => this.combine());
    onClick("basket-colour", () => this.colourByBaskets());
    this.show();
  }

  /** The selection was changed in the plot. */
  take(what) {
    const { baskets } = this;
    const { flags } = this.plot.scatter;
    baskets.setMembers(baskets.activeId, membersWithFlag(flags, SELECTED));
    this.draw();
    this.changed(`${what} (${baskets.active.name})`);
  }

  change(what, work) {
    const { name } = this.baskets.active;
    work();
    this.show();
    this.changed(`${what} (${name})`);
  }

  /** All baskets are others, as in a session. */
  exchange(packed, activeIndex) {
    const { baskets } = this;
    const ids = packed.map((_, index) => `${Date.now().toString(36)}${index}`);
    const all = packed.map((one, index) => unpackedBasket(ids[index], one, baskets.nParticles));
    baskets.byId.clear();
    for (const basket of all) baskets.put(basket);
    if (!all.length) baskets.add();
    baskets.activate(ids[activeIndex]);
    this.show();
  }

  activate(id) {
    this.baskets.activate(id);
    this.show();
    this.chosen();
  }

  combine() {
    const [one, operation, other] =
      ["basket-one", "basket-operation", "basket-other"].map((id) => byId(id).value);
    this.change(operation, () => this.baskets.combine(operation, one, other));
    const { name, count } = this.baskets.active;
    say(`${name}: ${counted(count, "particle")}`);
  }

  async colourByBaskets() {
    const [x, y] = this.plot.names();
    await this.plot.setAxes(x, y, BASKET_COLUMN);
    this.plot.changed("colour: basket");
  }

  /** Baskets or the active one are others: flags, list and colours. */
  show() {
    const { active } = this.baskets;
    flagMembers(this.plot.scatter.flags, SELECTED, active.members);
    this.draw();
    if (this.nameShown !== active.name) byId("selection-name").value = usableName(active.name, "selection");
    this.nameShown = active.name;
    if (this.plot.chosen.x) this.selection.update();
  }

  draw() {
    const all = this.baskets.list();
    byId("baskets").replaceChildren(...all.map((basket) => this.rowOf(basket)));
    byId("baskets").querySelector(".on")?.scrollIntoView({ block: "nearest" });
    for (const id of ["basket-one", "basket-other"]) {
      const select = byId(id);
      const before = select.value;
      select.replaceChildren(...all.map((basket) => new Option(basket.name, basket.id)));
      if (this.baskets.byId.has(before)) select.value = before;
    }
    this.fillColumn(all);
  }

  rowOf(basket) {
    const row = document.createElement("button");
    const isActive = basket.id === this.baskets.activeId;
    row.className = "basket";
    row.classList.toggle("on", isActive);
    row.setAttribute("aria-pressed", String(isActive));
    row.dataset.basket = basket.id;
    row.title = isActive ? "the active basket: a lasso changes it" : "make this basket the active one";
    const swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.style.background = basket.colour;
    const name = document.createElement("span");
    name.className = "basket-name";
    name.textContent = basket.name;
    const count = document.createElement("span");
    count.className = "basket-count";
    count.textContent = basket.count.toLocaleString("en");
    row.append(swatch, name, count);
    row.onclick = () => this.activate(basket.id);
    row.ondblclick = () => this.startRenaming();
    return row;
  }

  rename(id, name) {
    this.change("rename", () => this.baskets.rename(id, name));
  }

  /** A field in place of the name: Enter keeps it, Escape does not. */
  startRenaming() {
    const { active } = this.baskets;
    const row = byId("baskets").querySelector(`[data-basket="${active.id}"]`);
    const field = document.createElement("input");
    field.className = "basket-field";
    field.value = active.name;
    field.setAttribute("aria-label", `new name of ${active.name}`);
    let isOver = false;
    const end = (isKept) => {
      if (isOver) return;
      isOver = true;
      if (!isKept || field.value.trim() === active.name) this.draw();
      else attempt(() => this.rename(active.id, field.value)).then(() => this.draw());
    };
    field.onkeydown = (event) => {
      if (event.key === "Enter") end(true);
      if (event.key === "Escape") end(false);
    };
    field.onblur = () => end(true);
    row.replaceWith(field);
    field.focus();
    field.select();
  }

  /** The column of baskets: of several that hold a particle the active one counts, else the last. */
  fillColumn(all) {
    const column = this.plot.columns.byName.get(BASKET_COLUMN);
    column.highest = all.length;
    column.groupNames = ["none", ...all.map((basket) => basket.name)];
    column.groupColours = [undefined, ...all.map((basket) => channelsOf(basket.colour))];
    if (this.plot.chosen.colour !== column) {
      column.isStale = true;
      return;
    }
    fillValues(column, all, this.baskets.active);
    this.plot.colourAgain();
  }

  /** Before the column is shown: what was put off. */
  fillStaleColumn() {
    const column = this.plot.columns.byName.get(BASKET_COLUMN);
    if (column.isStale) fillValues(column, this.baskets.list(), this.baskets.active);
  }

  /** Names of the baskets that hold a particle. */
  namesAt(row) {
    return this.baskets.list().filter(({ members }) => isMember(members, row)).map(({ name }) => name);
  }
}

function fillValues(column, all, active) {
  const { values } = column;
  values.fill(0);
  const numbered = all.map((basket, index) => [basket, index + 1]);
  const ofActive = numbered.filter(([basket]) => basket === active);
  for (const [{ members }, number] of [...numbered, ...ofActive])
    for (let row = 0; row < values.length; row++) if (isMember(members, row)) values[row] = number;
  column.isStale = false;
}
