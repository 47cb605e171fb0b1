"use strict";
// States: group again with other settings, see the tree, and the mean, spread and difference maps.

class Grouping {
  constructor(page, landscape) {
    this.page = page;
    this.landscape = landscape;
    this.number = byId("n-states");
    this.linkage = byId("linkage");
    this.region = byId("region");
    this.canvas = byId("dendrogram");
    this.list = byId("states-list");
    this.number.value = landscape.nStates;
    this.number.max = landscape.nMaps;
    for (const name of page.run.linkages) this.linkage.add(new Option(name));
    for (const name of landscape.regions) this.region.add(new Option(name));
    this.linkage.value = landscape.linkage;
    for (const input of [this.number, this.linkage, this.region]) input.onchange = () => this.group();
    this.compared = null;
    this.masks = new MaskChooser(page, landscape, () => this.group());
  }

  settings() { return { nStates: Number(this.number.value), linkage: this.linkage.value, region: this.region.value, mask: this.masks.wish() }; }

  /** The fields as a saved session has them. */
  async restore({ nStates, linkage, region, mask }) {
    [this.number.value, this.linkage.value, this.region.value] = [nStates, linkage, region];
    this.masks.restore(mask ?? { kind: "landscape" });
    await this.masks.look();
    await this.group();
  }

  label() {
    const { nStates, linkage, region, mask } = this.settings();
    const where = mask.kind === "landscape" ? [] : [mask.kind === "made" ? "mask made here" : mask.file];
    return `states (${[nStates, linkage, ...(region === "whole" ? [] : [region]), ...where].join(", ")})`;
  }

  /** Ask for the states; at the start they are the landscape's own, which are among the columns already. */
  async group(isNewColumn = true) {
    const start = performance.now();
    if (isNewColumn) say("grouping the maps ...");
    const answer = await attempt(() => askPacked("/api/group", this.settings()));
    if (!answer) return;
    this.milliseconds = performance.now() - start;
    if (isNewColumn) say("");
    const { head, bytes } = answer;
    this.mapStates = head.mapStates;
    this.head = head;
    byId("states-quality").textContent = `silhouette ${head.silhouette.toFixed(2)} (1: well apart, 0: not)`;
    if (isNewColumn) await this.page.addColumn({ name: "states_here", label: this.label(), isGroup: true, lowest: 0, highest: head.counts.length }, new Float32Array(bytes));
    this.drawTree();
    this.fillList();
  }

  fillList() {
    const table = document.createElement("table");
    this.head.counts.forEach((count, index) => {
      const row = table.insertRow(), number = index + 1, swatch = document.createElement("span");
      swatch.className = "swatch";
      swatch.style.background = cssColour(colourOfGroup(number));
      row.insertCell().append(swatch, String(number));
      const size = row.insertCell();
      size.textContent = count.toLocaleString("en");
      size.title = `${(100 * count / this.page.run.nParticles).toFixed(1)} % of the particles`;
      const cell = row.insertCell();
      for (const [kind, title] of [["mean", "mean map"], ["std", "spread map"], ["difference", "difference from the state shown before"]]) {
        const button = document.createElement("button");
        button.textContent = { mean: "mean", std: "std", difference: "diff" }[kind];
        button.title = title;
        button.dataset.state = number;
        button.dataset.kind = kind;
        button.onclick = () => this.show(number, kind);
        cell.append(button);
      }
    });
    this.list.replaceChildren(table);
  }

  async show(number, kind) {
    const other = this.compared && this.compared !== number ? this.compared : number === 1 ? 2 : 1;
    say(`averaging the maps of state ${number} ...`);
    const answer = await attempt(() => askPacked("/api/state", { mapStates: this.mapStates, number, kind, other }));
    if (!answer) return;
    say("");
    const titles = { mean: `mean of state ${number}`, std: `spread within state ${number}`, difference: `state ${number} minus state ${other}` };
    await this.page.molecule.show(answer.bytes, titles[kind], Boolean(answer.head.isSigned));
    if (kind === "mean") this.compared = number;
  }

  /** The last merges of the tree, with the height at which it is cut. */
  drawTree() {
    const tree = this.head.tree, nLeaves = tree.length + 1, shown = Math.min(30, nLeaves);
    const canvas = this.canvas, width = (canvas.width = canvas.clientWidth || 226), height = canvas.height, context = canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    if (!tree.length) return;
    const highest = tree[tree.length - 1][2] || 1, firstDrawn = tree.length - (shown - 1);
    let place = 0;
    const up = (value) => height - 6 - (value / highest) * (height - 14);
    const visit = (node) => { // gives [x, height of the node]
      const merge = node - nLeaves;
      if (merge < firstDrawn) return [((place++ + 0.5) / shown) * width, merge < 0 ? 0 : tree[merge][2]];
      const [xa, ya] = visit(tree[merge][0]), [xb, yb] = visit(tree[merge][1]), y = tree[merge][2];
      context.strokeStyle = "#5d6b7a";
      for (const [x0, y0, x1, y1] of [[xa, ya, xa, y], [xb, yb, xb, y], [xa, y, xb, y]]) line(context, x0, up(y0), x1, up(y1));
      return [(xa + xb) / 2, y];
    };
    visit(nLeaves + tree.length - 1);
    const nStates = this.head.counts.length;
    if (nStates > 1 && nStates <= tree.length) {
      const cut = (tree[tree.length - nStates][2] + tree[tree.length - nStates + 1][2]) / 2;
      context.strokeStyle = "#D55E00";
      context.setLineDash([4, 3]);
      line(context, 0, up(cut), width, up(cut));
      context.setLineDash([]);
    }
  }
}
