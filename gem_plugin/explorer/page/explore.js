// Starts the page of the explorer.

import { ExplorerPage } from "./explorer_page.js";
import { attempt } from "./messages.js";
import { askJson } from "./server.js";

await attempt(async () => {
  window.gem = new ExplorerPage(await askJson("/api/run"));
  await window.gem.start();
});
window.gemIsReady = Boolean(window.gem);
