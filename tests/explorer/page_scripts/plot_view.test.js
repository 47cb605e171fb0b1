import assert from "node:assert/strict";
import { test } from "node:test";

import { nearestPoint } from "../../../gem_plugin/reports/page/nearest_point.js";
import { paddedLimits, PlotView } from "../../../gem_plugin/reports/page/plot_view.js";
import { SELECTED, SHOWN } from "../../../gem_plugin/reports/page/point_style.js";

function makeView() {
  const view = new PlotView({ left: 50, right: 10, top: 20, bottom: 30 });
  view.size = [460, 250];
  view.limits = { x: [-1, 3], y: [10, 20] };
  return view;
}

function assertNear(found, expected) {
  const furthest = Math.max(...found.map((value, index) => Math.abs(value - expected[index])));
  assert.ok(furthest < 1e-9, `${found} is not ${expected}`);
}

test("the limits lie on the edges of the plot, y upwards", () => {
  const view = makeView();
  assertNear(view.toPixel(-1, 10), [50, 220]);
  assertNear(view.toPixel(3, 20), [450, 20]);
  assert.ok(view.isInside(...view.toPixel(0, 15)));
  assert.ok(!view.isInside(...view.toPixel(3.1, 15)));
});

test("from data to pixels and back is nothing", () => {
  const view = makeView();
  assertNear(view.toData(...view.toPixel(0.3, 17)), [0.3, 17]);
});

test("what is under the pointer stays there while zooming and follows it while panning", () => {
  const view = makeView();
  const here = view.toData(200, 100);
  view.zoom(200, 100, 0.5);
  assertNear(view.toData(200, 100), here);
  assertNear([view.x[1] - view.x[0]], [2]);
  view.pan([200, 100], [240, 90]);
  assertNear(view.toData(240, 90), here);
});

test("limits have room on both sides and never zero length", () => {
  assertNear(paddedLimits({ lowest: 0, highest: 100 }), [-3, 103]);
  assertNear(paddedLimits({ lowest: 4, highest: 4 }), [3.5, 4.5]);
});

test("the nearest point is the nearest on the screen, shown, and within reach", () => {
  const view = makeView();
  const x = Float32Array.of(0, 0.05, 2);
  const y = Float32Array.of(15, 15, 12);
  const flags = Uint8Array.of(SHOWN, SHOWN | SELECTED, SHOWN);
  const [px, py] = view.toPixel(0.04, 15);
  const find = (reach = 12) => nearestPoint({ x, y, flags }, view.transform(), px, py, reach);
  assert.equal(find(), 1);
  flags[1] = SELECTED; // not shown
  assert.equal(find(), 0);
  assert.equal(find(2), -1);
  flags[0] = 0;
  assert.equal(find(), -1);
});
